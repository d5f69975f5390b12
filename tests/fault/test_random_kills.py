# SPDX-License-Identifier: Apache-2.0
"""Parts are killed at random while rollouts run on real agents; at the end everything is as it should be.

Without FAULT_SECONDS a few rounds with a fixed seed, for make test; make faults sets it.
"""
import collections
import os
import random
import signal
import time

import pytest

from harness import Agent, Server, database, wait_until
from harness.changes import FINAL, Vendor, roll_out, steps

SECONDS = float(os.environ.get("FAULT_SECONDS", "0"))
SEED = int(os.environ.get("FAULT_SEED", "11"))
SHORT_ROUNDS = 2
PARTS = ["agent", "agent", "server", "mosquitto", "postgres -D", "signer"]
NODES = 3
PATIENCE_S = 180
RECONNECT = "reconnect_min_ms = 100ms\nreconnect_max_ms = 500ms\n"

# Never touched by a rollout after the first: it must neither stop nor lose a line.
WITNESS = """n=0
while :; do n=$((n+1)); echo line $n; echo $n > n; sleep 0.2; done
"""
GOOD = "echo {v} > db\nwhile :; do sleep 100; done\n"
BAD = "echo {v} > db\nexit 3\n"


@pytest.fixture
def plant():
    with Server() as server:
        made = Plant(server)
        yield made
        made.close()


class Plant:
    """A server, its agents, and what was done to them."""

    def __init__(self, server):
        self.server = server
        self.api = server.admin
        self.chance = random.Random(SEED)
        self.kills = collections.Counter()
        self.deck = []
        self.agents = []
        for number in range(NODES):
            agent = Agent(server, self.api, f"gw{number}")
            self.agents.append(agent)
            agent.enroll()
            (agent.dir / "agent.conf").write_text(RECONNECT)
            agent.start().wait_online()

    def close(self):
        for agent in self.agents:
            agent.close()

    # --- what breaks ---

    def _kill_agent(self):
        agent = self.chance.choice(self.agents)
        agent.kill()
        agent.start()

    def _kill_server(self):
        self.server.kill()
        wait_until(lambda: not self.server.processes(), "the children to follow")
        self.server.start()

    def _kill_child(self, text):
        pid = self.server.pid_of(text)
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def break_something(self):
        if not self.deck:
            self.deck = self.chance.sample(PARTS, len(PARTS))
        what = self.deck.pop()
        self.kills[what] += 1
        if what == "agent":
            self._kill_agent()
        elif what == "server":
            self._kill_server()
        else:
            self._kill_child(what)

    # --- what must come of it ---

    def ask(self, question):
        """The answer, once everything that was killed is back."""
        def attempt():
            try:
                return [question()]
            except (AssertionError, OSError):
                assert self.server.process.running(), self.server.process.log_tail()
                return None
        return wait_until(attempt, "an answer", PATIENCE_S)[0]

    def wait_for(self, condition, message):
        return wait_until(lambda: self.ask(condition), message, PATIENCE_S)

    def wait_for_end(self, rollout):
        return self.wait_for(
            lambda: (found := self.api.get(f"/rollouts/{rollout}"))["state"] in FINAL and found,
            f"rollout {rollout} to end")


def change(version):
    return [{"service": "app", "driver": "generic", "run": True,
             "package": {"name": "app", "version": version}}]


def service(agent, name):
    return next(s for s in agent.wait_status()["services"] if s["name"] == name)


def lines(server, node):
    rows = database(server, "SELECT l.text FROM log_line l JOIN node n ON n.id = l.node_id"
                    " WHERE n.name = %s AND l.service = 'witness' ORDER BY l.id", (node,))
    return [int(text.split()[1]) for (text,) in rows]


def play_round(plant, number, good):
    """One rollout under fire; returns the version that should run afterwards."""
    version = plant.chance.choice(["1.0", "2.0", "9.9"])
    key = f"round-{SEED}-{number}"
    made = plant.ask(lambda: plant.api.post("/rollouts", {
        "changes": change(version), "targets": {"selector": "*", "confirm_count": NODES},
        "strategy": {"waves": [1, NODES - 1], "health_gate_ms": 500}},
        headers={"Idempotency-Key": key}))
    for _ in range(plant.chance.randint(1, 4)):
        # Not a wait for something: the moment of the fault.
        time.sleep(plant.chance.random() * 2)
        plant.break_something()
    done = plant.wait_for_end(made["id"])
    where = f"seed {SEED}, round {number}, version {version}, killed {dict(plant.kills)}"
    states = collections.Counter(
        step["state"] for step in plant.ask(lambda: steps(plant.api, done)))
    if version == "9.9":
        assert done["state"] == "paused", (where, done, states)
        assert states == {"rolled_back": 1, "pending": NODES - 1}, where
        plant.ask(lambda: plant.api.post(f"/rollouts/{made['id']}/abort",
                                         headers={"Idempotency-Key": key + "-abort"}))
        return good, where
    assert done["state"] == "succeeded", (where, done, states)
    return version, where


def check_nodes(plant, good, witnesses, where):
    for agent in plant.agents:
        wait_until(lambda: agent.wait_status()["activity"].startswith("idle"), "idleness", PATIENCE_S)
        wait_until(lambda: (agent.dir / "data" / "app" / "db").read_text() == good + "\n",
                   f"version {good} on {agent.name}: {where}")
        assert service(agent, "app")["state"] == "running", where
        assert service(agent, "witness")["pid"] == witnesses[agent.name], where
        plant.wait_for(
            lambda: plant.api.get(f"/nodes/{agent.name}")["status"] == "online", agent.name)
        plant.wait_for(
            lambda: agent.service("app")["package"]["version"] == good
            and agent.service("app")["desired"]["package"]["version"] == good,
            f"the server to know version {good} of {agent.name}: {where}")


def check_lines(plant):
    for agent in plant.agents:
        last = int((agent.dir / "data" / "witness" / "n").read_text())
        found = plant.wait_for(
            lambda: (got := lines(plant.server, agent.name)) and got[-1] >= last and got,
            f"line {last} of {agent.name}")
        assert found == list(range(1, len(found) + 1)), agent.name


def test_parts_are_killed_while_rollouts_run(plant):
    print(f"seed {SEED}")
    vendor = Vendor(plant.api)
    spec = {"snapshot": ["${muster.data}/db"], "cwd": "${muster.data}"}
    for version in ("1.0", "2.0"):
        vendor.release("app", version, GOOD.format(v=version), spec)
    vendor.release("app", "9.9", BAD.format(v="9.9"), spec)
    vendor.release("witness", "1.0", WITNESS, {"cwd": "${muster.data}"})
    first = roll_out(plant.api, change("1.0") + [{
        "service": "witness", "driver": "generic", "run": True,
        "package": {"name": "witness", "version": "1.0"}}])
    assert first["state"] == "succeeded", steps(plant.api, first)
    witnesses = {agent.name: service(agent, "witness")["pid"] for agent in plant.agents}

    good, number, end = "1.0", 0, time.monotonic() + SECONDS
    while number < SHORT_ROUNDS or time.monotonic() < end:
        good, where = play_round(plant, number, good)
        check_nodes(plant, good, witnesses, where)
        number += 1
    check_lines(plant)
    assert database(plant.server, "SELECT topic, reason FROM dead_letter") == []
    plant.wait_for(lambda: database(plant.server, "SELECT count(*) FROM outbox") == [(0,)],
                   "an empty outbox")
    print(f"{number} rounds, killed {dict(plant.kills)}")
