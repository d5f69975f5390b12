# SPDX-License-Identifier: Apache-2.0
"""A disk without room: the update is refused before anything is touched, and services run on."""
import os
import subprocess

import pytest

from harness import Agent, wait_until
from harness.changes import Vendor, roll_out, steps, wait_for_rollout


@pytest.fixture
def small_disk(server, api):
    agent = Agent(server, api, "gw")
    agent.dir.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", agent.dir],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        agent.close()
        pytest.skip("a small disk can only be mounted as root")
    try:
        agent.enroll()
        (agent.dir / "agent.conf").write_text("disk_reserve_bytes = 1MiB\n")
        yield agent.start().wait_online()
        agent.shutdown()
    finally:
        subprocess.run(["umount", "--lazy", agent.dir], check=False)
        agent.close()


def change(version):
    return [{"service": "app", "driver": "generic", "run": True,
             "package": {"name": "app", "version": version}}]


def test_services_run_on_when_the_disk_is_full(api, small_disk):
    agent = small_disk
    vendor = Vendor(api)
    loop = "while :; do echo tick; sleep 0.1; done\n"
    vendor.release("app", "1.0", loop)
    vendor.release("app", "2.0", loop, files={"noise": os.urandom(8 << 20).hex()})
    vendor.release("app", "3.0", loop + "# three\n")
    assert roll_out(api, change("1.0"))["state"] == "succeeded"
    pid = agent.status()["services"][0]["pid"]

    done = roll_out(api, change("2.0"))
    assert steps(api, done)[0]["error"]["code"] == "disk_full"
    assert agent.status()["services"][0]["pid"] == pid

    # Not a byte is left: neither the agent nor the service stops, and all goes on with room.
    subprocess.run(f"cat /dev/zero > {agent.dir}/fill", shell=True, capture_output=True,
                   check=False)
    made = roll_out(api, change("3.0"), wait=False)
    wait_until(lambda: "disk is full" in agent.log(), "the agent to notice")
    assert agent.status()["services"][0]["pid"] == pid
    # An agent that starts needs a little room for its state: SQLite maps a file anew.
    fill = agent.dir / "fill"
    os.truncate(fill, fill.stat().st_size - (512 << 10))
    agent.kill()
    assert agent.start().wait_status()["services"][0]["pid"] == pid
    fill.unlink()
    # It may have been refused while there was no room; then it works when it is asked for again.
    if wait_for_rollout(api, made["id"])["state"] != "succeeded":
        assert steps(api, made)[0]["error"]["code"] in ("disk_full", "disk")
        assert roll_out(api, change("3.0"))["state"] == "succeeded"
    assert agent.status()["services"][0]["pid"] != pid
