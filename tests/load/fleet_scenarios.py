# SPDX-License-Identifier: Apache-2.0
"""One function per scenario of fleet.py; each yields figures."""

import math
import random
import re
import resource
import selectors
import signal
import socket
import ssl
import statistics
import time
from datetime import datetime, timezone

from harness import packages, wait_until
from fleet_place import cpu_seconds, rss_mb

SETTLE_S = 5
WATCH_S = 60
DASHBOARDS = 1000
EVENT_ID = re.compile(rb"\nid: (\d+)\n")


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)] if values else math.nan


def time_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def ms_between(first, last):
    return (time_of(last) - time_of(first)).total_seconds() * 1000


# --- steady load ---

def heartbeats(place):
    """Twenty thousand short heartbeats a second. The lag is the age of what the API says of single nodes, which holds the
    half second between two heartbeats as well, plus what the broker still had at the end."""
    sim = place.connected(place.play(heartbeat="500ms", health="beat", duration=f"{WATCH_S + 4 * SETTLE_S}s"))
    time.sleep(SETTLE_S)
    ids = [row[0] for row in place.postgres.execute("SELECT id FROM node WHERE online ORDER BY random() LIMIT 500")]
    before, began, ages = place.metric("muster_ingest_stored_total"), time.monotonic(), []
    while time.monotonic() - began < WATCH_S:
        node = place.api.get(f"/nodes/{random.choice(ids)}")
        ages.append((datetime.now(timezone.utc) - time_of(node["last_seen_at"])).total_seconds() * 1000)
        time.sleep(0.02)
    rate = (place.metric("muster_ingest_stored_total") - before) / (time.monotonic() - began)
    sent = place.finish(sim, timeout=300)["counters"]
    missing = max(0, sent["beats"] - place.metric("muster_ingest_stored_total") + before)
    print(f"heartbeats: {sent['beats']} sent in all, {missing:.0f} not seen since the start of the count")
    yield "heartbeats_per_s", rate
    yield "heartbeat_lag_p99_ms", percentile(ages, 0.99)


def logs(place):
    """Lines of all nodes, as many as are committed, which the simulator is told by acknowledgements."""
    rate = 80000 / place.nodes
    sim = place.connected(place.play(log_rate=str(rate), log_batch="50", duration=f"{WATCH_S}s", drain="0s"))
    time.sleep(SETTLE_S)
    count = "SELECT coalesce(sum(n_tup_ins), 0) FROM pg_stat_user_tables WHERE relname LIKE 'log_line%'"
    before, began = place.postgres.execute(count)[0][0], time.monotonic()
    time.sleep(WATCH_S / 2)
    lines, taken = place.postgres.execute(count)[0][0] - before, time.monotonic() - began
    place.finish(sim, timeout=300)
    yield "log_lines_per_s", float(lines) / taken


def idle(place):
    """All connected, a heartbeat every 30 s, nothing else."""
    sim = place.connected(place.play(heartbeat="30s", duration="0s"))
    time.sleep(WATCH_S)
    pids, began = place.server_pids(), time.monotonic()
    before = cpu_seconds(pids)
    time.sleep(WATCH_S)
    yield "idle_50k_cpu_percent", 100 * (cpu_seconds(pids) - before) / (time.monotonic() - began)
    yield "idle_50k_rss_mb", sum(rss_mb(pid) for pid in pids)
    place.finish(sim, number=signal.SIGTERM, timeout=300)


# --- rollouts ---

def prepare(place):
    """A package and two versions of a config; made once for a place."""
    if hasattr(place, "change"):
        return
    key = packages.ReleaseKey()
    place.api.post("/release-keys", {"name": "bench", "public_key": key.public})
    data = packages.archive()
    assert packages.publish(place.api, data, key.sign(packages.manifest(data, name="tool", version="1.0"))).status_code == 201
    place.api.post("/configs", {"name": "bench"})
    place.change = 0


def start_rollout(place):
    """One config file to all that are connected, in one wave without a gate."""
    prepare(place)
    place.change += 1
    version = place.api.post("/configs/bench/versions", {"files": [{"path": "a.conf", "content": f"{place.change}\n" * 20}]})
    return place.api.post("/rollouts", {
        "name": f"bench {place.change}",
        "changes": [{"service": "tool", "run": True, "package": {"name": "tool", "version": "1.0"},
                     "config": {"name": "bench", "version": version["no"]}}],
        "targets": {"selector": "fleet=sim", "confirm_count": place.nodes},
        "strategy": {"waves": ["100%"], "health_gate_ms": 0, "soak_ms": 0, "deadline_ms": 3600000},
    }, timeout=300)


