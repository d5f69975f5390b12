# SPDX-License-Identifier: Apache-2.0
"""Nobody commands a device but the server's signing key, also not who owns the broker."""
import json

import pytest

from harness import Agent, Broker, packages, wait_until
from harness.false_server import FalseServer, reseal


def content(**services):
    return {"v": 1, "project": "p", "health_interval_ms": 1000, "release_keys": [],
            "apply": {"rollout": None, "gate_ms": 0, "deadline_ms": 20000}, "services": services}


def sleeper(seconds=1000):
    return {"driver": "generic", "run": True, "package": None, "config": None,
            "parameters": {"command": ["/bin/sleep", str(seconds)]}}


@pytest.fixture
def taken(server, api):
    """An agent whose broker belongs to somebody else."""
    agent = Agent(server, api, "gw")
    agent.enroll()
    broker = Broker(server.data / "keys").start()
    identity = agent.dir / "keys" / "identity.json"
    known = json.loads(identity.read_text())
    identity.write_text(json.dumps({**known, "brokers": [broker.url]}))
    with FalseServer(server, broker, known["node_id"]) as enemy:
        agent.start()
        enemy.wait("hello")
        yield agent, enemy
        agent.shutdown()
    broker.close()
    agent.close()


def event(kind, text):
    return lambda message: any(e["kind"] == kind and text in e["text"] for e in message["events"])


def result(generation, state):
    return lambda message: message["generation"] == generation and message["state"] == state


def test_only_the_signing_key_of_the_server_counts(taken):
    agent, enemy = taken
    stranger = packages.ReleaseKey()
    good = enemy.desired(7, content(a=sleeper()))
    enemy.send("desired", enemy.desired(7, content(a=sleeper()), signer=stranger))
    enemy.wait("events", event("desired.refused", "no trusted key"))
    enemy.send("desired", reseal(good, generation=8))
    enemy.send("desired", {**good, "payloadType": "application/vnd.muster.command+json"})
    enemy.send("desired", {**good, "signatures": []})
    enemy.send("desired", enemy.desired(7, content(a=sleeper()), node="nsomebodyelse"))
    enemy.wait("events", event("desired.refused", "for the node nsomebodyelse"))
    enemy.send("desired", enemy.desired(7, content(a=sleeper()), digest="sha256:" + "0" * 64))
    enemy.wait("events", event("desired.refused", "digest"))
    for junk in (b"", b"\0\xff", b"[" * 5000, b"{}", b"x" * 800_000, b'{"payload":1}'):
        enemy.send("desired", junk)
        enemy.send("command", junk)
        enemy.send("ack", junk)
    enemy.send("command", good)
    assert agent.status()["services"] == [] and enemy.count("result") == 0

    # The same words with the right signature work, so it was the signature.
    enemy.send("desired", good)
    enemy.wait("result", result(7, "succeeded"))
    assert agent.status()["services"][0]["state"] == "running"


def test_flood_of_refused_words_is_told_in_few(taken):
    agent, enemy = taken
    stranger = packages.ReleaseKey()
    for number in range(1, 301):
        enemy.send("desired", enemy.desired(number, content(), signer=stranger))
    enemy.send("desired", enemy.desired(1, content()))
    enemy.wait("result", result(1, "succeeded"))
    assert agent.log().count("refused a desired state") == 300
    # Each may have come twice, since nobody acknowledges here. A result goes before them.
    def told():
        return {m["seq"] for c, m in list(enemy.received) if c == "events" and
                any(e["kind"] == "desired.refused" for e in m["events"])}
    wait_until(lambda: len(told()) >= 20, "the first of them to be told")
    assert len(told()) <= 60


def test_old_words_have_no_power(taken):
    agent, enemy = taken
    first = enemy.desired(3, content(a=sleeper()))
    enemy.send("desired", first)
    enemy.wait("result", result(3, "succeeded"))
    enemy.send("desired", enemy.desired(4, content(a=sleeper(), b=sleeper())))
    enemy.wait("result", result(4, "succeeded"))
    pids = [s["pid"] for s in agent.status()["services"]]

    enemy.send("desired", first)
    enemy.wait("events", event("desired.refused", "generation 3 is older than 4"))
    enemy.send("desired", enemy.desired(4, content()))
    enemy.wait("events", event("desired.equivocation", "generation 4"))
    enemy.send("desired", enemy.desired(5, content(), lifetime_s=-60))
    enemy.wait("events", event("desired.refused", "expired"))
    agent.kill()
    agent.start().wait_status()
    enemy.send("desired", first)
    assert [s["pid"] for s in agent.status()["services"]] == pids


