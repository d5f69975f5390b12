#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures a server under a simulated fleet, with PostgreSQL, brokers, musterd and muster-sim on this machine.

  fleet.py --out FILE              all scenarios, some fifteen minutes
  fleet.py --only idle,reconnect   some of them
  fleet.py --scale 0.1             with a tenth of the nodes, for a look at the program

Nothing passes or fails; docs/scaling.md says what the figures mean. Run it on a machine that does nothing else.
"""

import argparse
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import fleet_scenarios as scenarios  # noqa: E402
from fleet_place import Place  # noqa: E402

# name: (unit, aim, better, digits after the point)
FIGURES = {
    "heartbeats_per_s": ("1/s", 20000, "higher", 0),
    "heartbeat_lag_p99_ms": ("ms", 2000, "lower", 0),
    "log_lines_per_s": ("1/s", 50000, "higher", 0),
    "rollout_10k_delivered_ms": ("ms", 2000, "lower", 0),
    "rollout_10k_confirmed_ms": ("ms", 4000, "lower", 0),
    "abort_ms": ("ms", 200, "lower", 0),
    "sse_1000_lag_p99_ms": ("ms", 2000, "lower", 0),
    "sse_1000_cpu_percent": ("%", 50, "lower", 1),
    "idle_50k_cpu_percent": ("%", 50, "lower", 1),
    "idle_50k_rss_mb": ("MB", 150, "lower", 0),
    "rollout_50k_confirmed_ms": ("ms", 20000, "lower", 0),
    "reconnect_50k_s": ("s", 60, "lower", 1),
    "api_list_100k_p99_ms": ("ms", 20, "lower", 1),
    "api_list_1m_p99_ms": ("ms", 50, "lower", 1),
}

# Scenarios that share a server and its nodes: name -> (place, scenarios in their order).
PLACES = {
    "small": (lambda scale: Place(nodes=int(10000 * scale), known=0, brokers=1),
              ("heartbeats", "logs", "rollout_10k", "abort", "events")),
    "large": (lambda scale: Place(nodes=int(50000 * scale), known=int(50000 * scale), brokers=3),
              ("idle", "reconnect", "rollout_50k", "api")),
}
NAMES = [name for _, names in PLACES.values() for name in names]


def measure(wanted, scale):
    for make, names in PLACES.values():
        names = [name for name in names if name in wanted]
        if not names:
            continue
        with make(scale) as place:
            for name in names:
                print(f"fleet: {name}", file=sys.stderr, flush=True)
                yield from getattr(scenarios, name)(place)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="scenarios, comma separated: " + ", ".join(NAMES))
    parser.add_argument("--scale", type=float, default=1.0, help="share of the nodes")
    parser.add_argument("--out", help="file for the figures as JSON")
    options = parser.parse_args()
    options.names = options.only.split(",") if options.only else NAMES
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no scenario {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return options


def main():
    options = parse()
    found = []
    for name, value in measure(options.names, options.scale):
        unit, aim, better, digits = FIGURES[name]
        print(f"{name:<28} {value:>10.{digits}f} {aim:>8} {unit}", flush=True)
        found.append({"name": name, "value": round(value, 3), "unit": unit, "aim": aim, "better": better})
    if options.out:
        temporary = f"{options.out}.new"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
            file.write("\n")
        os.replace(temporary, options.out)


if __name__ == "__main__":
    main()
