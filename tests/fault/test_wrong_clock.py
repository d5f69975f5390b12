# SPDX-License-Identifier: Apache-2.0
"""The gateway's clock is years off, or jumps while changes are made: nothing that the agent decides hangs on it."""
import os
import random
import struct
import threading

import pytest

import everywhere
from cryptography.hazmat.primitives.asymmetric import ed25519
from harness import Broker, script_server
from harness.fake_agent import node_id
from harness.victim import Victim, preload

SEED = int(os.environ.get("FAULT_SEED", "3"))
YEAR_S = 365 * 24 * 3600


class Clock:
    """Wrong by what the file says; jumps, once it was told to, until it is closed."""

    def __init__(self, path, years=0):
        self.path = path
        self.jumps = 0
        self.over = threading.Event()
        self.chance = random.Random(SEED)
        path.write_bytes(struct.pack("q", years * YEAR_S))
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        with open(self.path, "r+b", buffering=0) as file:
            while not self.over.wait(self.chance.uniform(0.01, 0.1)):
                file.seek(0)
                file.write(struct.pack("q", self.chance.randint(-20, 20) * YEAR_S))
                self.jumps += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@pytest.fixture(scope="module")
def runner():
    made = everywhere.Runner()
    yield made
    made.close()


def test_changes_are_made_while_the_clock_jumps(runner):
    story, victim = runner.story, runner.story.machine()
    try:
        clock = Clock(victim.folder / "clock")
        victim.start(preload(FAULT_CLOCK_FILE=clock.path))
        story.wait_running(victim, 1)
        before = victim.services()
        with clock:
            assert story.tell(victim) == 3
            victim.wait_idle()
        assert clock.jumps > 1
        assert story.result(2)["state"] == "succeeded", victim.log()[-4000:]
        failed = story.result(3)
        assert failed["state"] == "rolled_back", victim.log()[-4000:]
        assert failed["error"]["code"] == "gate", failed
        story.check(victim, 2)
        assert victim.services()["witness"] == before["witness"]
        assert "Sanitizer" not in victim.log()
        victim.shutdown()
    finally:
        victim.close()


@pytest.mark.parametrize("years", [-50, 30])
def test_the_agent_connects_whatever_its_clock_says(runner, years):
    story, victim = runner.story, runner.story.machine()
    try:
        clock = Clock(victim.folder / "clock", years)
        victim.start(preload(FAULT_CLOCK_FILE=clock.path))
        story.wait_running(victim, 1)
        story.offer(2)
        assert story.wait_result(victim, 2)["state"] == "succeeded", victim.log()[-4000:]
        victim.shutdown()
    finally:
        victim.close()


@pytest.mark.parametrize("address,days,why", [("127.0.0.1", (-9, -2), "expired"),
                                              ("127.0.0.2", (-1, 30), "another machine's")])
def test_a_wrong_certificate_of_the_broker_is_refused(address, days, why):
    victim = Victim()
    keys = victim.folder / "keys"
    keys.mkdir()
    script_server.make_authority(keys, address, days)
    broker = Broker(keys).start()
    try:
        script_server.enroll_by_hand(victim.root, keys, node_id(), broker.url,
                                     ed25519.Ed25519PrivateKey.generate())
        victim.start()
        victim.process.wait_log("could not connect to the broker: A TLS error")
        assert victim.status()["online"] is False, why
        victim.shutdown()
    finally:
        victim.close()
        broker.close()
