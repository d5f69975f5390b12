# SPDX-License-Identifier: Apache-2.0
import json
import signal
import subprocess

from .process import Process, program, remove_folder, temporary_folder
from .wait import wait_until


class Agent:
    """A gateway: muster-agent in its own folder, enrolled at a server with a token of api's project."""

    def __init__(self, server, api=None, name=None, labels=None, folder=None, argv=None):
        """argv is what runs muster-agent instead of the program of this build."""
        self.argv = argv or [program("muster-agent")]
        self.server = server
        self.api = api or server.admin
        self.name = name
        self.labels = labels or {}
        self.root = folder or temporary_folder()
        self.dir = self.root / "a"
        self.process = None

    def run_command(self, *argv, check=True):
        done = subprocess.run([*self.argv, *map(str, argv)], capture_output=True,
                              text=True, timeout=120, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"muster-agent {argv[0]} ended with {done.returncode}:\n"
                                 f"{done.stdout}{done.stderr}")
        return done

    def enroll(self, token=None, check=True):
        if token is None:
            token = self.api.post("/enroll-tokens", {"labels": self.labels})["token"]
        argv = ["enroll", "--server", self.server.url, "--token", token, "--ca-fingerprint",
                self.server.fingerprint, "--dir", self.dir]
        if self.name:
            argv += ["--name", self.name]
        return self.run_command(*argv, check=check)

    def start(self):
        self.process = Process([*self.argv, "run", "--dir", self.dir],
                               self.root / "log").start()
        return self

    def stop(self, number=signal.SIGTERM):
        """Only the agent: its services go on."""
        if self.process is not None:
            process, self.process = self.process, None
            process.stop(number)

    def kill(self):
        self.process.kill()
        self.process = None

    def shutdown(self):
        """Stops the services in their order, then the agent."""
        if self.process is None or not self.process.running():
            return
        self.run_command("shutdown", "--dir", self.dir)
        self.process.child.wait(60)
        self.process = None

    def close(self):
        try:
            if self.process is not None and not self.process.running():
                self.start()
            self.shutdown()
        finally:
            if self.process is not None:
                self.process.kill()
            remove_folder(self.root)

    def status(self):
        return json.loads(self.run_command("status", "--dir", self.dir, "--json").stdout)

    def wait_status(self):
        """The first status that the running agent gives; it may have been started just now."""
        def ask():
            assert self.process.running(), self.log()[-3000:]
            done = self.run_command("status", "--dir", self.dir, "--json", check=False)
            return json.loads(done.stdout) if done.returncode == 0 else None
        return wait_until(ask, "the agent to answer")

    def log(self):
        return (self.root / "log").read_text(errors="replace")

    def node(self):
        return self.api.get(f"/nodes/{self.name}")

    def wait_online(self):
        wait_until(lambda: self.node()["status"] not in ("pending", "offline"),
                   f"node {self.name} to come online")
        return self

    def service(self, name):
        """What the server knows of one service, or None."""
        return next((s for s in self.node()["services"] if s["name"] == name), None)

    def __enter__(self):
        self.enroll()
        return self.start()

    def __exit__(self, *_):
        self.close()
