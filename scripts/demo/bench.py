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
from datetime import datetime

import figures
import provision
import story
from muster import Muster
from plant import Plant
from processes import DemoError
from solo import Solo

ROLLOUTS = 5
IDLE_SERVICES = 3

# name: (unit, aim, digits after the point); for all of them lower is better.
FIGURES = {
    "agent_pss_kb": ("kB", 4500, 0),
    "agent_anon_kb": ("kB", 1200, 0),
    "shim_pss_kb": ("kB", 64, 0),
    "install_peak_kb": ("kB", 12288, 0),
    "agent_cpu_percent": ("%", 0.1, 3),
    "agent_month_mb": ("MB", 3, 1),
    "agent_month_tls_mb": ("MB", 3, 1),
    "service_restart_p50_ms": ("ms", 10, 1),
    "service_restart_p99_ms": ("ms", 50, 1),
    "install_50mb_ratio": ("", 1.5, 2),
    "agent_static_mb": ("MB", 4.5, 2),
    "rollout_5_agents_ms": ("ms", 1000, 0),
}


def rollout_ms(plant, muster):
    """From the request to the last of five agents succeeded, without a health gate; one config file changes."""
    taken = []
    for number in range(ROLLOUTS):
        story.push_interval(plant, muster, 3 + number)
        done = story.start_rollout(muster, f"bench {number}", "collector", config="collector@latest", gate="0s")
        began, ended = (datetime.fromisoformat(done[key].replace("Z", "+00:00")) for key in ("created_at", "finished_at"))
        taken.append((ended - began).total_seconds() * 1000)
    return statistics.median(taken)


def measure_solo(folder, options):
    """One gateway with the programs that devices get."""
    solo = Solo(folder, options.programs, options.agent)
    try:
        solo.start()
        solo.upload_caller()
        solo.run_callers(IDLE_SERVICES)
        yield from figures.idle(solo, options.heartbeats)
        yield from figures.install(solo)
        yield from figures.restarts(solo, options.rounds)
    finally:
        solo.close()


def measure_plant(folder, options):
    """Five gateways of the demo."""
    plant = Plant(folder, options.programs)
    try:
        steps = story.Steps(out=sys.stderr)
        provision.start(plant, steps)
        muster = Muster(plant)
        provision.fill(plant, muster, options.packages, steps)
        yield "rollout_5_agents_ms", rollout_ms(plant, muster)
    finally:
        plant.close()


def measure(folder, options):
    if options.static:
        yield "agent_static_mb", os.path.getsize(os.path.join(options.agent, "muster-agent")) / 1e6
    for name, part in (("solo", measure_solo), ("plant", measure_plant)):
        os.makedirs(os.path.join(folder, name))
        yield from part(os.path.join(folder, name), options)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True, help="folder of the server's programs")
    parser.add_argument("--agent", required=True, help="folder of the muster-agent and muster-shim to be measured")
    parser.add_argument("--static", action="store_true", help="these are the static ones")
    parser.add_argument("--packages", required=True)
    parser.add_argument("--heartbeats", type=int, default=4, help="so many minutes of an idle agent")
    parser.add_argument("--rounds", type=int, default=10, help="so often each of 20 services is killed")
    parser.add_argument("--out", required=True, help="file for the figures as JSON")
    options = parser.parse_args()
    for name in ("programs", "agent", "packages"):
        setattr(options, name, os.path.realpath(getattr(options, name)))
    return options


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found = []
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        os.chmod(folder, 0o755)
        print(f"{'figure':<24} {'value':>8} {'aim':>8} unit")
        try:
            for name, value in measure(os.path.realpath(folder), options):
                unit, aim, digits = FIGURES[name]
                print(f"{name:<24} {value:>8.{digits}f} {aim:>8} {unit}", flush=True)
                found.append({"name": name, "value": round(value, 3), "unit": unit, "aim": aim, "better": "lower"})
        except DemoError as error:
            sys.exit(f"bench: {error}")
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(found, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
