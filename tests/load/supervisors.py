# SPDX-License-Identifier: Apache-2.0
"""Other supervisors, each with the same services: what "compare.py" starts, asks for its processes, and stops."""

import ctypes
import os
import signal
import subprocess
import threading
import time

from calls import SCRIPT, Calls
from processes import start, stop, wait_for

PR_SET_CHILD_SUBREAPER = 36


def children_of(pid):
    """All processes below one, whose parents have not ended."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
            for child in map(int, file.read().split()):
                found += [child, *children_of(child)]
    return found


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


class Supervisor:
    """In a folder of its own; a subclass writes its configuration in "prepare" and names its command."""

    name = ""
    slow = False  # a restart takes about a second or longer

    def __init__(self, folder, count):
        self.folder = folder
        self.names = [f"s{number:02}" for number in range(1, count + 1)]
        os.makedirs(folder)
        self.calls = Calls(os.path.join(folder, "calls"))
        self.caller = os.path.join(folder, "caller")
        write(self.caller, SCRIPT, 0o755)
        self.process = None

    def prepare(self):
        """Writes the configuration; returns the command to start."""
        raise NotImplementedError

    def start(self):
        self.process = start(self.prepare(), os.path.join(self.folder, "log"), cwd=self.folder)
        self.calls.wait(f"{self.name} to start its services", lambda: len(self.calls.pids) == len(self.names))

    def processes(self):
        """Its own, without the services."""
        services = set(self.calls.pids.values())
        return [pid for pid in (self.process.pid, *children_of(self.process.pid)) if pid not in services]

    def close(self):
        if self.process is not None:
            self.end()
        for pid in self.calls.pids.values():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.calls.close()

    def end(self):
        stop(self.process)


class Scanned(Supervisor):
    """s6 and runit: a folder of service folders, each with a program "run" and, if wished, a logger."""

    logger = None

    def prepare(self):
        scan = os.path.join(self.folder, "scan")
        for name in self.names:
            run = SCRIPT.replace("$1", name).replace("$2", self.calls.path)
            write(os.path.join(scan, name, "run"), run, 0o755)
            if self.logger:
                folder = os.path.join(self.folder, "logs", name)
                os.makedirs(folder)
                write(os.path.join(scan, name, "log", "run"), f"#!/bin/sh\nexec {self.logger} {folder}\n", 0o755)
        return [*self.command, scan]


class S6(Scanned):
    name = "s6"
    command = ("s6-svscan",)

    def end(self):
        subprocess.run(["s6-svscanctl", "-t", os.path.join(self.folder, "scan")], check=False)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            stop(self.process)


class S6Log(S6):
    name = "s6 + s6-log"
    logger = "s6-log n4 s1000000"


class Runit(Scanned):
    name = "runit"
    command = ("runsvdir", "-P")

    def end(self):
        # It then ends its runsv, and those their services.
        held = self.processes()
        self.process.send_signal(signal.SIGHUP)
        self.process.wait(20)
        wait_for("runsv to end", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in held), 20)


class RunitLog(Runit):
    name = "runit + svlogd"
    logger = "svlogd"


class Supervisord(Supervisor):
    name = "supervisord"
    slow = True

    def prepare(self):
        path = os.path.join(self.folder, "supervisord.conf")
        text = f"[supervisord]\nnodaemon=true\nlogfile={self.folder}/own.log\npidfile={self.folder}/pid\n"
        text += f"childlogdir={self.folder}\n"
        for name in self.names:
            text += f"[program:{name}]\ncommand={self.caller} {name} {self.calls.path}\nautorestart=true\n"
        write(path, text)
        return ["supervisord", "-c", path]


class Monit(Supervisor):
    """It watches what it does not hold: services put themselves into the background, and become our children."""

    name = "monit"
    slow = True

    def __init__(self, folder, count):
        super().__init__(folder, count)
        self._ended = threading.Event()
        self._reaper = threading.Thread(target=self._reap, daemon=True)

    def prepare(self):
        path = os.path.join(self.folder, "monitrc")
        text = f"set daemon 1\nset pidfile {self.folder}/pid\nset idfile {self.folder}/id\nset statefile {self.folder}/state\n"
        for name in self.names:
            pidfile, script = os.path.join(self.folder, f"{name}.pid"), os.path.join(self.folder, f"start-{name}")
            write(script, f"#!/bin/sh\n{self.caller} {name} {self.calls.path} &\necho $! >{pidfile}\n", 0o755)
            text += f'check process {name} with pidfile {pidfile}\n  start program = "{script}"\n  stop program = "/bin/true"\n'
        write(path, text, 0o600)
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._reaper.start()
        return ["monit", "-I", "-c", path]

    def _reap(self):
        while not self._ended.wait(0.01):
            for pid in list(self.calls.pids.values()):
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass

    def end(self):
        stop(self.process)
        time.sleep(0.1)
        self._ended.set()
        self._reaper.join()


ALL = (S6, S6Log, Runit, RunitLog, Supervisord, Monit)
