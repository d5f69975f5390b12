#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures Muster on the demo plant; prints a table and writes bench.json. See scripts/bench.sh."""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from datetime import datetime

import provision
import story
from muster import Muster
from plant import Plant
from processes import DemoError, leftovers, wait_for

ROLLOUTS = 5

# name: (unit, aim); for all of them lower is better.
FIGURES = {
    "agent_pss_kb": ("kB", 8192),
    "shim_pss_kb": ("kB", 128),
    "rollout_5_agents_ms": ("ms", 1000),
    "service_restart_p50_ms": ("ms", 50),
}


def pss_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def program_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def pids_of(folder, name):
    """Pids that belong to a folder and run a program of that name."""
    return [pid for pid in leftovers(folder) if os.path.basename(program_of(pid)) == name]


def rollout_ms(plant, muster):
    """From the request to the last of five agents succeeded, without a health gate; one config file changes."""
    taken = []
    for number in range(ROLLOUTS):
        story.push_interval(plant, muster, 3 + number)
        done = story.start_rollout(muster, f"bench {number}", "collector", config="collector@latest", gate="0s")
        began, ended = (datetime.fromisoformat(done[key].replace("Z", "+00:00")) for key in ("created_at", "finished_at"))
        taken.append((ended - began).total_seconds() * 1000)
    return statistics.median(taken)


def restart_ms(plant):
    """From kill -9 to the new process, each service's first failure on each gateway."""
    taken = []
    for gateway in plant.gateways:
        for name in ("mosquitto", "collectd", "node"):
            old = pids_of(gateway.folder, name)[0]
            program = program_of(old)
            began = time.monotonic()
            os.kill(old, signal.SIGKILL)
            wait_for(
                f"{name} of {gateway.name} again",
                lambda old=old, program=program: any(
                    pid != old and program_of(pid) == program for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
                ),
                every_s=0.001,
            )
            taken.append((time.monotonic() - began) * 1000)
    return statistics.median(taken)


def measure(plant, muster):
    agents = [pss_kb(gateway.agent.pid) for gateway in plant.gateways]
    shims = [pss_kb(pid) for pid in pids_of(plant.folder, "muster-shim")]
    yield "agent_pss_kb", statistics.median(agents)
    yield "shim_pss_kb", statistics.median(shims)
    yield "rollout_5_agents_ms", rollout_ms(plant, muster)
    yield "service_restart_p50_ms", restart_ms(plant)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--packages", required=True)
    parser.add_argument("--out", required=True, help="file for the figures as JSON")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        os.chmod(folder, 0o755)
        plant = Plant(os.path.realpath(folder), os.path.realpath(options.programs))
        try:
            steps = story.Steps(out=sys.stderr)
            provision.start(plant, steps)
            muster = Muster(plant)
            provision.fill(plant, muster, options.packages, steps)
            figures = []
            print(f"{'figure':<24} {'value':>8} {'aim':>8} unit")
            for name, value in measure(plant, muster):
                unit, aim = FIGURES[name]
                print(f"{name:<24} {value:>8.0f} {aim:>8} {unit}", flush=True)
                figures.append({"name": name, "value": round(value, 1), "unit": unit, "aim": aim, "better": "lower"})
            with open(options.out, "w", encoding="utf-8") as file:
                json.dump(figures, file, indent=1)
                file.write("\n")
        except DemoError as error:
            sys.exit(f"bench: {error}")
        finally:
            plant.close()


if __name__ == "__main__":
    main()
