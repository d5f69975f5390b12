# SPDX-License-Identifier: Apache-2.0
"""The key that signs desired states is replaced, and no node is lost by it."""
import base64
import hashlib
import json
import subprocess

import pytest

from harness import Agent, Broker, Server, packages, wait_until
from harness.changes import roll_out, steps
from harness.false_server import FalseServer, time_text
from harness.process import program

KEYS = "application/vnd.muster.keys+json"


@pytest.fixture
def plant():
    with Server() as running:
        yield running


def key(server, action, check=True):
    return subprocess.run([program("musterd"), "key", action, "--data", server.data],
                          capture_output=True, text=True, timeout=60, check=check)


def identity(agent):
    return json.loads((agent.dir / "keys" / "identity.json").read_text())


def trusted(agent):
    return [entry["public"] for entry in identity(agent)["signing_keys"]]


def restart_everywhere(api, number):
    """A desired state for every node; its signatures are what this is about."""
    done = roll_out(api, [{"service": f"s{number}", "driver": "generic", "run": True,
                           "package": {"name": "app", "version": "1.0"}}])
    return steps(api, done)


def test_rotation_reaches_those_who_are_there_and_those_who_slept(plant):
    api = plant.admin
    vendor = packages.ReleaseKey()
    api.post("/release-keys", {"name": "vendor", "public_key": vendor.public})
    data = packages.archive({"bin/run": "#!/bin/sh\nwhile :; do sleep 1; done\n"})
    packages.publish(api, data, vendor.sign(packages.manifest(data, "app")))
    awake, asleep = Agent(plant, api, "awake"), Agent(plant, api, "asleep")
    for agent in (awake, asleep):
        agent.enroll()
        agent.start()
        agent.wait_online()
    old = trusted(awake)
    assert len(old) == 1 and trusted(asleep) == old
    asleep.kill()

    assert "no rotation" in key(plant, "list").stdout
    assert key(plant, "finish", check=False).returncode == 1
    assert "statement 1" in key(plant, "rotate").stdout
    again = key(plant, "rotate", check=False)
    assert again.returncode == 1 and "under way" in again.stderr
    wait_until(lambda: identity(awake).get("trust") == 1, "the statement")
    both = trusted(awake)
    assert both[0] == old[0] and len(both) == 2
    newcomer = Agent(plant, api, "newcomer")
    newcomer.enroll()
    assert trusted(newcomer) == both and identity(newcomer)["trust"] == 1

    assert "statement 2" in key(plant, "finish").stdout
    wait_until(lambda: trusted(awake) == both[1:], "the end of the old key")
    assert not (plant.data / "keys" / "signing-next.key").exists()
    api.post(f"/nodes/{newcomer.node()['id']}/retire")
    newcomer.close()

    # Away during all of it: both statements, one after the other, and then what it shall run.
    asleep.start()
    wait_until(lambda: trusted(asleep) == both[1:], "the sleeper to follow")
    assert identity(asleep)["trust"] == 2
    assert {step["state"] for step in restart_everywhere(api, 1)} == {"succeeded"}

    # A server that begins again signs with the new key, and knows its history.
    plant.stop()
    plant.start()
    awake.wait_online()
    asleep.wait_online()
    assert {step["state"] for step in restart_everywhere(api, 2)} == {"succeeded"}
    asleep.close()
    awake.close()


def statement(number, *trusted_keys, signer):
    keys = [{"id": hashlib.sha256(k.raw).hexdigest()[:16],
             "public": base64.b64encode(k.raw).decode()} for k in trusted_keys]
    return signer.sign({"v": 1, "number": number, "issued": time_text(), "keys": keys}, KEYS)


def test_statements_of_others_do_not_count(server, api):
    agent = Agent(server, api, "gw")
    agent.enroll()
    broker = Broker(server.data / "keys").start()
    path = agent.dir / "keys" / "identity.json"
    path.write_text(json.dumps({**identity(agent), "brokers": [broker.url]}))
    before = trusted(agent)
    stranger = packages.ReleaseKey()
    with FalseServer(server, broker, identity(agent)["node_id"]) as enemy:
        agent.start()
        enemy.wait("hello")

        def refused(text):
            enemy.wait("events", lambda m: any(
                e["kind"] == "keys.refused" and text in e["text"] for e in m["events"]))

        enemy.send("command", statement(1, stranger, signer=stranger))
        refused("no trusted key")
        good = statement(1, stranger, signer=enemy.signer)
        enemy.send("command", {**good, "signatures": []})
        enemy.send("command", statement(2, signer=enemy.signer))
        refused("1 to 8")
        enemy.send("command", enemy.signer.sign({"v": 1, "number": 0, "keys": []}, KEYS))
        enemy.send("command", b"[" * 5000 + KEYS.encode())
        assert trusted(agent) == before and "trust" not in identity(agent) or \
            identity(agent)["trust"] == 0

        # The right one counts, once: older ones take nothing back.
        own = packages.ReleaseKey()
        own.raw = base64.b64decode(before[0])
        enemy.send("command", statement(5, own, stranger, signer=enemy.signer))
        wait_until(lambda: identity(agent).get("trust") == 5, "the statement")
        enemy.send("command", statement(4, own, signer=enemy.signer))
        enemy.send("command", enemy.command("resend"))
        enemy.wait("events", lambda m: any(e["kind"] == "command.done" for e in m["events"]))
        assert len(trusted(agent)) == 2
        agent.shutdown()
    broker.close()
    agent.close()
