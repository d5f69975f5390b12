# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the agent at any moment of a change: the old state or the new one, never between."""
import os
import random

from harness import wait_until
from harness.changes import Vendor, roll_out, steps, wait_for_rollout

ROUNDS = 4
SEED = int(os.environ.get("MUSTER_SEED", "7"))


def test_agent_is_killed_during_changes(api, new_agent):
    chance = random.Random(SEED)
    agent = new_agent("gw")
    agent.stop()
    (agent.dir / "agent.conf").write_text("reconnect_min_ms = 100ms\nreconnect_max_ms = 300ms\n")
    agent.start().wait_online()
    vendor = Vendor(api)
    service = {"snapshot": ["${muster.data}/db"], "cwd": "${muster.data}"}
    for version in ("1.0", "2.0"):
        vendor.release("app", version, f"echo {version} > db\nwhile :; do sleep 100; done\n",
                       service)
    vendor.release("app", "9.9", "echo 9.9 > db\nexit 3\n", service)
    vendor.release("other", "1.0", "while :; do sleep 100; done\n")

    def change(name, version):
        return {"service": name, "driver": "generic", "run": True,
                "package": {"name": name, "version": version}}

    good = "1.0"
    done = roll_out(api, [change("app", good), change("other", "1.0")])
    assert done["state"] == "succeeded", steps(api, done)
    other = next(s["pid"] for s in agent.status()["services"] if s["name"] == "other")

    for number in range(ROUNDS):
        version = chance.choice(["1.0", "2.0", "9.9"])
        made = roll_out(api, [change("app", version)], wait=False, health_gate_ms=1000)
        for _ in range(chance.randint(1, 3)):
            # Not a wait for something: the moment of the power cut.
            wait_until(lambda: chance.random() < 0.2, "the moment")
            agent.kill()
            agent.start()
        step = steps(api, wait_for_rollout(api, made["id"]))[0]
        where = f"seed {SEED}, round {number}, version {version}"
        assert step["state"] == ("rolled_back" if version == "9.9" else "succeeded"), (where, step)
        good = good if version == "9.9" else version
        wait_until(lambda: agent.wait_status()["activity"].startswith("idle"), "idleness")
        wait_until(lambda: (agent.dir / "data" / "app" / "db").read_text() == good + "\n",
                   f"the data of {good}: {where}")
        services = {s["name"]: s for s in agent.status()["services"]}
        assert services["other"]["pid"] == other, where
        assert services["app"]["state"] == "running", where
