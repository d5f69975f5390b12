#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Joins the figures of several parts into one file, and prints them beside those of the last run.

  bench-sum.py OUT PART...

OUT holds the last run until it is replaced; a figure that no part has measured this time is kept from there.
"""

import json
import os
import pathlib
import sys


def read(path):
    path = pathlib.Path(path)
    return {item["name"]: item for item in json.loads(path.read_text())} if path.exists() else {}


def main():
    out, parts = sys.argv[1], sys.argv[2:]
    last, found = read(out), {}
    for part in parts:
        found.update(read(part))
    print(f"{'figure':<28} {'value':>10} {'last':>10} {'aim':>8} unit")
    for name, item in found.items():
        before = f"{last[name]['value']:g}" if name in last else "-"
        met = item["value"] <= item["aim"] if item["better"] == "lower" else item["value"] >= item["aim"]
        print(f"{name:<28} {item['value']:>10g} {before:>10} {item['aim']:>8g} {item['unit']}{'' if met else '  not reached'}")
    temporary = out + ".new"
    pathlib.Path(temporary).write_text(json.dumps(list({**last, **found}.values()), indent=1) + "\n")
    os.replace(temporary, out)


if __name__ == "__main__":
    main()