def test_commands_are_run_once_by_the_right_word_only(taken):
    agent, enemy = taken
    enemy.send("desired", enemy.desired(1, content(a=sleeper())))
    enemy.wait("result", result(1, "succeeded"))
    pid = agent.status()["services"][0]["pid"]
    stranger = packages.ReleaseKey()
    good = enemy.command("restart", service="a")
    enemy.send("command", enemy.command("restart", service="a", signer=stranger))
    enemy.wait("events", event("command.refused", "no trusted key"))
    enemy.send("command", enemy.command("restart", service="a", node="nsomebodyelse"))
    enemy.wait("events", event("command.refused", "for the node nsomebodyelse"))
    enemy.send("command", enemy.command("restart", service="a", lifetime_s=-60))
    enemy.wait("events", event("command.refused", "expired"))
    enemy.send("command", reseal(good, kind="stop"))
    enemy.send("command", {**good, "payloadType": "application/vnd.muster.desired+json"})
    enemy.send("command", enemy.command("shell", args={"line": "reboot"}))
    enemy.wait("events", event("command.refused", "no command is called shell"))
    assert agent.status()["services"][0]["pid"] == pid

    enemy.send("command", good)
    enemy.wait("events", event("command.done", "restart"))
    again = wait_until(lambda: agent.status()["services"][0]["pid"] not in (0, pid) and
                       agent.status()["services"][0]["pid"], "the restart")
    # Replayed, also after a restart of the agent.
    enemy.send("command", good)
    agent.kill()
    before = enemy.count("hello")
    agent.start()
    wait_until(lambda: enemy.count("hello") > before, "the agent to be back")
    enemy.send("command", good)
    enemy.send("command", enemy.command("resend"))
    enemy.wait("events", event("command.done", "resend"))
    assert agent.status()["services"][0]["pid"] == again


def test_certificate_that_nobody_asked_for_is_not_taken(taken, server):
    agent, enemy = taken
    key = (agent.dir / "keys" / "node.key").read_bytes()
    own = (agent.dir / "keys" / "node.crt").read_text()
    for pem, why in (("nonsense", "certificate"), (own, "not what this node asked for"),
                     ((server.data / "keys" / "mqtt-client.crt").read_text(), "asked for")):
        enemy.send("command", enemy.command("renew", args={"certificate": pem}))
        enemy.wait("events", event("command.failed", why))
    enemy.send("command", enemy.command("renew"))
    enemy.wait("events", event("command.failed", "args.certificate"))
    assert (agent.dir / "keys" / "node.key").read_bytes() == key
    assert (agent.dir / "keys" / "node.crt").read_text() == own


def test_false_acknowledgements_lose_nothing_that_matters(taken):
    agent, enemy = taken
    hello = enemy.wait("hello")
    enemy.send("desired", enemy.desired(1, content(a=sleeper())))
    message = enemy.wait("result", result(1, "succeeded"))
    assert message["epoch"] == hello["epoch"]

    # More than was ever sent: the agent begins a new epoch and sends all that it has again.
    enemy.acknowledge(message, "result", 10_000)
    again = enemy.wait("hello", lambda m: m["epoch"] != hello["epoch"])
    enemy.wait("result", lambda m: m["epoch"] == again["epoch"] and m["state"] == "succeeded")

    # Right, then less than before: what comes next tells which messages are missing.
    last = again["streams"]["result"]
    enemy.acknowledge(again, "result", last)
    enemy.acknowledge(again, "result", 1)
    enemy.send("desired", enemy.desired(2, content()))
    message = enemy.wait("result", lambda m: m["epoch"] == again["epoch"] and m["seq"] == last + 1)
    assert message["first"] == 2
    enemy.wait("result", result(2, "succeeded"))
