# SPDX-License-Identifier: Apache-2.0
"""What an agent costs: memory, processor, traffic, the time and memory of an installation, the time of a restart.

Each function measures one running "Solo"; docs/agent.md says the same in words.
"""

import base64
import hashlib
import json
import os
import re
import sqlite3
import statistics
import subprocess
import threading
import time

from calls import percentile, restart_times
from processes import DemoError, leftovers, wait_for

SERVICES = 20
SETTLE_S = 15
# Between health messages the agent sends beats, unless something changes.
FULL_HEALTH_S = 6 * 3600
# A ping of MQTT and its answer: two bytes each in a record of TLS, and their acknowledgements.
PING_S, PING_BYTES, PING_SEGMENTS = 15 * 60, 24, 3
MONTH_S = 365.25 / 12 * 86400
HEARTBEAT_S = 60
# A heartbeat sends more at once than this, a ping of MQTT less.
HEARTBEAT_BYTES = 50
# Around the JSON of a health message: names of the services, topic, record of TLS.
HEALTH_OVERHEAD = 300
# IP, TCP and its timestamps before each segment, and what fits behind them in an Ethernet frame.
SEGMENT_OVERHEAD, SEGMENT_BYTES = 52, 1448
ARCHIVE_BYTES = 50_000_000
FILE_BYTES = 900_000
CHILD_PAUSE_S = 0.003


def memory_kb(pid, field="Pss:"):
    """Of /proc/PID/smaps_rollup: Pss, or Pss_Anon, of it what no other process could share."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field))


def shims(solo):
    """Pids of the shims of this gateway."""
    found = []
    for pid in leftovers(solo.folder):
        try:
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "muster-shim":
                found.append(pid)
        except OSError:
            pass
    return found


def cpu_s(pids):
    """Seconds that these processes have run so far."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def traffic(pid):
    """(bytes sent, bytes received, segments) of all TCP connections that a process has, as the kernel counts them."""
    done = subprocess.run(["ss", "-tinpHO", "state", "established"], capture_output=True, text=True, check=True)
    sums = [0, 0, 0]
    for line in done.stdout.splitlines():
        if f"pid={pid}," not in line:
            continue
        counters = dict(re.findall(r"(bytes_sent|bytes_received|segs_out|segs_in):(\d+)", line))
        sums[0] += int(counters.get("bytes_sent", 0))
        sums[1] += int(counters.get("bytes_received", 0))
        sums[2] += int(counters.get("segs_out", 0)) + int(counters.get("segs_in", 0))
    return tuple(sums)


def wait_heartbeat(pid, timeout_s=3 * HEARTBEAT_S):
    """Waits for the next one; the counters a while later, when it has been answered."""
    last = traffic(pid)

    def beaten():
        nonlocal last
        before, last = last, traffic(pid)
        return last[0] - before[0] >= HEARTBEAT_BYTES

    wait_for("a heartbeat", beaten, timeout_s, every_s=0.2)
    time.sleep(2)
    return traffic(pid)


