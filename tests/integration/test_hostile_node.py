# SPDX-License-Identifier: Apache-2.0
"""A gateway with a valid certificate that means no good harms itself and nobody else."""
import json
import os

import pytest

from harness import FakeAgent, database, wait_until
from harness.fake_agent import now, topic

FAR = 2**63 - 2
CONTENT = json.dumps({"v": 1, "services": {}})


@pytest.fixture
def node(server):
    with FakeAgent(server) as agent:
        yield agent.connect()


@pytest.fixture
def neighbour(server):
    with FakeAgent(server) as agent:
        yield agent.connect()


def reasons(agent):
    return [reason for (reason,) in database(
        agent.server, "SELECT reason FROM dead_letter WHERE node_id = %s ORDER BY id",
        (agent.node,))]


def want(agent, generation, digest="sha256:" + "a" * 64):
    """A new generation, and the message that carries it."""
    database(agent.server, "INSERT INTO node_desired (node_id, generation, content, digest)"
             " VALUES (%s, %s, %s, %s)", (agent.node, generation, CONTENT, digest))
    database(agent.server, "UPDATE node SET desired_generation = %s, desired_digest = %s"
             " WHERE id = %s", (generation, digest, agent.node))
    database(agent.server, "WITH row AS (INSERT INTO outbox (kind, node_id) VALUES"
             " ('desired', %s)) SELECT pg_notify('muster_outbox', '')", (agent.node,))


def test_generation_out_of_all_proportion_is_refused(node):
    want(node, 1)
    node.hello(generation=FAR, digest="sha256:" + "b" * 64)
    node.health(generation=FAR)
    node.reported({}, generation=FAR)
    wait_until(lambda: len(reasons(node)) == 3, "three dead letters")
    assert all("generation" in reason for reason in reasons(node))
    assert node.row("desired_generation, reported_generation") == (1, 0)


def test_epochs_without_end_leave_few_rows(node):
    for number in range(60):
        node.epoch = os.urandom(8).hex()
        node.log(f"line {number}", seq=1)
    node.wait_ack("logs", 1)
    assert database(node.server, "SELECT count(*) FROM node_stream WHERE node_id = %s",
                    (node.node,))[0][0] <= 8


def test_node_cannot_listen_to_another(node, neighbour):
    for pattern in ("muster/#", "#", "muster/1/+/+/down/#", "muster/1/+/+/up/#",
                    topic(neighbour.node, "down", "desired")):
        node.client.subscribe(pattern, qos=1)
    want(neighbour, 1)
    neighbour.wait("desired")
    neighbour.log("a secret")
    neighbour.wait_ack("logs", 1)
    # By the time its own acknowledgement is there, what went before would be, too.
    node.log("mine")
    node.wait_ack("logs", 1)
    assert {channel for channel, _ in node.received} <= {"ack"}
    assert neighbour.epoch not in json.dumps(node.received)


def event(**changes):
    return {"at": now(), "kind": "k", "severity": "info", "text": "t", **changes}


def line(**changes):
    return {"at": now(), "stream": "stdout", "text": "t", **changes}


NONSENSE = [
    ("health", b"[" * 100_000),
    ("health", b'{"v":1,"node":' + b'{"a":' * 5_000),
    ("health", b"\xff" * 1000),
    ("health", b'{"v":1,"v":2}'),
    ("hello", {"streams": []}),
    ("logs", {"epoch": "z" * 16, "seq": 1, "service": "s", "lines": [line()]}),
    ("logs", {"epoch": "a" * 16, "seq": 0, "service": "s", "lines": [line()]}),
    ("logs", {"epoch": "a" * 16, "seq": -1, "service": "s", "lines": [line()]}),
    ("logs", {"epoch": "a" * 16, "seq": 2**64, "service": "s", "lines": [line()]}),
    ("logs", {"epoch": "a" * 16, "seq": 1.5, "service": "s", "lines": [line()]}),
    ("logs", {"epoch": "a" * 16, "seq": 1, "first": 2, "service": "s", "lines": [line()]}),
    ("logs", {"epoch": "a" * 16, "seq": 1, "service": "s", "lines": [line(text="nul \x00 inside")]}),
    ("events", {"epoch": "a" * 16, "seq": 1, "at": now(), "events": [
        event(data=[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]])]}),
    ("reported", {"epoch": "a" * 16, "seq": 1, "at": now(), "generation": -1, "digest": "",
                  "services": {}}),
]

# Well formed, each with a seq of its own; stored or refused, but never in the way of the others.
ODD = [
    ("logs", {"service": "s", "lines": [line(at="9999-12-31T23:59:59.999999Z")]}),
    ("logs", {"service": "s", "lines": [line(at="0001-01-01T00:00:00Z")]}),
    ("logs", {"service": "s", "lines": [line(text="\u202e\u0007\x1b[2J'; DROP TABLE node; --")]}),
    ("events", {"at": now(), "events": [event(data={"n": 1e308})]}),
    ("events", {"at": "0000-00-00T00:00:00Z", "events": [event()]}),
    ("result", {"at": now(), "generation": 1, "digest": "", "rollout": "a" * 20,
                "state": "succeeded"}),
    ("result", {"at": now(), "generation": 2**53 - 1, "digest": "sha256:" + "a" * 64,
                "state": "rolled_back",
                "error": {"phase": "x" * 63, "code": "x", "text": "x", "stderr": "x" * 4096}}),
    ("reported", {"at": now(), "generation": 0, "digest": "", "services": {
        "s": {"state": "running", "reason": "", "since": now(), "ready": True, "pid": 2**63 - 1,
              "restarts": 2**63 - 1, "run": True, "driver": "x", "package": None,
              "config": {"name": "c", "version": 2**31 - 1, "digest": "sha256:" + "a" * 64},
              "drift": True, "drift_files": ["../../etc/passwd"]}}}),
]


def test_nonsense_is_put_aside_and_the_neighbour_is_heard(node, neighbour):
    for channel, message in NONSENSE:
        if isinstance(message, bytes):
            node.publish_raw(channel, message)
        else:
            node.publish(channel, message)
    for channel, message in ODD:
        node.stream(channel, message)
    neighbour.log("all is well")
    neighbour.wait_ack("logs", 1)
    for stream, upto in node.seq.items():
        node.wait_ack(stream, upto)
    assert len(wait_until(lambda: len(found := reasons(node)) >= len(NONSENSE) and found)) <= len(
        NONSENSE) + len(ODD)
    assert node.server.ready()


def test_sequence_at_the_end_of_numbers(node):
    node.log("far", seq=2**63 - 1, first=1)
    node.wait_ack("logs", 2**63 - 1)
    node.log("once more", seq=2**63 - 1, first=2**63 - 1)
    node.wait_ack("logs", 2**63 - 1)
    node.epoch = os.urandom(8).hex()
    node.log("again", seq=1)
    node.wait_ack("logs", 1)
