#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Restart latency and memory of muster-agent beside other supervisors. See tests/load/compare.sh."""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "scripts", "demo"))

from calls import percentile, restart_times  # noqa: E402
from figures import SETTLE_S, memory_kb, shims  # noqa: E402
from processes import DemoError  # noqa: E402
from solo import Solo  # noqa: E402
from supervisors import ALL  # noqa: E402

COLUMNS = {
    "restart_p50_ms": "ms",
    "restart_p99_ms": "ms",
    "restart_all_ms": "ms",
    "memory_kb": "kB",
    "memory_per_service_kb": "kB",
}


class Muster:
    """With the same face as the others; memory per service is that of its shim."""

    name = "muster"
    slow = False

    def __init__(self, folder, count, options):
        os.makedirs(folder)
        self.solo = Solo(folder, options.programs, options.agent)
        self.count = count
        self.calls = None

    def start(self):
        self.solo.start()
        self.calls = self.solo.calls
        self.solo.upload_caller()
        self.solo.run_callers(self.count)

    def processes(self):
        return [self.solo.agent.pid, *shims(self.solo)]

    def close(self):
        self.solo.close()


def measure(supervisor, rounds):
    """All columns of one that has been started."""
    taken = restart_times(supervisor.calls, 1 if supervisor.slow else rounds)
    time.sleep(SETTLE_S)
    sizes = sorted(memory_kb(pid) for pid in supervisor.processes())
    count = len(supervisor.calls.pids)
    # The largest is what there is once, the rest is there for the services.
    one = sum(sizes[:-1]) / count
    return {
        "restart_p50_ms": statistics.median(taken),
        "restart_p99_ms": percentile(taken, 99),
        "restart_all_ms": supervisor.calls.all_at_once_ms(),
        "memory_kb": sum(sizes),
        "memory_per_service_kb": one,
    }


def run(supervisor, rounds):
    try:
        supervisor.start()
        return measure(supervisor, rounds)
    finally:
        supervisor.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, help="folder of the server's programs")
    parser.add_argument("--agent", required=True, help="folder of muster-agent and muster-shim")
    parser.add_argument("--rounds", type=int, default=5, help="so often each service is killed")
    parser.add_argument("--services", type=int, default=20)
    parser.add_argument("--only", action="append", help="this one, by its name (repeatable)")
    parser.add_argument("--out", required=True, help="file for the figures as JSON")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found = []
    with tempfile.TemporaryDirectory(prefix="muster-compare-") as folder:
        os.chmod(folder, 0o755)
        print(f"{'':<16}" + "".join(f"{column:>23}" for column in COLUMNS), flush=True)
        for number, kind in enumerate((Muster, *ALL)):
            if options.only and kind.name not in options.only:
                continue
            arguments = [os.path.join(os.path.realpath(folder), str(number)), options.services]
            try:
                figures = run(kind(*arguments, options) if kind is Muster else kind(*arguments), options.rounds)
            except DemoError as error:
                sys.exit(f"compare: {kind.name}: {error}")
            print(f"{kind.name:<16}" + "".join(f"{figures[column]:>23.1f}" for column in COLUMNS), flush=True)
            found += [
                {"name": f"{kind.name} {column}", "value": round(figures[column], 2), "unit": unit, "better": "lower"}
                for column, unit in COLUMNS.items()
            ]
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
