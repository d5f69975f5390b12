# SPDX-License-Identifier: Apache-2.0
"""Shards spread over several brokers: each node is at its own, an outage of one leaves the others alone, and a node
that is at a former one is heard, answered and moved."""
import json

import pytest

from harness import Agent, Process, program, Server, Simulated, wait_until
from harness.changes import Vendor, wait_for_rollout

NODES = 24


@pytest.fixture(scope="module")
def place():
    with Simulated(brokers=2) as found:
        found.vendor = Vendor(found.api)
        for version in ("1.0", "2.0"):
            found.vendor.release("tool", version, "exec sleep 1000\n")
        yield found


def brokers_of(place, where="true"):
    return place.postgres.execute(f"SELECT DISTINCT broker, shard % 2 FROM node WHERE {where}")


def roll_out(place, version):
    return place.api.post("/rollouts", {
        "name": version, "targets": {"selector": "fleet=sim", "confirm_count": NODES},
        "changes": [{"service": "tool", "run": True,
                     "package": {"name": "tool", "version": version}}],
        "strategy": {"health_gate_ms": 0}})["id"]



def test_an_outage_of_one_broker_leaves_the_other_alone(place):
    sim = place.play(NODES, duration="0s", apply_min="0s", apply_max="100ms", heartbeat="1s",
                     reconnect_max="1s")
    sim.wait_log("running:", 300)
    place.wait_online(NODES)
    wait_until(lambda: sorted(brokers_of(place)) == [(0, 0), (1, 1)], "all at their own broker")
    metrics = place.server.api().get("/metrics")
    for number in (0, 1):
        assert f'muster_mqtt_connected{{broker="{number}"}} 1' in metrics
        assert f'muster_mqtt_received_total{{broker="{number}"}} 0\n' not in metrics
    assert wait_for_rollout(place.api, roll_out(place, "1.0"))["state"] == "succeeded"

    place.brokers[1].kill()
    wait_until(lambda: not place.server.ready(), "the server to miss a broker")
    rollout = roll_out(place, "2.0")
    there = place.postgres.execute("SELECT count(*) FROM node WHERE shard % 2 = 0")[0][0]
    assert 0 < there < NODES

    def confirmed(where):
        return place.postgres.execute(
            "SELECT count(*) FROM rollout_step s JOIN node n ON n.id = s.node_id WHERE"
            f" s.rollout_id = %s AND s.state = 'succeeded' AND {where}", (rollout,))[0][0]

    wait_until(lambda: confirmed("n.shard %% 2 = 0") == there, "the nodes of the other broker")
    assert confirmed("n.shard %% 2 = 1") == 0
    # Nobody could hear them, so nobody says that they are gone.
    assert place.postgres.execute("SELECT count(*) FROM node WHERE NOT online AND shard % 2 = 1"
                                  ) == [(0,)]
    place.brokers[1].start()
    assert wait_for_rollout(place.api, rollout)["state"] == "succeeded"
    wait_until(place.server.ready, "the server to be ready again")


def enrolled_for(place, shard_parity):
    """An agent whose shard belongs to that broker of two; ids are random, so some tries may be needed."""
    for attempt in range(40):
        agent = Agent(place.server, place.api, name=f"gw-{shard_parity}-{attempt}")
        agent.enroll()
        if agent.node()["shard"] % 2 == shard_parity:
            return agent
        agent.close()
    raise AssertionError("chance is against us")


def heard_at(place, agent):
    return place.postgres.execute("SELECT broker FROM node WHERE name = %s", (agent.name,))[0][0]


def answers(place, agent):
    """A command reaches it, and its answer the server."""
    command = place.api.post(f"/nodes/{agent.name}/commands", {"kind": "resend"})["id"]
    wait_until(lambda: place.postgres.execute(
        "SELECT count(*) FROM node_event WHERE kind = 'command.done' AND data->>'id' = %s",
        (command,))[0][0] == 1, "the answer to a command")


def test_a_node_moves_to_its_broker_and_back(place):
    server, (first, second) = place.server, place.brokers
    server.stop()
    server.mqtt_url = first.url
    server.start()
    agent = enrolled_for(place, 1)
    try:
        (agent.dir / "agent.conf").write_text(
            "broker_patience_ms = 2s\nreconnect_min_ms = 100ms\nreconnect_max_ms = 300ms\n")
        agent.start().wait_online()
        assert heard_at(place, agent) == 0
        # A second broker: the node is at the former one, is heard there, and told where it belongs.
        server.stop()
        server.mqtt_url = f"{first.url},{second.url}"
        server.start()
        wait_until(lambda: heard_at(place, agent) == 1, "the node to move")
        identity = json.loads((agent.dir / "keys" / "identity.json").read_text())
        assert (identity["brokers"], identity["former_brokers"]) == ([second.url], [first.url])
        answers(place, agent)
        # It cannot be reached for long: the former one is as good as it was.
        second.stop()
        wait_until(lambda: heard_at(place, agent) == 0, "the node to come back")
        assert "back at the former" in agent.log()
        answers(place, agent)
        second.start()
        agent.stop()
        agent.start()
        wait_until(lambda: heard_at(place, agent) == 1, "the node to be where it belongs")
        answers(place, agent)
    finally:
        agent.close()


def test_addresses_that_fit_no_broker_are_refused(place):
    done = Process([program("musterd"), "serve", "--data", place.server.folder / "other",
                    "--listen", "127.0.0.1:0", "--mqtt-url", "mqtts://a,mqtts://b",
                    "--mqtt-public-urls", "mqtts://c"], place.server.folder / "refused.log",
                   env={"MUSTER_DATABASE_URL": place.postgres.dsn()}).start()
    assert done.child.wait(60) == 1
    assert "give one public address for each" in done.log()


def test_standalone_runs_several():
    with Server(options=["--brokers", "2"]) as server:
        assert {"https", "mqtt", "mqtt-1"} == set(server.ports)
        metrics = server.api().get("/metrics")
        assert all(f'muster_mqtt_connected{{broker="{n}"}} 1' in metrics for n in (0, 1))
        agents = [Agent(server, name=f"gw-{n}") for n in range(4)]
        try:
            for agent in agents:
                agent.enroll()
                number = agent.node()["shard"] % 2
                brokers = json.loads((agent.dir / "keys" / "identity.json").read_text())["brokers"]
                assert brokers == [f"mqtts://127.0.0.1:{server.ports[('mqtt', 'mqtt-1')[number]]}"]
                agent.start().wait_online()
        finally:
            for agent in agents:
                agent.close()
