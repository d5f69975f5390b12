# SPDX-License-Identifier: Apache-2.0
"""A sample of what "make faults" does with every system call of an upgrade and its rollback."""
import concurrent.futures
import multiprocessing
import os
import random

import pytest

import everywhere
from harness.victim import tracer

SEED = int(os.environ.get("FAULT_SEED", "3"))
JOBS = 2
SECONDS = 20  # on a machine that does nothing else it is through before

pytestmark = pytest.mark.skipif(not tracer().exists(), reason="the tracer knows amd64 only")


@pytest.fixture(scope="module")
def runner():
    made = everywhere.Runner()
    yield made
    made.close()


def test_an_upgrade_survives_faults_at_any_call(runner):
    chance = random.Random(SEED)
    counts = runner.counts(everywhere.FAULTS)
    todo = [everywhere.Point(fault, chance.randint(1, counts[fault]), chance.randrange(1000))
            for fault in counts for _ in range(3 if fault in everywhere.DEADLY else 1)]
    chance.shuffle(todo)
    failures = everywhere.run_all(todo, JOBS, seconds=SECONDS)
    assert not failures, "\n\n".join(failures)


def test_what_a_kill_has_left_half_made_goes(runner):
    victim = runner.story.machine()
    try:
        (victim.root / "services" / "conf" / "current.0.tmp").symlink_to("1")
        (victim.root / "services" / "app" / "7.tmp" / "config").mkdir(parents=True)
        (victim.root / "services" / "app" / "1" / "snapshot.tmp").mkdir()
        (victim.root / "services" / "removed" / "1").mkdir(parents=True)
        victim.start()
        runner.story.finish(victim)
        victim.shutdown()
    finally:
        victim.close()
