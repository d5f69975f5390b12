# SPDX-License-Identifier: Apache-2.0
"""A gateway's card was copied: two machines with one certificate. The server sees it and says so."""
import os
import shutil

import pytest

from harness import wait_until
from harness.agent import Agent
from harness.process import program

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="another boot needs a mount")

ELSEWHERE = ('mount --make-rprivate / && mount --bind "$0" /proc/sys/kernel/random/boot_id && '
             'hostname copy && exec "$@"')


@pytest.fixture
def copy(server, api, new_agent):
    """The folder of a stopped agent once more, on what looks like another machine."""
    gateway = new_agent("gw")
    gateway.wait_online().stop()
    other = Agent(server, api, "gw")
    other.argv = ["unshare", "-m", "-u", "sh", "-c", ELSEWHERE, str(other.root / "boot"), program("muster-agent")]
    (other.root / "boot").write_text("11111111-2222-3333-4444-555555555555\n")
    shutil.copytree(gateway.dir, other.dir, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    gateway.start()
    yield gateway, other
    other.close()


def told(api, kind):
    return [event for event in api.items("/nodes/gw/timeline") if event["kind"] == kind]


def test_two_agents_with_one_certificate_are_told_of(api, copy):
    gateway, other = copy
    gateway.wait_online()
    assert not told(api, "node.copied")
    other.start()
    event = wait_until(lambda: told(api, "node.copied"), "the copy to be noticed", timeout=180)[0]
    assert "used in two places at once: by " in event["text"] and "copy (boot 11111111)" in event["text"]
    other.stop()
    wait_until(lambda: api.get("/nodes/gw")["status"] == "warning", "the trouble to be shown", timeout=60)
    reason = api.get("/nodes/gw/explain")["text"]
    assert "used in two places at once" in reason and "enrol each gateway with a key of its own" in reason


def test_restarts_are_no_copy(api, new_agent):
    gateway = new_agent("gw")
    for _ in range(4):
        gateway.wait_online().stop()
        gateway.start()
    gateway.wait_online()
    assert not told(api, "node.copied")
