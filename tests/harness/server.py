# SPDX-License-Identifier: Apache-2.0
import json
import os
import re

from .api import Api
from .process import Process, free_port, program, remove_folder, temporary_folder
from .wait import wait_until


class Server:
    """musterd in a temporary folder: standalone, or serve when a database is given.

    with Server() as server:
        server.admin.get("/nodes")
    """

    def __init__(self, database_url=None, mqtt_url=None, env=None, options=()):
        self.folder = temporary_folder()
        self.data = self.folder / "d"
        self.standalone = database_url is None
        self.database_url = database_url
        self.mqtt_url = mqtt_url
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.ca_path = self.data / "keys" / "ca.crt"
        self.env = {"MUSTER_LOG_LEVEL": "debug", **(env or {})}
        self.options = list(options)
        self.process = None
        self.password = None
        self._admin = None

    def _argv(self):
        common = ["--data", self.data, "--listen", f"127.0.0.1:{self.port}"]
        if self.standalone:
            return [program("musterd"), "standalone", *common, "--mqtt-listen", "127.0.0.1:0",
                    "--webhook-allow", "127.0.0.0/8", *self.options]
        if self.mqtt_url:
            common += ["--mqtt-url", self.mqtt_url]
        return [program("musterd"), "serve", *common, *self.options]

    def spawn(self):
        """Starts the process and waits for nothing."""
        env = dict(self.env)
        if self.database_url:
            env["MUSTER_DATABASE_URL"] = self.database_url
        self.process = Process(self._argv(), self.folder / "log", env=env).start()
        return self

    def start(self):
        self.spawn()
        self.wait_ready()
        return self

    def wait_ready(self):
        wait_until(self.ready, "the server to be ready")
        if self.standalone and self.password is None:
            found = re.search(r"password: (\S+)", (self.data / "first-login.txt").read_text())
            self.password = found.group(1)

    def ready(self):
        if not self.process.running():
            raise AssertionError(f"musterd ended:\n{self.process.log_tail()}")
        if not self.ca_path.exists():
            return False
        try:
            return self.api().request("GET", "/readyz", timeout=5).status_code == 200
        except OSError:
            return False

    def stop(self, **options):
        if self.process is not None:
            process, self.process = self.process, None
            process.stop(**options)

    def kill(self):
        self.process.kill()
        self.process = None

    def close(self):
        try:
            self.stop()
        finally:
            if self.process is not None:
                self.process.kill()
            remove_folder(self.folder)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def api(self, token=None, project=None):
        return Api(self.url, self.ca_path, token=token, project=project)

    @property
    def admin(self):
        """Signed in as the first administrator."""
        if self._admin is None:
            self._admin = self.api()
            self._admin.sign_in("admin", self.password)
        return self._admin

    def processes(self):
        """{pid: arguments} of everything that works on the server's directory."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    arguments = file.read().decode(errors="replace").split("\0")
                folder = os.readlink(f"/proc/{pid}/cwd")
            except OSError:
                continue
            if any(str(self.data) in argument for argument in arguments) or folder.startswith(
                    str(self.data)):
                found[int(pid)] = " ".join(arguments)
        return found

    def pid_of(self, text):
        """The first process whose arguments contain text, or None."""
        return next((pid for pid, line in self.processes().items() if text in line), None)

    @property
    def ports(self):
        return json.loads((self.data / "run" / "ports.json").read_text())

    @property
    def mqtt_port(self):
        return self.ports["mqtt"]

    @property
    def fingerprint(self):
        response = self.api().request("GET", "/ca")
        return response.headers["Muster-CA-Fingerprint"]

    def log(self):
        return (self.folder / "log").read_text(errors="replace")
