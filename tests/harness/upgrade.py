# SPDX-License-Identifier: Apache-2.0
"""A story for the fault tests: an upgrade that works, then one that fails and is put back, then one that shows that
all is well; and what must be found on the gateway before, between and after."""
import hashlib
import json
import time

from . import packages
from .script_server import ScriptServer
from .victim import Victim
from .wait import PATIENCE_S, wait_until

DECIDED = ("succeeded", "rolled_back", "rollback_failed")
FINAL = (*DECIDED, "refused")
# A version refuses data of a later one, so a rollback that forgets the snapshot is found out.
APP = """#!/bin/sh
[ -f db ] && [ "$(cat db)" -gt {v} ] && exit 9
[ -f birth ] || echo born > birth
echo {v} > db
{end}
"""
# One process, also while it waits: copies are counted by processes.
LOOP = """[ -p wait ] || mkfifo wait
exec 3<>wait
while :; do read line <&3; done
"""
CONF = 'cat "$0" > seen; trap \'cat "$0" > seen\' HUP\n' + LOOP
BAD = 3  # the version that fails


def shell(script, *arguments, config=None, **parameters):
    return {"driver": "generic", "run": True, "package": None, "config": config,
            "parameters": {"command": ["/bin/sh", "-c", script, *arguments],
                           "cwd": "${muster.data}", **parameters}}


