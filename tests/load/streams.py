# SPDX-License-Identifier: Apache-2.0
"""Many dashboards on the event stream while many nodes change: how late each hears of it, and what that costs musterd.

    MUSTER_BIN=build/release/bin tests/load/streams.py [--streams 1000] [--nodes 10000] [--seconds 5]

The streams are over TLS, in this process. The changes are rows of change_feed, as ingest writes them per batch; the lag of a
change counts from its commit until the last stream has an event about it.
"""
import argparse
import json
import os
import pathlib
import re
import selectors
import socket
import ssl
import sys
import threading
import time

import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import Simulated  # noqa: E402

ROWS = 100  # of one transaction
LAST_ID = re.compile(rb"\nid: (\d+)\n")


class Streams:
    def __init__(self, server, token, count):
        self.selector = selectors.DefaultSelector()
        context = ssl.create_default_context(cafile=server.ca_path)
        head = (f"GET /api/v1/events?topics=node HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                f"Authorization: Bearer {token}\r\nMuster-Project: default\r\n"
                "Accept: text/event-stream\r\n\r\n").encode()
        self.seen = {}  # descriptor -> newest id
        self.heard = []  # (id, when, stream)
        self.bytes = self.events = 0
        self.stopping = False
        for _ in range(count):
            plain = socket.create_connection(("127.0.0.1", server.port))
            stream = context.wrap_socket(plain, server_hostname="127.0.0.1")
            stream.sendall(head)
            assert b" 200 " in stream.recv(4096).split(b"\r\n")[0]
            stream.setblocking(False)
            self.selector.register(stream, selectors.EVENT_READ)
            self.seen[stream.fileno()] = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping:
            for key, _ in self.selector.select(0.2):
                data = b"\n"
                try:
                    while True:
                        part = key.fileobj.recv(16384)
                        if not part:
                            raise AssertionError("a stream has ended")
                        data += part
                except ssl.SSLWantReadError:
                    pass
                self.bytes += len(data) - 1
                ids = LAST_ID.findall(data)
                self.events += len(ids)
                if ids:
                    self.seen[key.fd] = int(ids[-1])
                    self.heard.append((int(ids[-1]), time.monotonic(), key.fd))


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def change(place, nodes, seconds):
    """nodes changes spread over seconds; [(last id of a commit, when)]."""
    connection = psycopg2.connect(place.postgres.dsn())
    project = place.postgres.execute("SELECT id FROM project WHERE name = 'default'")[0][0]
    commits, start = [], time.monotonic()
    for begin in range(0, nodes, ROWS):
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO change_feed (project_id, kind, object_id) SELECT %s, 'node',"
                " 'n' || lpad(i::text, 15, '0') FROM generate_series(%s, %s) AS i RETURNING id",
                (project, begin, begin + ROWS - 1))
            last = cursor.fetchall()[-1][0]
            cursor.execute("NOTIFY muster_changes")
        commits.append((last, time.monotonic()))
        time.sleep(max(0, start + seconds * (begin + ROWS) / nodes - time.monotonic()))
    connection.close()
    return commits


def lags(commits, heard, streams):
    """For each commit and stream, seconds until the stream had an event that covers it."""
    by_stream = {}
    for id_, when, stream in heard:
        by_stream.setdefault(stream, []).append((id_, when))
    found = []
    for events in by_stream.values():
        i = 0
        for last, committed in commits:
            while i < len(events) and events[i][0] < last:
                i += 1
            if i == len(events):
                raise AssertionError("a stream has not heard of a change")
            found.append(max(0, events[i][1] - committed))
    assert len(by_stream) == streams
    return sorted(found)


def measure(streams_count, nodes, seconds):
    limits = {"MUSTER_EVENT_STREAMS_PER_USER": str(streams_count),
              "MUSTER_CONNECTIONS_PER_ADDRESS": "0"}
    with Simulated(env=limits) as place:
        token = place.api.post("/tokens", {"name": "streams", "role": "viewer"})["token"]
        streams = Streams(place.server, token, streams_count)
        time.sleep(2)
        pid = place.server.process.pid
        before, begin, events, sent = cpu_s(pid), time.monotonic(), streams.events, streams.bytes
        commits = change(place, nodes, seconds)
        changed = time.monotonic()
        while min(streams.seen.values()) < commits[-1][0] and time.monotonic() < changed + 30:
            time.sleep(0.05)
        spent, end = cpu_s(pid) - before, time.monotonic()
        streams.stopping = True
        streams.thread.join()
        found = lags(commits, streams.heard, streams_count)
        return {
            "streams": streams_count, "nodes": nodes, "seconds": round(end - begin, 2),
            "sse_1000_lag_p50_ms": round(found[len(found) // 2] * 1000),
            "sse_1000_lag_p99_ms": round(found[len(found) * 99 // 100] * 1000),
            "sse_1000_lag_max_ms": round(found[-1] * 1000),
            "sse_1000_cpu_percent": round(100 * spent / (end - begin), 1),
            "events_per_stream": round((streams.events - events) / streams_count, 1),
            "bytes_per_stream": round((streams.bytes - sent) / streams_count),
        }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--nodes", type=int, default=10000)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    print(json.dumps(measure(options.streams, options.nodes, options.seconds)))


if __name__ == "__main__":
    main()
