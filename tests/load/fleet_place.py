# SPDX-License-Identifier: Apache-2.0
"""A server of the release build with a durable PostgreSQL, brokers without TLS, and a fleet whose keys and certificates
are made once."""

import os
import pathlib
import sys
import time

from harness import Simulated, wait_until

TICKS = os.sysconf("SC_CLK_TCK")

# Durable, unlike in tests: what is counted was synced. Sizes for a small machine.
POSTGRES = {"fsync": "on", "shared_buffers": "512MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min",
            "wal_compression": "on", "effective_io_concurrency": "16", "random_page_cost": "1.1"}


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def rss_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


class Place(Simulated):
    """nodes take part, known are rows of nodes that never connect."""

    def __init__(self, nodes, known, brokers):
        super().__init__(plain=True, brokers=brokers, postgres=POSTGRES, env={
            "MUSTER_LOG_LEVEL": "warn", "MUSTER_CONNECTIONS_PER_ADDRESS": "0", "MUSTER_EVENT_STREAMS_PER_USER": "2000"})
        self.nodes, self.known = nodes, known

    def __enter__(self):
        super().__enter__()
        try:
            if self.known:
                self.seed(self.known)
            began = time.monotonic()
            self.finish(self.play(self.nodes, duration="1s"), timeout=3600)
            print(f"fleet: {self.nodes} nodes enrolled and connected in {time.monotonic() - began:.0f} s",
                  file=sys.stderr, flush=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def seed(self, count, prefix="known"):
        """Nodes that enrolled once and were never heard of again."""
        self.postgres.execute(
            "INSERT INTO node (id, project_id, name, labels, shard, state, key_sha256)"
            " SELECT 'n' || translate(lpad(to_hex(i), 20, '0'), '0189', 'gzxy'), p.id, %s || '-' || i,"
            " jsonb_build_object('fleet', %s, 'site', 's' || i %% 500), i %% 64, 'active',"
            " sha256(convert_to(%s || i::text, 'UTF8')) FROM generate_series(1, %s) i,"
            " (SELECT id FROM project LIMIT 1) p", [prefix, prefix, prefix, count])
        self.postgres.execute("VACUUM ANALYZE node")

    def play(self, nodes=None, **options):
        options = {"state": str(self.server.folder / "fleet"), "health": "auto", "apply_min": "0s",
                   "apply_max": "0s", "verify": "0.01", **options}
        return super().play(nodes or self.nodes, **options)

    def connected(self, sim, nodes=None):
        """Waits until the server knows that all of them are there."""
        self.wait_online(nodes or self.nodes, timeout=600)
        return sim

    def server_pids(self):
        """musterd and what it has started."""
        pid = self.server.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def metric(self, name):
        """The sum of a counter of musterd, over all labels."""
        text = self.api.request("GET", "/metrics").text
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith((name + " ", name + "{")))

    def wait_rollout(self, rollout, states=("succeeded",), timeout=600):
        def look():
            now = self.api.get(f"/rollouts/{rollout['id']}")
            return now if now["state"] in states else None
        return wait_until(look, f"rollout {rollout['number']} {states}", timeout, pause=0.02)