class Upgrade:
    """Generation 1 runs, 2 works, 3 fails, 4 works and has the program of 2."""

    def __init__(self):
        self.server = ScriptServer()
        self.key = packages.ReleaseKey()
        self.urls = {}
        self.apps = {version: self._release(version) for version in (1, 2, BAD)}
        self.envelopes = {}
        self.digests = {}
        for generation in (1, 2, 3, 4):
            content = json.dumps(self._content(generation))
            self.digests[generation] = "sha256:" + hashlib.sha256(content.encode()).hexdigest()
            self.envelopes[generation] = self.server.desired(generation, content, fetch=self.urls)
        self.template = None

    def close(self):
        if self.template:
            self.template.close()
        self.server.close()

    def _release(self, version):
        end = "echo broken >&2; exit 3" if version == BAD else "echo ready\n" + LOOP
        data = packages.archive({"bin/run": APP.format(v=version, end=end),
                                 "share/doc": f"version {version}\n" * 1000})
        body = packages.manifest(data, "app", f"{version}.0")
        body["service"] = {"driver": "generic", "command": ["${muster.package}/bin/run"],
                           "cwd": "${muster.data}", "snapshot": ["${muster.data}/db",
                                                                 "${muster.data}/birth"],
                           "probes": [{"kind": "log", "match": "ready", "interval_ms": 50}]}
        sha256 = hashlib.sha256(data).hexdigest()
        self.urls[sha256] = self.server.downloads.add(data)
        return {"name": "app", "version": f"{version}.0", "platform": "linux-amd64",
                "sha256": sha256, "size": len(data), "manifest": self.key.sign(body)}

    def _content(self, generation):
        text = self.conf_text(generation)
        version = self.app_version(generation)
        services = {
            "witness": shell(LOOP),
            "app": {"driver": "generic", "run": True, "package": self.apps[version],
                    "config": None, "parameters": {}},
            "conf": shell(CONF, "${muster.config}/f", config={
                "name": "conf", "version": generation,
                "digest": "sha256:" + hashlib.sha256(text.encode()).hexdigest(),
                "files": [{"path": "f", "mode": "0644", "content": text}]},
                reload={"signal": "SIGHUP", "files": ["*"]}),
            f"extra{generation}": shell(LOOP),
        }
        return {"v": 1, "project": "default", "health_interval_ms": 3600000,
                "apply": {"rollout": f"r{generation}", "gate_ms": 0, "deadline_ms": 60000},
                "release_keys": [{"id": self.key.id, "public": self.key.public}],
                "services": services}

    @staticmethod
    def app_version(generation):
        return 2 if generation == 4 else generation

    @staticmethod
    def conf_text(generation):
        return f"conf {generation}\n"

    # --- playing it ---

    def prepare(self):
        """The folder of a gateway on which generation 1 is in force, not running."""
        victim = self.template = Victim()
        self.server.enroll(victim.root)
        (victim.root / "agent.conf").write_text(
            "reconnect_min_ms = 20ms\nreconnect_max_ms = 200ms\nlog_interval_ms = 50ms\n"
            "disk_reserve_bytes = 64KiB\nfetch_attempts = 2\n")
        victim.start()
        self.offer(1)
        self.wait_result(victim, 1)
        self.check(victim, 1)
        victim.shutdown()
        (victim.folder / "log").unlink()
        self.server.forget()

    def machine(self, disk_mib=None):
        self.server.forget()
        return Victim(self.template.root, disk_mib)

    def offer(self, generation):
        self.server.offer(self.envelopes[generation])

    def result(self, generation, states=FINAL):
        """The first result in one of the states that the agent has told of a generation, or None."""
        with self.server.arrived:
            for channel, message in self.server.received:
                if channel == "result" and message["generation"] == generation and \
                        message["state"] in states:
                    return message
        return None

    def succeeded(self, generation):
        found = self.result(generation)
        return found is not None and found["state"] == "succeeded"

    def wait_result(self, victim, generation, patience=None, states=FINAL):
        """The final result, or None when the agent has gone before, or patience.over()."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := self.result(generation, states)) and victim.running():
            if patience and patience.over():
                break
            assert time.monotonic() < deadline, \
                f"no result of generation {generation}:\n{victim.log()[-4000:]}"
            with self.server.arrived:
                self.server.arrived.wait(0.1)
        return found

    def tell(self, victim, patience=None):
        """Both upgrades as far as the agent lives. Returns the last generation that was offered."""
        self.wait_running(victim, 1, patience)
        if not victim.running() or (patience and patience.over()):
            return 1
        self.offer(2)
        if not self.wait_result(victim, 2, patience):
            return 2
        self.offer(3)
        self.wait_result(victim, 3, patience)
        return 3

    def wait_running(self, victim, generation, patience=None):
        """Services run and the connection stands; or one of them never will."""
        names = {*self._content(generation)["services"]}
        wait_until(lambda: not victim.running() or (patience and patience.over()) or
                   (self._running(victim) == names and self.server.heard("hello")),
                   f"generation {generation} to run", pause=0.02)

    @staticmethod
    def _running(victim):
        return {name for name in victim.processes() if name not in ("agent", "shim")}

    # --- what must be found ---

    def found_generation(self, victim):
        rows = victim.rows("SELECT generation FROM desired WHERE slot = 'current'")
        return rows[0][0] if rows else 0

    def check(self, victim, *allowed):
        """Exactly one of the allowed generations runs, and nothing of another; returns which one."""
        found = self.found_generation(victim)
        assert found in allowed, f"generation {found} is in force, not one of {allowed}"
        wanted = {*self._content(found)["services"]}
        text = self.conf_text(found)
        wait_until(lambda: {*victim.services()} == wanted, f"the services {wanted} of {found}; "
                   f"there are {victim.services()}", pause=0.02)
        version = self.app_version(found)
        wait_until(lambda: victim.text("data/app/db") == f"{version}\n",
                   f"the data of version {version}", pause=0.02)
        assert victim.text("data/app/birth") == "born\n"
        assert victim.text("services/conf/current/config/f") == text
        wait_until(lambda: victim.text("data/conf/seen") == text,
                   f"the reload to {text!r}; it has {victim.text('data/conf/seen')!r}", pause=0.02)
        assert len(victim.processes()["shim"]) == len(wanted), victim.processes()
        assert victim.rows("SELECT * FROM journal") == []
        assert victim.rows("SELECT slot FROM desired WHERE slot IN ('candidate', 'next')") == []
        current = {path.parent.name for path in (victim.root / "services").glob("*/current")}
        assert current == wanted, f"current services: {current}"
        return found

    def finish(self, victim, lenient=False):
        """Whatever has happened: the agent comes to the end of the story, and leaves nothing lying around.
        lenient: generation 2 may have been put back, where a call of the agent had failed."""
        # A refusal that comes now may be that of a disk that was full before.
        self.server.forget()
        base = self.found_generation(victim)
        accepted = victim.rows("SELECT CAST(value AS INTEGER) FROM value WHERE key = 'generation'")
        if base < 2 and accepted[0][0] < 3:
            self.offer(2)
            state = self.wait_result(victim, 2, states=DECIDED)["state"]
            assert state == "succeeded" or (lenient and state == "rolled_back"), victim.log()[-4000:]
            base = 2 if state == "succeeded" else 1
            victim.wait_idle()
            self.check(victim, base)
        self.offer(3)
        result = self.wait_result(victim, 3, states=DECIDED)
        assert result and result["state"] == "rolled_back", (result, victim.log()[-4000:])
        victim.wait_idle()
        self.check(victim, base)
        self.offer(4)
        assert self.wait_result(victim, 4)["state"] == "succeeded", victim.log()[-4000:]
        victim.wait_idle()
        self.check(victim, 4)
        kept = {path.name for path in (victim.root / "services").iterdir()}
        assert kept == {*self._content(4)["services"]}, f"folders of services: {kept}"
        left = [str(path.relative_to(victim.root)) for pattern in ("*.tmp", "*.part", "*.muster-*")
                for path in victim.root.rglob(pattern)]
        assert left == [], f"left behind: {left}"
