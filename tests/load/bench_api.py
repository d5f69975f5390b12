#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long the API takes over lists, counts, one node and its explanation in a large fleet that is live.

  bench_api.py [--nodes 100000] [--requests 300] [--programs build/release/bin]

Starts a standalone server of its own, fills its database with nodes, and while heartbeats and changes of
presence are written as if all nodes were there, asks one thing after the other over one HTTPS connection.
Prints a JSON line with the 99th percentile over all questions; what each took goes to standard error.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import ssl
import sys
import threading
import time
import urllib.parse

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

AIMS = {100_000: ("api_list_100k_p99_ms", 20), 1_000_000: ("api_list_1m_p99_ms", 50)}
HEARTBEAT_S = 30
# More would measure the writer, not the reader: so many a node of the larger fleets beats less often.
BEATS_PER_S_MAX = 4000
BATCH = 1000

# Triggers are left out, what they keep is filled in after: a tenth of the time.
NODES = """
ALTER TABLE node DISABLE TRIGGER USER;
ALTER TABLE node_service DISABLE TRIGGER USER;
INSERT INTO node (id, project_id, name, labels, shard, state, online, status, seen_rank, trouble,
	platform, hostname, agent_version, health, desired_generation, reported_generation, service_count,
	service_running)
SELECT 'n' || translate(lpad(i::text, 19, '0'), '0189', 'abcd'), p.id, 'gw-' || lpad(i::text, 7, '0'),
	jsonb_build_object('site', 'plant-' || i % 100, 'line', (i / 100 % 5)::text, 'rack', 'r' || i % 977)
		|| CASE WHEN i % 50 = 7 THEN '{"spare": "yes"}'::jsonb ELSE '{}' END,
	i % 64, 'active', i % 10 <> 3,
	CASE WHEN i % 10 = 3 THEN 'offline' WHEN i % 200 = 11 THEN 'warning' ELSE 'online' END,
	CASE WHEN i % 10 = 3 THEN now() - i * interval '1 s' ELSE 'infinity' END,
	CASE WHEN i % 10 <> 3 AND i % 200 = 11 THEN 'broker: exited with 1' END, 'linux-amd64', 'host-' || i, '0.1.0',
	jsonb_build_object('uptime_s', i, 'host', jsonb_build_object('cpu_percent', i % 100, 'mem_total', 4000000000,
		'mem_available', 2000000000, 'disk_total', 32000000000, 'disk_free', 16000000000)), 1, 1,
	cardinality('{SERVICES}'::text[]), cardinality('{SERVICES}'::text[])
FROM generate_series(1, NUMBER) i, project p WHERE p.name = 'default';
INSERT INTO node_beat (node_id, last_seen_at, told_at) SELECT id, now(), now() FROM node;
INSERT INTO node_service (project_id, node_id, service, desired_driver, desired_run, reported_state,
	reported_since, ready, pid, restarts, reported_run, reported_driver, reported_package_name,
	reported_package_version, reported_at)
SELECT n.project_id, n.id, s.name, 'generic', true, 'running', now(), true, 100, 0, true, 'generic', s.name, '1.2.3', now()
FROM node n, unnest('{SERVICES}'::text[]) s (name);
INSERT INTO node_search (node_id, project_id, retired, name, labels, tokens, text)
SELECT id, project_id, false, name, labels, ARRAY(SELECT hashtextextended(project_id || t, 0)
		FROM jsonb_each_text(labels) l, LATERAL (VALUES (l.key), (l.key || '=' || l.value)) v (t)),
	lower(concat_ws(' ', name, id, hostname, labels::text)) FROM node;
INSERT INTO node_event (project_id, node_id, at, kind, severity, text)
SELECT project_id, id, now(), 'node.online', 'info', 'the agent has connected' FROM node;
SELECT counts_rebuild();
ALTER TABLE node ENABLE TRIGGER USER;
ALTER TABLE node_service ENABLE TRIGGER USER;
"""

BEAT = """UPDATE node_beat b SET last_seen_at = greatest(b.last_seen_at, now())
FROM unnest(%s::text[]) AS r (id) WHERE b.node_id = r.id"""
FLIP = "UPDATE node SET online = NOT online WHERE id = ANY (%s)"


def node_id(number):
    return "n" + f"{number:019}".translate(str.maketrans("0189", "abcd"))


class Fleet(threading.Thread):
    """Writes what a live fleet writes, until it is told to stop."""

    def __init__(self, dsn, nodes):
        super().__init__(daemon=True)
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.nodes = nodes
        self.pause = BATCH / min(nodes / HEARTBEAT_S, BEATS_PER_S_MAX)
        self.ended = threading.Event()
        self.beats = 0

    def run(self):
        draw = random.Random(1)
        with self.connection.cursor() as cursor:
            while not self.ended.wait(self.pause):
                ids = sorted(node_id(draw.randint(1, self.nodes)) for _ in range(BATCH))
                try:
                    cursor.execute(BEAT, (ids,))
                    cursor.execute(FLIP, (ids[:5],))
                except psycopg2.errors.DeadlockDetected:
                    continue  # with the scheduler; the server would try again
                self.beats += BATCH

    def stop(self):
        self.ended.set()
        self.join()
        self.connection.close()


