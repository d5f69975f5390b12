# SPDX-License-Identifier: Apache-2.0
"""A gateway whose agent runs under fault_tracer, and what may be found on it afterwards."""
import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import tempfile

from .process import Process, program, remove_folder, temporary_folder
from .wait import wait_until


def tracer():
    return pathlib.Path(program("muster-agent")).parents[1] / "tests" / "fault_tracer"


def preload(**settings):
    """The environment of an agent with fault_preload; what it knows is written there."""
    options = "detect_leaks=0:verify_asan_link_order=0"
    return {"LD_PRELOAD": str(tracer().with_name("fault_preload.so")), "ASAN_OPTIONS": options,
            **{name: str(value) for name, value in settings.items()}}


def mount(*arguments):
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise OSError(done.stderr)


def can_mount():
    folder = temporary_folder()
    try:
        mount("-t", "tmpfs", "none", folder)
        subprocess.run(["umount", folder], check=True)
        return True
    except OSError:
        return False
    finally:
        remove_folder(folder)


def _link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _leads_session(pid):
    try:
        return os.getsid(pid) == pid
    except ProcessLookupError:
        return False


def _special(folder, names):
    """Sockets and pipes, which cannot be copied."""
    found = [(name, os.lstat(os.path.join(folder, name)).st_mode) for name in names]
    return [name for name, mode in found if stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode)]


class Victim:
    """root is the agent's folder, made from a template; the log and all that helps are beside it."""

    def __init__(self, template=None, disk_mib=None):
        """disk_mib: the folder is a disk of its own, as small as that."""
        self.folder = temporary_folder()
        self.root = self.folder / "a"
        self.report_path = self.folder / "report"
        self.process = None
        self.traced = False
        self.disk = disk_mib is not None
        if self.disk:
            self.root.mkdir()
            mount("-t", "tmpfs", "-o", f"size={disk_mib}m", "none", self.root)
        if template:
            shutil.copytree(template, self.root, symlinks=True, ignore=_special,
                            dirs_exist_ok=True)

    # --- the agent ---

    def _start(self, argv, env=None):
        self.process = Process([*argv, program("muster-agent"), "run", "--dir", self.root],
                               self.folder / "log",
                               env={"ASAN_OPTIONS": "detect_leaks=0", **(env or {})}).start()
        return self

    def start(self, env=None):
        self.traced = False
        return self._start([], env)

    def start_traced(self, env=None, **options):
        """options as fault_tracer has them."""
        stash = tempfile.mkdtemp(prefix="stash", dir=self.folder)
        self.report_path.unlink(missing_ok=True)
        self.traced = True
        given = {"root": self.root, "stash": stash, "report": self.report_path,
                 "fill": self.root / "fill", **options}
        return self._start([tracer(), *(f"{name}={value}" for name, value in given.items()), "--"],
                           env)

    def running(self):
        return self.process is not None and self.process.running()

    def signal(self, number):
        """To the tracer, which hands SIGTERM on and lifts its fault at SIGUSR1."""
        if self.running():
            self.process.send_signal(number)

    def stop(self):
        process, self.process = self.process, None
        process.stop(signal.SIGTERM, expect=None)

    def report(self):
        """How many calls there were, which was struck ("": none), how the agent ended, failed calls."""
        if self.process is not None:
            self.process.child.wait(60)
            self.process = None
        count, hit, status, failures = self.report_path.read_text().rstrip("\n").split("\t")
        return int(count), hit.strip(), int(status), int(failures)

    def ask(self, word):
        """What the agent says last at its local door, or None when nobody is there."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(60)
            try:
                door.connect(str(self.root / "run" / "agent.sock"))
                door.sendall(json.dumps({"do": word}).encode() + b"\n")
                text = b""
                while part := door.recv(65536):
                    text += part
            except (FileNotFoundError, ConnectionError):
                return None
        # Half an answer comes from an agent that has just been killed.
        return json.loads(text.splitlines()[-1]) if text.endswith(b"\n") else None

    def status(self):
        def answer():
            assert self.running(), f"the agent is gone:\n{self.log()[-3000:]}"
            return self.ask("status")
        return wait_until(answer, "the agent to answer", pause=0.01)

    def wait_idle(self):
        return wait_until(lambda: (found := self.status())["activity"].startswith("idle") and found,
                          "the agent to be idle", pause=0.02)

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def shutdown(self):
        """Services too."""
        if self.running() and not self.traced:
            wait_until(lambda: self.ask("shutdown"), "the services to stop")
            self.process.child.wait(60)
            self.process = None

    def close(self):
        if self.process is not None:
            self.process.kill()
        self.kill_services()
        if self.disk:
            subprocess.run(["umount", "--lazy", self.root], check=False)
        remove_folder(self.folder)

    # --- what is there ---

    def processes(self):
        """What runs below the folder: {service or "shim" or "agent": [pid]}. Of a service the process
        that its shim has started; a second copy would lead a session as well."""
        found = collections.defaultdict(list)
        data = str(self.root / "data") + "/"
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            where = _link(f"/proc/{entry}/cwd")
            if where.startswith(data) and _leads_session(int(entry)):
                found[where[len(data):].split("/")[0]].append(int(entry))
            elif where == str(self.root):
                name = os.path.basename(_link(f"/proc/{entry}/exe")).replace("muster-", "")
                if name:  # else it has just ended
                    found[name].append(int(entry))
        return found

    def services(self):
        """{name: pid} of the services that run; a second copy of one is an error."""
        found = {}
        for name, pids in self.processes().items():
            if name in ("shim", "agent"):
                continue
            assert len(pids) == 1, f"{len(pids)} processes of {name}: {pids}"
            found[name] = pids[0]
        return found

    def kill_services(self):
        """Shims first, or they would see their service end."""
        for name in ("agent", "shim", None):
            while found := [pid for kind, pids in self.processes().items()
                            if name in (kind, None) for pid in pids]:
                for pid in found:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass

    def rows(self, sql):
        with sqlite3.connect(f"file:{self.root}/state.db?mode=ro", uri=True) as database:
            return database.execute(sql).fetchall()

    def text(self, path):
        path = self.root / path
        return path.read_text() if path.exists() else None
