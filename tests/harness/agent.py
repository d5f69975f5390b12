# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import signal
import subprocess

from .process import Process, program, remove_folder, temporary_folder
from .wait import wait_until


def processes_in(folder):
    """Command lines by pid of all that work in a folder, and of their children."""
    found, parents = {}, {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            pid = int(path.name)
            state, parent = (path / "stat").read_text().rpartition(") ")[2].split()[:2]
            if state == "Z":
                continue
            parents[pid] = int(parent)
            if pathlib.Path(os.readlink(path / "cwd")).is_relative_to(folder):
                found[pid] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    for pid, parent in sorted(parents.items()):
        if parent in found:
            found.setdefault(pid, f"a child of {parent}")
    return found


def kill_all_in(folder):
    """Kills what works in a folder until nothing does; what there was."""
    killed = {}

    def none_left():
        found = processes_in(folder)
        killed.update(found)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not found

    wait_until(none_left, f"the end of what works in {folder}")
    return killed


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
        """Nothing is left of it: neither processes nor files. A shutdown must see to the first by
        itself; what a test has left by stopping only the agent is killed."""
        stopped_before = self.process is None
        try:
            if self.process is not None and not self.process.running():
                self.start()
            self.shutdown()
        finally:
            if self.process is not None:
                self.process.kill()
            left = kill_all_in(self.root)
            remove_folder(self.root)
        assert stopped_before or not left, f"left behind by {self.name}: {left}"

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