def confirmed_ms(place, rollout, nodes):
    """From the commit of the rollout until so many steps are final in the database."""
    wait_until(lambda: place.postgres.execute(
        "SELECT count(*) FROM rollout_step WHERE rollout_id = %s AND state = 'succeeded'", [rollout["id"]])[0][0] >= nodes,
        "all steps confirmed", 600, pause=0.1)
    last = place.postgres.execute(
        "SELECT percentile_disc(%s) WITHIN GROUP (ORDER BY state_since) FROM rollout_step"
        " WHERE rollout_id = %s AND state = 'succeeded'", [1.0, rollout["id"]])[0][0]
    return (last - time_of(rollout["created_at"])).total_seconds() * 1000


def rollout_10k(place):
    """The first also carries the service itself to the nodes; the median of the three after it counts."""
    sim = place.connected(place.play(heartbeat="60s", duration="0s"))
    confirmed, rollouts = [], []
    for _ in range(4):
        time.sleep(SETTLE_S)
        rollouts.append(start_rollout(place))
        confirmed.append(confirmed_ms(place, rollouts[-1], place.nodes))
        place.wait_rollout(rollouts[-1])
    told = {item["id"]: item for item in place.finish(sim, number=signal.SIGTERM, timeout=300)["rollouts"]}
    delivered = [ms_between(rollout["created_at"], told[rollout["id"]]["last_delivered_at"]) for rollout in rollouts]
    yield "rollout_10k_delivered_ms", statistics.median(delivered[1:])
    yield "rollout_10k_confirmed_ms", statistics.median(confirmed[1:])


def abort(place):
    """A running rollout is aborted once a third of its nodes were told; nobody gets a generation after the answer."""
    sim = place.connected(place.play(heartbeat="60s", duration="0s", apply_min="1s", apply_max="3s"))
    taken = []
    for _ in range(3):
        time.sleep(SETTLE_S)
        rollout = start_rollout(place)
        given = "SELECT count(*) FROM rollout_step WHERE rollout_id = %s AND generation IS NOT NULL"
        wait_until(lambda: place.postgres.execute(given, [rollout["id"]])[0][0] > place.nodes / 3, "a third told", pause=0.01)
        began = time.monotonic()
        place.api.post(f"/rollouts/{rollout['id']}/abort", timeout=300)
        taken.append((time.monotonic() - began) * 1000)
        before = place.postgres.execute(given, [rollout["id"]])[0][0]
        time.sleep(SETTLE_S)
        after = place.postgres.execute(given, [rollout["id"]])[0][0]
        print(f"abort: {before} of {place.nodes} nodes had a new generation, {after - before} got one after the answer")
    place.finish(sim, number=signal.SIGTERM, timeout=300)
    yield "abort_ms", statistics.median(taken)


def rollout_50k(place):
    sim = place.connected(place.play(heartbeat="60s", duration="0s"))
    time.sleep(SETTLE_S)
    start_rollout(place)
    time.sleep(WATCH_S)
    yield "rollout_50k_confirmed_ms", confirmed_ms(place, start_rollout(place), place.nodes)
    place.finish(sim, number=signal.SIGTERM, timeout=300)


# --- connections ---

def reconnect(place):
    """All connections are cut at one time; until the server has answered every node."""
    sim = place.connected(place.play(heartbeat="30s", duration="0s"))
    time.sleep(SETTLE_S)
    hellos = place.metric("muster_ingest_stored_total")
    sim.send_signal(signal.SIGUSR1)
    began = time.monotonic()
    wait_until(lambda: place.metric("muster_ingest_stored_total") - hellos >= place.nodes, "all heard again", 600, pause=0.2)
    place.connected(sim)
    took = time.monotonic() - began
    found = place.finish(sim, number=signal.SIGTERM, timeout=300)
    print(f"reconnect: answered {found['counters']['answered']} of {place.nodes}")
    yield "reconnect_50k_s", took


