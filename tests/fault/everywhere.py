#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lets something go wrong at every system call of an upgrade and its rollback: see README.md here.

  everywhere.py                      every fault at every call, over all cores
  everywhere.py --stride 20          at each twentieth call only
  everywhere.py --fault cut --at 317 --seed 1317     one of them again
"""
import argparse
import collections
import concurrent.futures
import multiprocessing
import multiprocessing.util
import os
import pathlib
import random
import signal
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.upgrade import Upgrade  # noqa: E402
from harness.victim import can_mount, preload  # noqa: E402
from harness.wait import wait_until  # noqa: E402

# What the tracer is told, and what follows from it.
FAULTS = {
    "kill": {"fault": "kill"},
    "torn": {"fault": "torn"},
    "cut": {"fault": "cut"},
    "kill-twice": {"fault": "kill"},
    "cut-twice": {"fault": "cut"},
    "eio": {"fault": "EIO", "times": 1},
    "eio-stays": {"fault": "EIO", "times": 0},
    "full": {"fault": "ENOSPC", "times": 0},
    "full-once": {"fault": "ENOSPC", "times": 1},
    "read-only": {"fault": "EROFS", "times": 0},
    "no-process": {"fault": "EAGAIN", "times": 1},
    "filled": {"fault": "fill"},
    "no-memory": None,  # by fault_preload: n counts allocations
}
DEADLY = ("kill", "torn", "cut", "kill-twice", "cut-twice")
RECOVERY = 150  # the second time it comes at one of so many calls after the start
DISK_MIB = 24  # of "filled", which needs the right to mount
UNTOUCHED = ("witness", "conf")
# How long a fault that stays may keep the agent from an answer before it is lifted.
STAYS_S = 3

Point = collections.namedtuple("Point", "fault at seed")


class Broken(AssertionError):
    pass


class Runner:
    """Plays the story again and again, each time on a machine of its own."""

    def __init__(self):
        self.story = Upgrade()
        try:
            self.story.prepare()
        except Exception:
            self.story.close()
            raise

    def close(self):
        self.story.close()

    def count(self, fault):
        """How many calls, or allocations, the story has when nothing goes wrong."""
        victim = self.story.machine()
        try:
            self._start(victim, Point(fault, 0, 0))
            assert self.story.tell(victim) == 3
            victim.wait_idle()
            self.story.check(victim, 2)
            victim.signal(signal.SIGTERM)
            victim.process.child.wait(60)
            return int(victim.report_path.read_text().split()[0])
        finally:
            victim.close()

    def counts(self, faults):
        calls = self.count("kill")
        return {fault: calls if FAULTS[fault] else self.count(fault) for fault in faults
                if fault != "filled" or can_mount()}

    @staticmethod
    def _start(victim, point):
        if FAULTS[point.fault]:
            victim.start_traced(at=point.at, seed=point.seed, **FAULTS[point.fault])
        else:
            victim.start(preload(FAULT_ALLOCATION=point.at,
                                 FAULT_ALLOCATION_FILE=victim.report_path))

    def play(self, point):
        """Returns the call that was struck, "" when the story had ended before."""
        victim = self.story.machine(DISK_MIB if point.fault == "filled" else None)
        try:
            return self._play(point, victim)
        except Exception as error:
            log = victim.log()[-6000:]
            raise Broken(f"{point}: {error}\nstruck: {self._struck(victim)}\n"
                         f"{traceback.format_exc()}\n{log}") from None
        finally:
            victim.close()

    @staticmethod
    def _struck(victim):
        text = victim.report_path.read_text() if victim.report_path.exists() else ""
        return text.rstrip("\n").replace(str(victim.root) + "/", "")

    def _play(self, point, victim):
        story, deadly = self.story, point.fault in DEADLY
        self._start(victim, point)
        offered = story.tell(victim, None if deadly else Patience(victim))
        before = victim.services() if offered > 1 and FAULTS[point.fault] != {"fault": "cut"} else {}
        struck = self._end(victim, point, offered)
        self._check_untouched(victim, before)
        if point.fault.endswith("-twice"):
            self._strike_again(victim, point)
            self._check_untouched(victim, before)
        # Nobody tells the agent anything: what it finds on its disk must be enough.
        story.server.offered = None
        victim.start()
        victim.wait_idle()
        allowed = {1: (1,), 2: (1, 2), 3: (2,) if story.succeeded(2) else (1,)}[offered]
        story.check(victim, *allowed)
        self._check_untouched(victim, before)
        story.finish(victim, lenient=not deadly)
        self._check_untouched(victim, before)
        victim.shutdown()
        assert not victim.processes(), victim.processes()
        return struck.replace(str(victim.root) + "/", "")

    def _strike_again(self, victim, point):
        """The same while the next agent finishes what the first one has left."""
        self.story.server.offered = None
        victim.start_traced(at=1 + point.seed % RECOVERY, seed=point.seed, **FAULTS[point.fault])
        wait_until(lambda: not victim.running() or
                   (victim.ask("status") or {"activity": ""})["activity"].startswith("idle"),
                   "the end of the second agent", pause=0.02)
        victim.signal(signal.SIGTERM)
        victim.report()

    @staticmethod
    def _end(victim, point, offered):
        """Ends the agent if it lives on with its fault. Returns what was struck."""
        if FAULTS[point.fault]:
            (victim.root / "fill").unlink(missing_ok=True)
            victim.signal(signal.SIGUSR1)
            victim.signal(signal.SIGTERM)
            _, struck, status, _ = victim.report()
        else:
            victim.signal(signal.SIGTERM)
            status = victim.process.child.wait(60)
            struck = "an allocation" if victim.report_path.exists() else ""
        log = victim.log()
        assert "Sanitizer" not in log and status != -signal.SIGSEGV, f"ended with {status}"
        if status == -signal.SIGABRT:
            assert "out of memory, stopping" in log, "it gave up without a word"
        elif point.fault not in DEADLY:
            assert status == 0 or offered == 1, f"the agent ended with {status}"
        return struck

    @staticmethod
    def _check_untouched(victim, before):
        now = victim.services()
        for name in UNTOUCHED:
            if name in before:
                assert now.get(name) == before[name], \
                    f"{name} had pid {before[name]}, now {now.get(name)}"


class Patience:
    """Ends the wait for an agent that lives on with a fault: that may keep it from any answer."""

    def __init__(self, victim):
        self.victim = victim
        self.since = None

    def over(self):
        if self.since is None and self.victim.report_path.exists():
            self.since = time.monotonic()
        return self.since is not None and time.monotonic() - self.since > STAYS_S


# --- many of them ---

_runner = None


def _set_up():
    global _runner
    _runner = Runner()
    multiprocessing.util.Finalize(None, _runner.close, exitpriority=10)


def _one(point):
    try:
        return point, _runner.play(point), None
    except Exception as error:
        return point, "", str(error)


def points(counts, stride, seed):
    """Every stride-th call for each fault, from an offset that the seed chooses; shuffled, so that a run that is
    cut short has seen something of all. counts: {fault: calls}. Of allocations, which are many more, as many are
    chosen as of calls: other seeds choose others."""
    chance = random.Random(seed)
    made = []
    for fault, count in counts.items():
        step = stride * max(1, count // min(counts.values()))
        made += [Point(fault, at, seed * 1000 + at)
                 for at in range(1 + chance.randrange(step), count + 1, step)]
    chance.shuffle(made)
    return made


def run_all(todo, jobs, report=lambda text: None, seconds=None):
    """Plays all points, or as many of the first as the seconds allow. Returns what has gone wrong, each with how to
    see it again."""
    end = time.monotonic() + seconds if seconds else None
    missed, failures, done = 0, [], 0
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, context, _set_up) as pool:
        futures = [pool.submit(_one, point) for point in todo]
        for future in concurrent.futures.as_completed(futures):
            if future.cancelled():
                continue
            point, struck, error = future.result()
            done += 1
            missed += not struck and not error
            if error:
                failures.append(f"{error}\nagain: tests/fault/everywhere.py --fault {point.fault} "
                                f"--at {point.at} --seed {point.seed}")
                report("FAILED " + failures[-1])
            if done % 100 == 0 or done == len(todo):
                report(f"{done} of {len(todo)} runs, {len(failures)} failed, "
                       f"{missed} had ended before their call")
            if end and time.monotonic() > end:
                for waiting in futures:
                    waiting.cancel()
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", default=",".join(FAULTS), help="which, with commas")
    parser.add_argument("--at", type=int, help="this call only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--seconds", type=int, help="stop after so many")
    options = parser.parse_args()
    faults = options.fault.split(",")
    runner = Runner()
    try:
        if options.at:
            for fault in faults:
                struck = runner.play(Point(fault, options.at, options.seed))
                print(f"{fault} at {options.at}: all is well; struck: {struck or 'nothing'}")
            return 0
        counts = runner.counts(faults)
    finally:
        runner.close()
    todo = points(counts, options.stride, options.seed)
    print(f"{counts}: {len(todo)} runs, seed {options.seed}", flush=True)
    return 1 if run_all(todo, options.jobs, lambda text: print(text, flush=True),
                        options.seconds) else 0


if __name__ == "__main__":
    sys.exit(main())
