# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the agent, over and over at any moment, with services running: the same processes, never a second
copy of one, each exit told to the server, each line that was written there.

AGENT_KILLS=N: so many times; a few without it, for make test.
"""
import os
import random
import time

from harness import database, wait_until
from harness.changes import Vendor, roll_out, steps

KILLS = int(os.environ.get("AGENT_KILLS", "20"))
SEED = int(os.environ.get("FAULT_SEED", "5"))
PATIENCE_S = 120
SUPERVISES = "runs for node"  # in the agent's log, when all that it found is in its hands
KEPT = 8  # exits that a shim keeps
CODES = 97  # the nth run ends with n modulo this, so that no two among some are alike

# Each start leaves its pid; who finds the mark of another one is a second copy.
ONCE = """echo $$ >> pids
mkdir mark 2>/dev/null || echo $$ >> copies
"""
WRITER = ONCE + """n=0
while :; do n=$((n+1)); echo line $n; echo $n > n.new; mv n.new n; sleep 0.02; done
"""
SLEEPER = ONCE + "exec sleep 1000000\n"
# Ends by itself, says before that which run it was; the mark is its own. The first run waits until it may end.
DYING = f"""echo $$ >> pids
mkdir mark 2>/dev/null || echo $$ >> copies
n=$(cat n 2>/dev/null || echo 0); n=$((n+1)); echo $n > n.new; mv n.new n
while [ $n = 1 ] && [ ! -e go ]; do sleep 0.05; done
echo run $n; sleep 0.0$((n % 9 + 1))
rmdir mark
exit $((n % {CODES} + 1))
"""


def change(name):
    return {"service": name, "driver": "generic", "run": True,
            "package": {"name": name, "version": "1.0"}}


def install(api, agent):
    vendor = Vendor(api)
    often = {"policy": "always", "burst": 32, "window_ms": 1000, "delay_ms": 50, "max_delay_ms": 100}
    for name, script in (("writer", WRITER), ("sleeper", SLEEPER), ("dying", DYING)):
        vendor.release(name, "1.0", script, {"cwd": "${muster.data}", "restart": often})
    done = roll_out(api, [change("writer"), change("sleeper"), change("dying")])
    assert done["state"] == "succeeded", steps(api, done)
    data(agent, "dying", "go").touch()


def data(agent, service, name):
    return agent.dir / "data" / service / name


def number(agent, service):
    return int(data(agent, service, "n").read_text())


def lines(agent, service):
    return [int(text.split()[1]) for (text,) in database(
        agent.server, "SELECT l.text FROM log_line l JOIN node n ON n.id = l.node_id"
        " WHERE n.name = %s AND l.service = %s ORDER BY l.id", (agent.name, service))]


def exits(agent):
    """Codes of the service "dying", in the order of the events."""
    return [code for (code,) in database(
        agent.server, "SELECT (e.data->>'code')::int FROM node_event e JOIN node n ON n.id = e.node_id"
        " WHERE n.name = %s AND e.service = 'dying' AND e.kind = 'service.exited' ORDER BY e.id", (agent.name,))]


def check_processes(agent, where):
    for name in ("writer", "sleeper"):
        pids = data(agent, name, "pids").read_text().split()
        assert len(pids) == 1, f"{name} was started again: {pids}, {where}"
        os.kill(int(pids[0]), 0)
    for name in ("writer", "sleeper", "dying"):
        copies = data(agent, name, "copies")
        assert not copies.exists(), f"two of {name}: {copies.read_text()}, {where}"


def check_exits(agent, runs):
    """All exits before this run, in their order. Returns how many were told twice: those that were kept
    just before a kill, which the shim tells the next agent again."""
    expected = [run % CODES + 1 for run in range(1, runs)]

    def judge():
        told, twice = [], 0
        for code in exits(agent):
            if told[-KEPT:].count(code):
                twice += 1
            else:
                told.append(code)
        return (told, twice) if len(told) >= len(expected) else None
    told, twice = wait_until(judge, f"{runs - 1} exits", PATIENCE_S)
    assert told[:len(expected)] == expected
    return twice


def check_lines(agent, service, last):
    found = wait_until(lambda: (got := lines(agent, service)) and got[-1] >= last and got,
                       f"line {last} of {service}", PATIENCE_S)
    assert found == list(range(1, len(found) + 1)), service


def test_killed_agent_loses_nothing(api, new_agent):
    chance = random.Random(SEED)
    agent = new_agent("gw")
    agent.stop()
    (agent.dir / "agent.conf").write_text("reconnect_min_ms = 100ms\nreconnect_max_ms = 300ms\n"
                                          "log_interval_ms = 50ms\n")
    agent.start().wait_online()
    install(api, agent)
    said = 0
    for kill in range(KILLS):
        # Some while it starts, most while it supervises.
        if chance.random() < 0.7:
            wait_until(lambda: SUPERVISES in agent.log()[said:], "the agent to supervise", pause=0.005)
        # Not a wait for something: the moment of the kill, from before the first system call on.
        time.sleep(chance.random() * 0.3)
        agent.kill()
        said = len(agent.log())
        agent.start()
        if kill % 50 == 49:
            agent.wait_status()
            check_processes(agent, f"kill {kill}, seed {SEED}")
    agent.wait_online()
    check_processes(agent, f"{KILLS} kills, seed {SEED}")
    runs, last = number(agent, "dying"), number(agent, "writer")
    twice = check_exits(agent, runs)
    check_lines(agent, "writer", last)
    check_lines(agent, "dying", runs - 1)
    print(f"{KILLS} kills, seed {SEED}: {last} lines, {runs} runs, {twice} exits told twice")
