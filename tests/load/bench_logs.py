#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many log lines per second get from nodes through the broker into the database.

  bench_logs.py [--lines 400000] [--nodes 8] [--programs build/release/bin]

Starts a standalone server of its own. The nodes publish messages of 500 lines of 100 characters, made beforehand,
as fast as the broker takes them; the clock runs until the database has committed the last line, and every line is
counted. Prints a JSON line.
"""
import argparse
import json
import os
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

LINES_PER_MESSAGE = 500
WAIT_S = 120


def messages(agent, count, now):
    line = {"at": now, "stream": "stdout", "text": ""}
    for seq in range(1, count + 1):
        lines = [{**line, "text": f"{seq:06}-{i:03} " + "reading of a register took its time, value 17.25 ".ljust(89, ".")}
                 for i in range(LINES_PER_MESSAGE)]
        yield json.dumps({"v": 1, "epoch": agent.epoch, "seq": seq, "service": "collector", "lines": lines})


def measure(server, options):
    from harness.fake_agent import FakeAgent, database, now, topic
    agents = [FakeAgent(server).connect() for _ in range(options.nodes)]
    each = options.lines // LINES_PER_MESSAGE // options.nodes
    made = [list(messages(agent, each, now())) for agent in agents]
    wanted = each * options.nodes * LINES_PER_MESSAGE
    started = time.monotonic()
    for number in range(each):
        for agent, texts in zip(agents, made):
            agent.client.publish(topic(agent.node, "up", "logs"), texts[number], qos=1)
    stored = 0
    while stored < wanted:
        if time.monotonic() > started + WAIT_S:
            raise RuntimeError(f"only {stored} of {wanted} lines after {WAIT_S} s")
        time.sleep(0.1)
        stored = database(server, "SELECT count(*) FROM log_line")[0][0]
    took = time.monotonic() - started
    for agent in agents:
        agent.close()
    print(f"{wanted} lines in {took:.1f} s", file=sys.stderr)
    return wanted / took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=400_000)
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--programs", default=str(ROOT / "build/release/bin"))
    options = parser.parse_args()
    os.environ["MUSTER_BIN"] = options.programs
    from harness.server import Server  # reads MUSTER_BIN
    with Server(env={"MUSTER_LOG_LEVEL": "warn"}) as server:
        value = measure(server, options)
    print(json.dumps({"name": "log_lines_per_s", "value": round(value), "unit": "lines/s", "aim": 50000, "better": "higher"}))


if __name__ == "__main__":
    main()
