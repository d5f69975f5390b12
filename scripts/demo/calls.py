# SPDX-License-Identifier: Apache-2.0
"""Services that do nothing but say that they run, and how long it takes until one that was killed runs again.

Knows nothing of who supervises them: the same program and the same clock for every supervisor.
"""

import math
import os
import select
import signal
import statistics
import time

from processes import DemoError

# $1: name of the service, $2: where to call. The call is the first thing that the new process does.
SCRIPT = '#!/bin/sh\necho "$1 $$" >"$2"\nexec sleep 1000000000\n'

# Longer than any supervisor here takes as the sign of a service that keeps failing.
SETTLED_S = 1.6


class Calls:
    """The pipe that the services call, and the pid that each has now."""

    def __init__(self, path):
        self.path = path
        self.pids = {}
        os.mkfifo(path)
        # For writing too, so that it never is at its end; services may run as somebody else.
        os.chmod(path, 0o666)
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._rest = b""

    def close(self):
        os.close(self._fd)

    def _read(self, timeout_s):
        if not select.select([self._fd], [], [], max(timeout_s, 0))[0]:
            return
        *lines, self._rest = (self._rest + os.read(self._fd, 65536)).split(b"\n")
        for line in lines:
            name, pid = line.decode().split()
            self.pids[name] = int(pid)

    def wait(self, what, condition, timeout_s=60):
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise DemoError(f"waited {timeout_s} s in vain: {what}")
            self._read(deadline - time.monotonic())

    def restart_ms(self, name):
        """From the kill -9 of a service to the first sign of its next process."""
        old = self.pids[name]
        began = time.monotonic()
        os.kill(old, signal.SIGKILL)
        self.wait(f"{name} again", lambda: self.pids[name] != old)
        return (time.monotonic() - began) * 1000

    def all_at_once_ms(self):
        """From the kill -9 of all of them to the first sign of the last."""
        old = dict(self.pids)
        began = time.monotonic()
        for pid in old.values():
            os.kill(pid, signal.SIGKILL)
        self.wait("all again", lambda: all(self.pids[name] != old[name] for name in old))
        return (time.monotonic() - began) * 1000


def restart_times(calls, rounds):
    """Each service is killed once a round, one after the other; what each took, in ms."""
    taken = []
    pause_s = SETTLED_S / len(calls.pids)
    time.sleep(SETTLED_S)
    for _ in range(rounds):
        for name in sorted(calls.pids):
            taken.append(calls.restart_ms(name))
            time.sleep(pause_s)
    return taken


def percentile(values, percent):
    """The smallest value that so many percent do not exceed."""
    return sorted(values)[math.ceil(percent / 100 * len(values)) - 1]


def median(values):
    return statistics.median(values)