class Dashboard:
    """One event stream, read without parsing more than the number of the newest event."""

    def __init__(self, place, cookie, context):
        plain = socket.create_connection(("127.0.0.1", place.server.port))
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.socket.sendall((f"GET /api/v1/events?project=default HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n"
                             "Accept: text/event-stream\r\n\r\n").encode())
        self.socket.setblocking(False)
        self.rest, self.seen = b"", []

    def fileno(self):
        return self.socket.fileno()

    def read(self):
        try:
            while data := self.socket.recv(65536):
                data = self.rest + data
                numbers = EVENT_ID.findall(data)
                if numbers:
                    self.seen.append((int(numbers[-1]), time.monotonic()))
                self.rest = data[-40:]
        except ssl.SSLWantReadError:
            pass

    def current(self, number):
        """When it had heard of the change with this number; never is infinitely late."""
        return next((at for seen, at in self.seen if seen >= number), math.inf)


def events(place):
    """A thousand dashboards watch while a rollout goes to all nodes: how long after the last change of the database the last
    event has reached each of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sim = place.connected(place.play(heartbeat="60s", duration="0s"))
    context = ssl.create_default_context(cafile=str(place.server.ca_path))
    cookie = "; ".join(f"{c.name}={c.value}" for c in place.api.http.cookies)
    dashboards = [Dashboard(place, cookie, context) for _ in range(DASHBOARDS)]
    selector = selectors.DefaultSelector()
    for dashboard in dashboards:
        selector.register(dashboard, selectors.EVENT_READ, dashboard)

    def drain(seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for key, _ in selector.select(0.1):
                key.data.read()

    drain(SETTLE_S)
    pids, began = place.server_pids(), time.monotonic()
    before = cpu_seconds(pids)
    rollout = start_rollout(place)
    while place.api.get(f"/rollouts/{rollout['id']}")["state"] != "succeeded":
        drain(0.2)
    ended = time.monotonic()
    last = place.postgres.execute("SELECT max(id) FROM change_feed")[0][0]
    drain(3 * SETTLE_S)
    used = 100 * (cpu_seconds(pids) - before) / (time.monotonic() - began)
    yield "sse_1000_lag_p99_ms", percentile([max(0, d.current(last) - ended) * 1000 for d in dashboards], 0.99)
    yield "sse_1000_cpu_percent", used
    for dashboard in dashboards:
        dashboard.socket.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    place.finish(sim, number=signal.SIGTERM, timeout=300)


# --- the API ---

def ask(place, ids, seconds):
    """List pages, counts, details and explanations in turn; the slowest percentile."""
    questions = [lambda: ("/nodes", {"limit": 50}), lambda: ("/nodes", {"limit": 50, "status": "online"}),
                 lambda: ("/nodes", {"limit": 50, "selector": f"site=s{random.randrange(500)}"}),
                 lambda: ("/overview", {}), lambda: (f"/nodes/{random.choice(ids)}", {}),
                 lambda: (f"/nodes/{random.choice(ids)}/explain", {})]
    taken = {number: [] for number in range(len(questions))}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for number, question in enumerate(questions):
            path, parameters = question()
            began = time.monotonic()
            place.api.http.get(place.server.url + "/api/v1" + path, params=parameters, timeout=60).raise_for_status()
            taken[number].append((time.monotonic() - began) * 1000)
    for number, question in enumerate(questions):
        path, parameters = question()
        print(f"api: {path} {parameters}: p50 {percentile(taken[number], 0.5):.1f} ms, p99 {percentile(taken[number], 0.99):.1f} ms")
    return percentile([value for values in taken.values() for value in values], 0.99)


def api(place):
    """At the size of the place with its fleet live, and then with a million rows."""
    sim = place.connected(place.play(heartbeat="30s", duration="0s"))
    ids = [row[0] for row in place.postgres.execute("SELECT id FROM node WHERE online ORDER BY random() LIMIT 1000")]
    ask(place, ids, SETTLE_S)
    yield "api_list_100k_p99_ms", ask(place, ids, WATCH_S / 2)
    have = place.postgres.execute("SELECT count(*) FROM node")[0][0]
    place.seed(10 * have - have, prefix="more")
    ask(place, ids, SETTLE_S)
    yield "api_list_1m_p99_ms", ask(place, ids, WATCH_S / 2)
    place.finish(sim, number=signal.SIGTERM, timeout=300)
