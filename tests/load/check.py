#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what muster-sim has recorded (--log) against the database of the server.

  check.py --log DIR --database "host=... dbname=muster" [--open]

Proves, for the nodes of the log:

  told        each node took generations in rising order; nothing came for another node, with another content for the
              same generation, or with a wrong signature
  one result  each generation ended once on its node, and each step is in the final state that this end means; no step
              is final that no node has ended; each attempt of a step made one generation
  given       no node has run what the server did not tell it, and what it ran came from a rollout with that node in it
  kept        everything that the server has acknowledged is there, once

Prints each violation and a count of what was looked at; the exit status is 1 when there is one. Run it when the
simulator has ended by itself ("0 not acknowledged"). --open: steps may still be on their way.
"""
import argparse
import collections
import glob
import json
import os
import sys

import psycopg2

FINAL = {
    "succeeded": ("succeeded",),
    "rolled_back": ("rolled_back",),
    "rollback_failed": ("rollback_failed",),
    "refused": ("failed",),
}
STEP_FINAL = ("succeeded", "failed", "rolled_back", "rollback_failed", "timed_out", "superseded", "skipped")
# The server may decide so by itself, before or after it hears of an end.
BY_SERVER = ("timed_out", "superseded", "skipped")
SHOWN = 10

Result = collections.namedtuple("Result", "generation digest rollout state")
Reported = collections.namedtuple("Reported", "generation digest runs")


def none(text):
    return None if text == "-" else text


class Node:
    """What the log says of one node. Streams are by epoch and seq."""

    def __init__(self):
        self.desired = []  # (generation, digest, rollout, verdict), as they came
        self.results, self.reported, self.logs, self.events = {}, {}, {}, {}
        self.acked = collections.Counter()  # (stream, epoch): seq
        self.last = None  # the last that it said to run

    def is_acked(self, stream, place):
        return self.acked[stream, place[0]] >= place[1]


def read(folder):
    """{node id: Node}"""
    nodes = collections.defaultdict(Node)
    paths = glob.glob(os.path.join(folder, "*.log"))
    if not paths:
        sys.exit(f"check: no log in {folder}")
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for line in file:
                take(nodes, line.split())
    return nodes


def take(nodes, fields):
    _, name, what, *rest = fields
    node = nodes[name]
    if what == "desired":
        node.desired.append((int(rest[0]), none(rest[1]), none(rest[2]), rest[3]))
    elif what == "ack":
        stream, seq, epoch = rest
        node.acked[stream, epoch] = max(node.acked[stream, epoch], int(seq))
    else:
        place = (rest[1], int(rest[0]))
        if what == "result":
            node.results[place] = Result(int(rest[2]), rest[3], none(rest[4]), rest[5])
        elif what == "reported":
            node.reported[place] = node.last = Reported(int(rest[2]), none(rest[3]), none(rest[4]))
        elif what == "logs":
            node.logs[place] = int(rest[2])
        elif what == "events":
            node.events[place] = 1


def runs_text(services):
    """The services of a content as the log writes them."""
    found = []
    for name, service in services.items():
        package, config = service.get("package") or {}, service.get("config") or {}
        found.append(f"{name}={package.get('name', '-')}@{package.get('version', '-')}"
                     f"#{config.get('name', '-')}@{config.get('version', 0)}")
    return ",".join(found) or None


class Checker:
    def __init__(self, nodes, database, still_open):
        self.nodes, self.still_open = nodes, still_open
        self.connection = psycopg2.connect(database)
        self.problems = collections.defaultdict(list)
        self.looked_at = collections.Counter()

    def rows(self, sql):
        """Rows of the nodes of the log; %s stands for their ids."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, (list(self.nodes),))
            return cursor.fetchall()

    def problem(self, kind, text):
        self.problems[kind].append(text)

    # --- told ---

    def check_told(self):
        for name, node in self.nodes.items():
            highest = 0
            for generation, _, _, verdict in node.desired:
                self.looked_at["desired states"] += 1
                if verdict in ("equivocation", "foreign", "bad"):
                    self.problem("told", f"{name}: generation {generation} was {verdict}")
                if verdict == "new":
                    if generation <= highest:
                        self.problem("told", f"{name}: took generation {generation} after {highest}")
                    highest = generation

    # --- one result ---

    def ends(self, name):
        """{generation: its final states in the log} of a node; of each, whether one was acknowledged."""
        found, acked = collections.defaultdict(list), set()
        node = self.nodes[name]
        for place, result in node.results.items():
            if result.state in FINAL:
                found[result.generation].append(result.state)
                if node.is_acked("result", place):
                    acked.add(result.generation)
        return found, acked

    def check_results(self):
        steps = self.rows("SELECT node_id, rollout_id, state, generation, attempt FROM rollout_step"
                          " WHERE node_id = ANY (%s)")
        by_node = collections.defaultdict(list)
        for name, *step in steps:
            by_node[name].append(step)
        for name in self.nodes:
            ends, acked = self.ends(name)
            for generation, states in ends.items():
                self.looked_at["results"] += 1
                if len(states) > 1:
                    self.problem("one result", f"{name}: generation {generation} ended as {' and '.join(states)}")
            for rollout, state, generation, _ in by_node[name]:
                self.looked_at["steps"] += 1
                self.check_step(f"{name}: step of {rollout}, generation {generation}", state,
                                ends.get(generation, []), generation in acked)
        self.check_attempts()

    def check_step(self, step, state, ends, acked):
        wanted = FINAL[ends[0]] if ends else ()
        if state not in STEP_FINAL and acked:
            self.problem("one result", f"{step}: is {state}, though {ends[0]} was acknowledged")
        elif state not in STEP_FINAL and not self.still_open:
            self.problem("one result", f"{step}: is {state}, which is not final")
        elif state in STEP_FINAL and state not in BY_SERVER and ends and state not in wanted:
            self.problem("one result", f"{step}: is {state}, the node ended it as {ends[0]}")
        elif state in ("succeeded", "rolled_back", "rollback_failed") and not ends:
            self.problem("one result", f"{step}: is {state}, but the node never said so")

    def check_attempts(self):
        """Whatever died: one generation for each attempt. Only the newest twenty are kept."""
        for name, rollout, count, attempt in self.rows(
                "SELECT d.node_id, d.rollout_id, count(*), s.attempt FROM node_desired d JOIN rollout_step s"
                " USING (rollout_id, node_id) WHERE d.node_id = ANY (%s) GROUP BY 1, 2, 4"):
            self.looked_at["attempts"] += attempt
            if count > attempt:
                self.problem("one result", f"{name}: rollout {rollout} made {count} generations in {attempt} attempts")

    # --- given ---

    def load_given(self):
        """Per node: {generation: (digest, rollout, services)}."""
        given = collections.defaultdict(dict)
        parsed = {}
        for name, generation, digest, rollout, content in self.rows(
                "SELECT node_id, generation, digest, rollout_id, content FROM node_desired"
                " WHERE node_id = ANY (%s) ORDER BY node_id, generation"):
            if digest not in parsed:
                parsed[digest] = json.loads(content)["services"]
            given[name][generation] = (digest, rollout, parsed[digest])
        return given

    def load_rollouts(self):
        """{(rollout, node)} of all steps, and per node what was captured from before."""
        steps, captured = set(), collections.defaultdict(set)
        for name, rollout, before, after in self.rows(
                "SELECT node_id, rollout_id, before, after FROM rollout_step WHERE node_id = ANY (%s)"):
            steps.add((rollout, name))
            for kept in (before, after):
                for service, value in (kept or {}).items():
                    if value and value.get("content"):
                        captured[name].add(runs_text({service: value["content"]}))
        return steps, captured

    def check_given(self):
        given = self.load_given()
        steps, captured = self.load_rollouts()
        resolved = {rollout: changes or {} for rollout, changes in self.all_rollouts()}
        for name, node in self.nodes.items():
            mine = given[name]
            allowed = captured[name] | {
                runs_text({service: value}) for _, rollout, services in mine.values() if rollout
                for service, value in services.items()}
            for generation, (_, rollout, services) in mine.items():
                self.check_generation(f"{name}: generation {generation}", (rollout, name), steps, services,
                                      allowed, resolved)
            self.check_reported(name, node, mine)

    def all_rollouts(self):
        return self.rows("SELECT id, resolved FROM rollout WHERE id IN (SELECT rollout_id FROM rollout_step"
                         " WHERE node_id = ANY (%s))")

    def check_generation(self, what, step, steps, services, allowed, resolved):
        self.looked_at["generations"] += 1
        rollout = step[0]
        if rollout and step not in steps:
            self.problem("given", f"{what}: of rollout {rollout}, which has no step for this node")
        for service, value in services.items():
            if runs_text({service: value}) not in allowed:
                self.problem("given", f"{what}: {runs_text({service: value})} came from no rollout")
        for service, change in resolved.get(rollout, {}).items():
            wanted = (change or {}).get("package")
            if wanted and service in services:
                package = services[service].get("package") or {}
                if (package.get("name"), package.get("version")) != (wanted["name"], wanted["version"]):
                    self.problem("given", f"{what}: {service} has {package.get('version')} instead of "
                                          f"{wanted['version']} of rollout {rollout}")

    def check_reported(self, name, node, mine):
        oldest = min(mine, default=0)
        for reported in node.reported.values():
            self.looked_at["states that were run"] += 1
            if reported.generation == 0 or reported.generation < oldest:
                continue
            what = f"{name}: ran generation {reported.generation}"
            if reported.generation not in mine:
                self.problem("given", f"{what}, which was never made")
            elif mine[reported.generation][0] != reported.digest:
                self.problem("given", f"{what} as {reported.digest}, made was {mine[reported.generation][0]}")
            elif runs_text(mine[reported.generation][2]) != reported.runs:
                self.problem("given", f"{what} as {reported.runs}")

    # --- kept ---

    def check_kept(self):
        self.check_lines("log lines", "logs",
                         "SELECT node_id, substring(text from '([0-9]+/[0-9]+)$'), count(*) FROM log_line"
                         " WHERE node_id = ANY (%s) AND text LIKE '%%' || node_id || ' %%' GROUP BY 1, 2",
                         lambda seq, count: [f"{seq}/{i}" for i in range(count)])
        self.check_lines("events", "events",
                         "SELECT node_id, substring(text from '([0-9]+)$'), count(*) FROM node_event"
                         " WHERE node_id = ANY (%s) AND kind = 'sim.tick' GROUP BY 1, 2",
                         lambda seq, _: [str(seq)])
        for name, reported in self.rows("SELECT id, reported_generation FROM node WHERE id = ANY (%s)"):
            node = self.nodes[name]
            acked = [r.generation for place, r in node.reported.items() if node.is_acked("reported", place)]
            self.looked_at["nodes"] += 1
            if acked and reported < max(acked):
                self.problem("kept", f"{name}: is said to run {reported}, but {max(acked)} was acknowledged")

    def check_lines(self, what, stream, sql, marks):
        """What was acknowledged is there, and what was sent is there once at most. A mark is used anew in each epoch."""
        stored = {(name, mark): count for name, mark, count in self.rows(sql)}
        for name, node in self.nodes.items():
            sent, acked = collections.Counter(), collections.Counter()
            for place, count in getattr(node, stream).items():
                for mark in marks(place[1], count):
                    sent[mark] += 1
                    acked[mark] += node.is_acked(stream, place)
            self.looked_at[what] += sum(acked.values())
            for mark, count in sent.items():
                there = stored.get((name, mark), 0)
                if there < acked[mark]:
                    self.problem("kept", f"{name}: {what} {mark} was acknowledged and is not there")
                if there > count:
                    self.problem("kept", f"{name}: {what} {mark} is there {there} times")

    # --- all ---

    def run(self):
        self.check_told()
        self.check_results()
        self.check_given()
        self.check_kept()
        for kind, texts in self.problems.items():
            for text in texts[:SHOWN]:
                print(f"{kind}: {text}")
            if len(texts) > SHOWN:
                print(f"{kind}: {len(texts) - SHOWN} more")
        print("looked at " + ", ".join(f"{count} {what}" for what, count in self.looked_at.items()))
        return sum(map(len, self.problems.values()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", required=True, help="folder that muster-sim --log has written")
    parser.add_argument("--database", required=True, help="connection string of the server's database")
    parser.add_argument("--open", action="store_true", help="steps may still be on their way")
    options = parser.parse_args()
    found = Checker(read(options.log), options.database, options.open).run()
    print(f"{found} violations" if found else "green: nothing was lost, invented or done twice")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