def wire_bytes(sent, received, segments):
    """With their headers; the loopback device has larger frames than a network."""
    segments = max(segments, sent // SEGMENT_BYTES + received // SEGMENT_BYTES)
    return sent + received + segments * SEGMENT_OVERHEAD


def health_bytes(solo):
    """About what a health message has, from what the server keeps of the last."""
    node = solo.muster.json("node", "show", "solo")
    told = {key: node[key] for key in ("health", "services") if key in node}
    return len(json.dumps(told["health"], separators=(",", ":"))) + HEALTH_OVERHEAD


def month(solo, first, last, heartbeats):
    """(bytes with the headers of IP and TCP, bytes without them), from the counters around some heartbeats."""
    sent, received, segments = (after - before for before, after in zip(first, last))
    beats, healths, pings = (MONTH_S / period for period in (HEARTBEAT_S, FULL_HEALTH_S, PING_S))
    health = health_bytes(solo)
    with_headers = (beats * wire_bytes(sent, received, segments) / heartbeats + healths * wire_bytes(health, 0, 2)
                    + pings * wire_bytes(PING_BYTES, PING_BYTES, PING_SEGMENTS))
    return with_headers, beats * (sent + received) / heartbeats + healths * health + pings * 2 * PING_BYTES


def idle(solo, heartbeats):
    """Memory, processor and traffic of an agent with three services that has nothing to do."""
    time.sleep(SETTLE_S)
    pid = solo.agent.pid
    holders = shims(solo)
    # The first heartbeat still tells how the services have started.
    wait_heartbeat(pid)
    first = wait_heartbeat(pid)
    began, used = time.monotonic(), cpu_s([pid, *holders])
    for _ in range(heartbeats):
        last = wait_heartbeat(pid)
    yield "agent_pss_kb", memory_kb(pid)
    yield "agent_anon_kb", memory_kb(pid, "Pss_Anon:")
    yield "shim_pss_kb", statistics.median(memory_kb(shim) for shim in holders)
    yield "agent_cpu_percent", 100 * (cpu_s([pid, *holders]) - used) / (time.monotonic() - began)
    with_headers, without = month(solo, first, last, heartbeats)
    yield "agent_month_mb", with_headers / 1e6
    yield "agent_month_tls_mb", without / 1e6


def restarts(solo, rounds):
    """From the kill -9 of a service to the first sign of the next one, with 20 services."""
    solo.run_callers(SERVICES)
    taken = restart_times(solo.calls, rounds)
    yield "service_restart_p50_ms", statistics.median(taken)
    yield "service_restart_p99_ms", percentile(taken, 99)


class Peak(threading.Thread):
    """The most memory that a process and its children have had together at one time."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.kb = 0
        self._pid = pid
        self._ended = threading.Event()

    def run(self):
        while not self._ended.wait(CHILD_PAUSE_S):
            self.kb = max(self.kb, self._now())

    def stop(self):
        self._ended.set()
        self.join()

    def _now(self):
        with open(f"/proc/{self._pid}/task/{self._pid}/children", encoding="ascii") as file:
            pids = [self._pid, *file.read().split()]
        total = 0
        for pid in pids:
            try:
                total += memory_kb(pid)
            except (OSError, StopIteration):
                pass  # it has ended
        return total


def archive_files():
    """Contents that compress to about 50 MB, as programs do: to a little more than half."""
    return {
        f"data/{number:03}": (0o644, os.urandom(FILE_BYTES // 2).hex().encode())
        for number in range(round(ARCHIVE_BYTES / (FILE_BYTES * 0.567)))
    }


def signed_url(solo, digest):
    """Where the agent was told to fetch the archive from."""
    state = sqlite3.connect(f"file:{solo.folder}/state.db?mode=ro", uri=True)
    tables = [name for (name,) in state.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        for row in state.execute(f"SELECT * FROM {table}"):
            for value in row:
                found = find_url(value, digest)
                if found:
                    state.close()
                    return found
    raise DemoError("the agent has no address of the archive")


def find_url(value, digest):
    """The address in a value of the database: a document, or an envelope that has one in base64."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    try:
        payload = json.loads(text)["payload"]
        text += base64.b64decode(payload).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError):
        pass
    text = text.replace("\\/", "/").replace("\\", "")
    found = re.search(rf'https://[^"\s]*{digest}[^"\s]*', text)
    return found.group() if found else None


def by_hand_s(solo, url, folder):
    """curl | sha256sum | tar -x."""
    os.makedirs(folder)
    command = f"curl --silent --show-error --fail --cacert '{solo.plant.ca}' '{url}' | tee >(sha256sum >'{folder}.sum') | tar -xz -C '{folder}'"
    began = time.monotonic()
    subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], check=True)
    return time.monotonic() - began


def install(solo):
    """One archive of 50 MB onto a gateway that is otherwise idle, and the same by hand."""
    service = {"driver": "generic", "command": ["/bin/sleep", "1000000000"]}
    archive = solo.upload("large", "1.0", archive_files(), service)
    with open(archive, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    packages = os.path.join(solo.folder, "packages")
    begun = []

    def watch():
        wait_for("the download", lambda: any(digest in name for name in os.listdir(packages)), every_s=0.002)
        begun.append(time.monotonic())
        wait_for("the package", lambda: os.path.isdir(os.path.join(packages, digest)), every_s=0.002)
        begun.append(time.monotonic())

    watcher, peak = threading.Thread(target=watch), Peak(solo.agent.pid)
    watcher.start()
    peak.start()
    solo.run("--service", "large", "--driver", "generic", "--package", "large@1.0")
    watcher.join()
    peak.stop()
    url = signed_url(solo, digest)
    hand = [by_hand_s(solo, url, os.path.join(solo.plant.folder, f"hand-{number}")) for number in range(3)]
    yield "install_peak_kb", peak.kb
    yield "install_50mb_ratio", (begun[1] - begun[0]) / statistics.median(hand)
