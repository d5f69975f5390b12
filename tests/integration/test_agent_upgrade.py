# SPDX-License-Identifier: Apache-2.0
"""The agent upgrades itself like a service, and a broken one is undone; services never notice."""
import os
import pathlib
import signal

import pytest

from harness import Agent, Broker, Server, wait_until
from harness.changes import Vendor, roll_out, steps, wait_for_rollout
from harness.false_server import FalseServer
from harness.process import program

LOOP = "while :; do sleep 1; done\n"
AGENT = {"driver": "agent"}
REAL = program("muster-agent")
# Runs the real agent, but without any connection to anybody: socket(AF_INET...) is refused.
DEAF = f"""#!/usr/bin/python3
import ctypes, os, struct, sys
def step(code, jt, jf, k):
    return struct.pack("HBBI", code, jt, jf, k)
code = (step(0x20, 0, 0, 0) + step(0x15, 0, 3, 41) + step(0x20, 0, 0, 16) +
        step(0x15, 1, 0, 1) + step(0x06, 0, 0, 0x00050000 | 97) + step(0x06, 0, 0, 0x7fff0000))
held = ctypes.create_string_buffer(code)
libc = ctypes.CDLL(None)
class Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
libc.prctl(38, 1, 0, 0, 0)
libc.prctl(22, 2, ctypes.byref(Program(len(code) // 8, ctypes.addressof(held))))
os.execv("{REAL}", ["muster-agent"] + sys.argv[1:])
"""
# As a newer agent that has changed the state file and then fails.
MIGRATING = f"""#!/usr/bin/python3
import os, sqlite3, sys
folder = sys.argv[sys.argv.index("--dir") + 1]
with sqlite3.connect(os.path.join(folder, "state.db")) as db:
    db.execute("PRAGMA user_version = 99")
    db.execute("DROP TABLE verdict")
os.execv("{REAL}", ["muster-agent"] + sys.argv[1:])
"""


class Gateway:
    """An agent with one service, in the versions that a vendor has released."""

    def __init__(self, api, new_agent, deadline="60s"):
        self.api = api
        self.vendor = Vendor(api)
        self.vendor.release("app", "1.0", LOOP)
        self.agent = new_agent("gw")
        self.agent.stop()
        (self.agent.dir / "agent.conf").write_text(f"upgrade_deadline_ms = {deadline}\n")
        self.agent.start()
        done = roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                               "package": {"name": "app", "version": "1.0"}}])
        assert done["state"] == "succeeded", steps(api, done)
        self.pid = self.service_pid()

    def service_pid(self):
        return next(s["pid"] for s in self.agent.wait_status()["services"] if s["name"] == "app")

    def release(self, version, text=None):
        files = {"bin/muster-agent": text or pathlib.Path(REAL).read_bytes(),
                 "bin/muster-shim": pathlib.Path(program("muster-shim")).read_bytes()}
        self.vendor.release("muster-agent", version, "", AGENT | {"command": [
            "${muster.package}/bin/muster-agent"]}, files)

    def upgrade(self, version, **options):
        return roll_out(self.api, [{"service": "muster-agent", "driver": "agent", "run": True,
                                    "package": {"name": "muster-agent", "version": version}}],
                        **options)

    def program(self):
        """What the process runs that a person or systemd has started."""
        return os.readlink(f"/proc/{self.agent.process.pid}/exe")

    def check_untouched(self):
        assert self.service_pid() == self.pid
        assert self.agent.process.running()

    def check_undone(self, rollout, code, text):
        step = steps(self.api, rollout)[0]
        assert step["state"] == "rolled_back", (step, self.agent.log()[-3000:])
        assert step["error"]["code"] == code and text in step["error"]["text"], step
        assert step["error"]["service"] == "muster-agent"
        self.check_untouched()
        assert self.program() == REAL
        assert not (self.agent.dir / "agent" / "upgrade.json").exists()
        assert not (self.agent.dir / "agent" / "state.db").exists()
        return step["error"]


