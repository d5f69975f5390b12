# SPDX-License-Identifier: Apache-2.0
"""A server and one gateway, for figures: its agent runs services that only say that they have started."""

import io
import json
import os
import platform
import signal
import subprocess
import tarfile

from calls import SCRIPT, Calls
from muster import Muster
from plant import Plant
from processes import DemoError, start, stop, wait_for

PLATFORMS = {"x86_64": "linux-amd64", "aarch64": "linux-arm64", "armv7l": "linux-armv7"}


class Solo:
    """folder: for all of it; programs: of the server; agent_programs: muster-agent and muster-shim."""

    def __init__(self, folder, programs, agent_programs, settings=""):
        self.plant = Plant(folder, programs, health_interval="60s")
        self.folder = os.path.join(folder, "gateway")
        self.muster = None
        self.agent = None
        self.calls = None
        self._agent_program = os.path.join(agent_programs, "muster-agent")
        self._log = os.path.join(folder, "log", "agent.log")
        self._settings = settings
        self._key = os.path.join(folder, "release.key")

    def start(self):
        self.plant.start_server()
        self.plant.make_token()
        self.muster = Muster(self.plant)
        self.muster.run("release-key", "create", "solo", "--out", self._key)
        token = self.muster.json("enroll-token", "create", "--name", "solo")
        command = [self._agent_program, "enroll", "--dir", self.folder, "--name", "solo", "--server", self.plant.url]
        command += ["--token", token["token"], "--ca-fingerprint", token["ca_fingerprint"]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DemoError(f"could not enrol: {done.stderr.strip() or done.stdout.strip()}")
        with open(os.path.join(self.folder, "agent.conf"), "w", encoding="utf-8") as file:
            file.write(self._settings)
        self.start_agent()
        self.calls = Calls(os.path.join(self.folder, "calls"))

    def start_agent(self):
        self.agent = start([self._agent_program, "run", "--dir", self.folder], self._log)
        wait_for("the agent online", self.is_online)

    def is_online(self):
        if self.agent.poll() is not None:
            raise DemoError(f"the agent ended with {self.agent.returncode}, see {self._log}")
        return self.muster.items("node", "list")[0]["status"] in ("online", "warning")

    def upload(self, name, version, files, service):
        """Releases a package of {path: (mode, bytes)}; service: what its manifest says of it. Path of the archive."""
        archive = os.path.join(self.plant.folder, f"{name}-{version}.tar.gz")
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            for path, (mode, content) in files.items():
                info = tarfile.TarInfo(path)
                info.size, info.mode = len(content), mode
                tar.addfile(info, io.BytesIO(content))
        template = os.path.join(self.plant.folder, f"{name}.json")
        with open(template, "w", encoding="utf-8") as file:
            json.dump({"v": 1, "name": name, "service": service}, file)
        script = os.path.join(os.path.dirname(__file__), "manifest.py")
        facts = [f"version={version}", f"platform={PLATFORMS[platform.machine()]}", "release=1", f"archive={archive}"]
        made = subprocess.run(["python3", script, template, *facts], capture_output=True, check=True)
        with open(template, "wb") as file:
            file.write(made.stdout)
        self.muster.run("package", "upload", "--manifest", template, "--key", self._key, archive)
        return archive

    def upload_caller(self):
        """The package "caller"; its restarts are immediate when the service has run for a second."""
        service = {
            "driver": "generic",
            "command": ["${muster.package}/bin/caller", "${muster.service}", self.calls.path],
            "restart": {"policy": "always", "window_ms": 1000},
        }
        self.upload("caller", "1.0", {"bin/caller": (0o755, SCRIPT.encode())}, service)

    def run(self, *changes):
        """Rolls out; the options of "rollout start" that say what."""
        command = ["rollout", "start", "--name", "solo", "--selector", "*", "--health-gate", "0s", "--wait", *changes]
        rollout = self.muster.json(*command, expect=(0, 3))
        if rollout["state"] != "succeeded":
            raise DemoError(f"the rollout is {rollout['state']}: {self.muster.why(rollout['number'])}")
        return rollout

    def run_callers(self, count):
        """So many services run; call "upload_caller" before."""
        names = [f"s{number:02}" for number in range(1, count + 1)]
        changes = []
        for name in names:
            if name not in self.calls.pids:
                changes += ["--service", name, "--driver", "generic", "--package", "caller@1.0"]
        self.run(*changes)
        self.calls.wait("all services to call", lambda: all(name in self.calls.pids for name in names))

    def close(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if self.agent is not None:
            command = [self._agent_program, "shutdown", "--dir", self.folder]
            try:
                subprocess.run(command, capture_output=True, timeout=60, check=False)
                self.agent.wait(30)
            except subprocess.TimeoutExpired:
                pass
            stop(self.agent)
        if self.calls is not None:
            self.calls.close()
        return self.plant.close()