def questions(nodes, draw):
    """(kind, path) without end, in turn."""
    lists = [
        {}, {"sort": "-last_seen"}, {"status": "offline"}, {"status": "online,warning"},
        {"status": "warning", "sort": "-last_seen"}, {"selector": "site=plant-7"}, {"selector": "line in (1,2)"},
        {"selector": "site=plant-31,line=2,!spare"}, {"selector": "spare"}, {"selector": "!spare"},
        {"selector": "line>2,site=plant-5"}, {"selector": "site=plant-9", "status": "offline"},
        {"text": "gw-00077"}, {"text": "plant-3"}, {"text": "host-4711"}, {"text": "gw"}, {"selector": "rack=r5", "sort": "-last_seen"},
    ]
    while True:
        for query in lists:
            yield "list", "/nodes?" + urllib.parse.urlencode({**query, "limit": 50})
            yield "count", "/nodes?" + urllib.parse.urlencode({**draw.choice(lists), "limit": 1})
            yield "node", "/nodes/" + node_id(draw.randint(1, nodes))
            yield "explain", "/nodes/" + node_id(draw.randint(1, nodes)) + "/explain"


class Client:
    """One connection that is kept."""

    def __init__(self, server, token):
        context = ssl.create_default_context(cafile=str(server.ca_path))
        self.connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=60)
        self.headers = {"Authorization": f"Bearer {token}", "Muster-Project": "default"}

    def get(self, path):
        """(milliseconds, body)"""
        started = time.monotonic()
        self.connection.request("GET", "/api/v1" + path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        took = (time.monotonic() - started) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]}")
        return took, body


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def say(text):
    print(text, file=sys.stderr, flush=True)


def fill(dsn, nodes):
    services = "collector,broker,analytics" if nodes <= 200_000 else "collector"
    statements = NODES.replace("NUMBER", str(nodes)).replace("SERVICES", services).split(";\n")
    started = time.monotonic()
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in filter(str.strip, statements):
            cursor.execute(statement)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*) FROM pg_extension WHERE extname = 'pg_trgm'")
        say("texts are looked up by trigrams" if cursor.fetchone()[0] else "pg_trgm is missing: texts are read one by one")
        cursor.execute("SELECT count(*) FROM counts_differ()")
        assert cursor.fetchone()[0] == 0
    connection.close()
    say(f"{nodes} nodes made in {time.monotonic() - started:.0f} s")


def measure(server, options):
    dsn = f"host={server.data}/run/pg user=muster dbname=muster"
    fill(dsn, options.nodes)
    token = server.admin.post("/tokens", {"name": "bench", "role": "viewer"})["token"]
    client, draw = Client(server, token), random.Random(2)
    asked = questions(options.nodes, draw)
    fleet = Fleet(dsn, options.nodes)
    fleet.start()
    took, by_path = {}, {}
    try:
        for number in range(options.requests + 68):
            kind, path = next(asked)
            milliseconds, _ = client.get(path)
            if number >= 68:  # all of them once, until plans and pages are there
                took.setdefault(kind, []).append(milliseconds)
                by_path.setdefault(path if kind in ("list", "count") else kind, []).append(milliseconds)
    finally:
        fleet.stop()
    for path, values in sorted(by_path.items(), key=lambda item: -max(item[1])):
        say(f"  max {max(values):7.1f} ms  p50 {percentile(values, 0.5):7.1f} ms  {len(values):4} x {path}")
    for kind, values in took.items():
        say(f"{kind:8} p50 {percentile(values, 0.5):6.1f} ms  p99 {percentile(values, 0.99):6.1f} ms  of {len(values)}")
    say(f"{fleet.beats} heartbeats meanwhile")
    return percentile([value for values in took.values() for value in values], 0.99)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--programs", default=str(ROOT / "build/release/bin"))
    options = parser.parse_args()
    os.environ["MUSTER_BIN"] = options.programs
    from harness.server import Server  # reads MUSTER_BIN
    name, aim = AIMS.get(options.nodes, (f"api_list_{options.nodes}_p99_ms", None))
    with Server(env={"MUSTER_LOG_LEVEL": "warn"}) as server:
        value = measure(server, options)
    print(json.dumps({"name": name, "value": round(value, 1), "unit": "ms", "aim": aim, "better": "lower"}))


if __name__ == "__main__":
    main()