@pytest.fixture
def gateway(api, new_agent):
    return Gateway(api, new_agent)


def test_agent_becomes_another_and_goes_back(gateway):
    first = gateway.agent.process.pid
    gateway.release("2.0")
    done = gateway.upgrade("2.0")
    assert done["state"] == "succeeded", steps(gateway.api, done)
    inside = str(gateway.agent.dir / "packages")
    wait_until(lambda: gateway.program().startswith(inside), "the new agent to be in charge")
    gateway.check_untouched()
    assert gateway.agent.process.pid == first
    told = wait_until(lambda: gateway.agent.service("muster-agent"), "the report")
    assert told["package"]["version"] == "2.0" and told["state"] == "running"

    # Whoever starts the installed one again gets the one in force.
    gateway.agent.stop()
    gateway.agent.start()
    gateway.check_untouched()
    assert gateway.program().startswith(inside)

    done = roll_out(gateway.api, [{"service": "muster-agent", "remove": True}])
    assert done["state"] == "succeeded", steps(gateway.api, done)
    wait_until(lambda: gateway.program() == REAL, "the installed agent to be in charge again")
    gateway.check_untouched()


def test_one_that_ends_at_once_is_undone(gateway):
    gateway.release("2.0", "#!/bin/sh\necho no such instruction >&2\nexit 3\n")
    error = gateway.check_undone(gateway.upgrade("2.0"), "crashed", "exited with 3")
    assert error["stderr"] == "no such instruction\n"
    # The next good one is not held up by it.
    gateway.release("3.0")
    assert gateway.upgrade("3.0")["state"] == "succeeded"
    gateway.check_untouched()


