# SPDX-License-Identifier: Apache-2.0
"""The agent under systemd's protocol, by hand, and as process 1 of a container."""
import os
import pathlib
import signal
import socket

import pytest

from harness import wait_until
from harness.agent import Agent
from harness.changes import Vendor, roll_out, wait_for_rollout
from harness.process import Process, program

SCRIPT = """env > environment
trap 'echo stopped > end; exit 0' TERM
while :; do sleep 1000 & wait $!; done
"""


@pytest.fixture
def start(server, api):
    """start(argv before the program, environment) makes a running agent with one service."""
    agents = []

    def make(wrapper=(), env=None):
        agent = Agent(server, api, "gw")
        agents.append(agent)
        agent.enroll()
        run_again(agent, wrapper, env)
        agent.wait_online()
        Vendor(api).release("app", "1.0", SCRIPT, {"cwd": "${muster.data}"})
        done = roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                               "package": {"name": "app", "version": "1.0"}}])
        assert done["state"] == "succeeded"
        return agent

    yield make
    for agent in agents:
        agent.close()


def run_again(agent, wrapper=(), env=None):
    agent.process = Process([*wrapper, program("muster-agent"), "run", "--dir", agent.dir],
                            agent.root / "log", env=env).start()


def service(agent):
    return next(s for s in agent.wait_status()["services"] if s["name"] == "app")


class Manager:
    """The socket that systemd would give its unit; remembers all that was said."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.heard = []

    def listen(self):
        try:
            while True:
                self.heard.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return self.heard

    def wait(self, text):
        return wait_until(lambda: next((m for m in self.listen() if text in m), None), text)


def test_systemd_hears_of_the_start_of_the_beats_and_of_the_end(start, tmp_path):
    manager = Manager(tmp_path / "notify")
    agent = start(env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000"})
    assert manager.wait("READY=1") == "READY=1"
    status = manager.wait("1 of 1 services ready")
    assert status.startswith("WATCHDOG=1\nSTATUS=") and "server: " in status
    seen = len(manager.listen())
    wait_until(lambda: len(manager.listen()) >= seen + 3, "more beats")
    agent.process.send_signal(signal.SIGTERM)
    manager.wait("STOPPING=1")
    agent.stop()
    environment = (agent.dir / "data" / "app" / "environment").read_text()
    assert "NOTIFY_SOCKET" not in environment and "WATCHDOG_USEC" not in environment


HANGING = "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n"


def try_another_agent(agent, text=HANGING):
    """Begins a trial of an agent that does nothing."""
    files = {"bin/muster-agent": text,
             "bin/muster-shim": pathlib.Path(program("muster-shim")).read_bytes()}
    Vendor(agent.api).release("muster-agent", "2.0", "", {
        "driver": "agent", "command": ["${muster.package}/bin/muster-agent"]}, files)
    rollout = roll_out(agent.api, [{"service": "muster-agent", "driver": "agent", "run": True,
                                    "package": {"name": "muster-agent", "version": "2.0"}}],
                       wait=False)
    agent.process.wait_log("trying another agent")
    return rollout


def set_deadline(agent, deadline):
    (agent.dir / "agent.conf").write_text(f"upgrade_deadline_ms = {deadline}\n")


def test_systemd_hears_beats_while_another_agent_is_tried(start, tmp_path):
    manager = Manager(tmp_path / "notify")
    env = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "3000000"}
    agent = start(env=env)
    pid = service(agent)["pid"]
    agent.stop()
    set_deadline(agent, "4s")
    run_again(agent, env=env)
    agent.wait_online()
    main = agent.process.pid
    rollout = try_another_agent(agent)
    beat = "WATCHDOG=1\nSTATUS=trying another agent"
    wait_until(lambda: manager.listen().count(beat) >= 3, "beats of the one that watches")
    assert wait_for_rollout(agent.api, rollout["id"])["state"] != "succeeded"
    seen = len(manager.listen())
    wait_until(lambda: any("services ready" in m for m in manager.listen()[seen:]),
               "beats of the old agent")
    assert agent.process.pid == main and agent.process.running()
    assert service(agent)["pid"] == pid


def test_a_terminal_that_closes_ends_the_agent_and_no_service(start):
    agent = start()
    pid = service(agent)["pid"]
    agent.stop(signal.SIGHUP)
    assert "ending, services go on" in agent.log()
    run_again(agent)
    assert service(agent)["pid"] == pid


CONTAINER = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child",
             "--mount-proc")


def state(pid):
    """The letter of /proc/PID/stat, or None when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def children(pid):
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def command(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def inside(agent):
    """Process 1 of the container, the agent that it keeps, and the shims that it has adopted."""
    init = children(agent.process.pid)[0]
    below = {pid: command(pid) for pid in children(init)}
    agents = [pid for pid, argv in below.items() if argv[0].endswith(b"muster-agent")]
    shims = [pid for pid, argv in below.items() if argv[0].endswith(b"muster-shim")]
    return init, agents[0] if agents else None, shims


def test_process_one_stops_the_services_before_it_ends(start):
    agent = start(CONTAINER)
    init, _, shims = inside(agent)
    assert len(shims) == 1
    os.kill(init, signal.SIGTERM)
    assert agent.process.child.wait(60) == 0
    assert (agent.dir / "data" / "app" / "end").read_text() == "stopped\n"
    assert "all services are stopped" in agent.log()
    run_again(agent, CONTAINER)
    wait_until(lambda: service(agent)["state"] == "running", "the service to run again")


def test_process_one_ends_in_order_during_a_trial_and_stays_through_one(start):
    agent = start(CONTAINER)
    rollout = try_another_agent(agent)
    os.kill(inside(agent)[0], signal.SIGTERM)
    assert agent.process.child.wait(60) == 0
    assert (agent.dir / "data" / "app" / "end").read_text() == "stopped\n"

    set_deadline(agent, "4s")
    run_again(agent, CONTAINER)
    wait_until(lambda: agent.log().count("trying another agent") == 2, "the trial to go on")
    init, main, _ = inside(agent)
    assert main is not None
    assert wait_for_rollout(agent.api, rollout["id"])["state"] != "succeeded"
    assert "the new agent is undone" in agent.log()
    assert service(agent)["state"] == "running"
    assert inside(agent)[:2] == (init, main)


def test_process_one_reaps_orphans_and_replaces_a_killed_agent(start):
    agent = start(CONTAINER)
    init, inner, shims = inside(agent)
    pid = service(agent)["pid"]
    os.kill(inner, signal.SIGKILL)
    wait_until(lambda: inside(agent)[1] not in (None, inner), "another agent")
    assert service(agent)["pid"] == pid
    assert "another one takes over" in agent.log()
    assert state(inner) is None
    os.kill(shims[0], signal.SIGKILL)
    wait_until(lambda: state(shims[0]) is None, "the shim to be reaped")
    wait_until(lambda: service(agent)["state"] == "running" and service(agent)["pid"] != pid,
               "the service to run under another shim")


def test_process_one_ends_with_the_status_of_an_agent_that_cannot_start(server, api):
    agent = Agent(server, api, "gw")
    run_again(agent, CONTAINER)
    assert agent.process.child.wait(60) == 1
    assert "is not enrolled" in agent.log()
    agent.process = None
    agent.close()