def test_one_that_hangs_is_undone(api, new_agent):
    gateway = Gateway(api, new_agent, "2s")
    gateway.release("2.0", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n")
    gateway.check_undone(gateway.upgrade("2.0"), "hung", "not up within 2 s")


def test_one_that_reaches_nobody_is_undone(api, new_agent):
    gateway = Gateway(api, new_agent, "4s")
    gateway.release("2.0", DEAF)
    gateway.check_undone(gateway.upgrade("2.0"), "unreachable", "no server has answered")


def test_acknowledgements_of_a_broker_are_no_word_of_the_server():
    with Server() as server:
        agents = []

        def new_agent(name):
            agents.append(Agent(server, server.admin, name))
            agents[0].enroll()
            return agents[0].start().wait_online()

        gateway = Gateway(server.admin, new_agent, "20s")
        agent = agents[0]
        go = agent.root / "go"
        gateway.release("2.0", f"#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.1; done\n"
                               f'exec {REAL} "$@"\n')
        gateway.upgrade("2.0", wait=False)
        agent.process.wait_log("trying another agent")
        node, port = agent.node()["id"], server.mqtt_port
        server.stop()
        broker = Broker(server.data / "keys", port).start()
        with FalseServer(server, broker, node) as enemy:
            go.touch()
            hello = enemy.wait("hello")
            for stream in hello["streams"]:
                enemy.acknowledge(hello, stream, 0)
            agent.process.wait_log("no server has answered it within 20 s")
            assert "proved itself" not in agent.log()
        broker.close()
        gateway.check_untouched()
        agent.close()


def test_one_that_cannot_read_its_state_is_undone(gateway):
    gateway.release("2.0", MIGRATING)
    error = gateway.check_undone(gateway.upgrade("2.0"), "crashed", "before it was up")
    assert "written by a newer agent" in error["stderr"]
    assert "the one before it is taken" in gateway.agent.log()


def test_other_services_of_the_change_go_back_with_it(gateway):
    gateway.vendor.release("app", "2.0", LOOP)
    gateway.release("2.0", "#!/bin/sh\nexit 3\n")
    done = roll_out(gateway.api, [
        {"service": "app", "package": {"name": "app", "version": "2.0"}},
        {"service": "muster-agent", "driver": "agent", "run": True,
         "package": {"name": "muster-agent", "version": "2.0"}}])
    assert steps(gateway.api, done)[0]["state"] == "rolled_back"
    assert wait_until(lambda: gateway.agent.service("app"), "the report")[
        "package"]["version"] == "1.0"
    assert gateway.program() == REAL


def test_one_in_force_that_does_not_come_up_any_more_is_left_out(gateway):
    gateway.release("2.0")
    assert gateway.upgrade("2.0")["state"] == "succeeded"
    inside = str(gateway.agent.dir / "packages")
    wait_until(lambda: gateway.program().startswith(inside), "the new agent to be in charge")
    spoilt = pathlib.Path(gateway.program())
    gateway.agent.stop()
    spoilt.unlink()
    spoilt.write_text("#!/bin/sh\nexit 9\n")
    spoilt.chmod(0o755)
    for _ in range(5):
        gateway.agent.start()
        assert gateway.agent.process.child.wait(60) == 9
    gateway.agent.start()
    gateway.check_untouched()
    assert gateway.program() == REAL
    assert "does not come up, going on as the installed agent" in gateway.agent.log()


def test_agent_needs_package_and_name(gateway):
    gateway.release("2.0")
    done = roll_out(gateway.api, [{"service": "other", "driver": "agent", "run": True,
                                   "package": {"name": "muster-agent", "version": "2.0"}}])
    step = steps(gateway.api, done)[0]
    assert step["state"] == "failed" and "go together" in step["error"]["text"]
    gateway.check_untouched()


def cut(agent, text, seen):
    """Kills the agent and whom it tries once its log says text; False when it has ended before."""
    def look():
        return agent.log()[seen:].find(text) >= 0
    wait_until(look, f"{text!r} in the log")
    pids = [agent.process.pid]
    for child in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            if f"PPid:\t{pids[0]}\n" in child.read_text():
                pids.append(int(child.parent.name))
        except OSError:
            pass
    for pid in pids:
        try:
            name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
            if name != "muster-shim":
                os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    agent.process.child.wait(60)


@pytest.mark.parametrize("moment", [
    "handing over", "trying another agent", "runs for node", "is succeeded", "proved itself"])
def test_power_cut_leaves_one_of_the_two(gateway, moment):
    gateway.release("2.0")
    seen = len(gateway.agent.log())
    rollout = gateway.upgrade("2.0", wait=False)
    cut(gateway.agent, moment, seen)
    gateway.agent.start()
    assert wait_for_rollout(gateway.api, rollout["id"])["state"] == "succeeded"
    inside = str(gateway.agent.dir / "packages")
    wait_until(lambda: gateway.program().startswith(inside), "the new agent to be in charge")
    gateway.check_untouched()


def test_power_cut_again_and_again_gives_up(gateway):
    gateway.release("2.0", "#!/bin/sh\nwhile :; do sleep 1; done\n")
    rollout = gateway.upgrade("2.0", wait=False, retries={"max": 0})
    for _ in range(3):
        seen = len(gateway.agent.log())
        cut(gateway.agent, "trying another agent", 0 if seen == 0 else seen - 1
            if "trying another agent" not in gateway.agent.log() else seen)
        gateway.agent.start()
    wait_for_rollout(gateway.api, rollout["id"])
    gateway.check_undone(rollout, "interrupted", "again and again")


def test_told_to_end_during_a_trial_goes_on_with_it_later(gateway):
    gateway.release("2.0", "#!/bin/sh\nwhile :; do sleep 1; done\n")
    rollout = gateway.upgrade("2.0", wait=False)
    gateway.agent.process.wait_log("trying another agent")
    gateway.agent.stop()
    (gateway.agent.dir / "agent.conf").write_text("upgrade_deadline_ms = 1s\n")
    gateway.agent.start()
    wait_for_rollout(gateway.api, rollout["id"])
    gateway.check_undone(rollout, "hung", "not up within 1 s")
