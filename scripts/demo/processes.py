# SPDX-License-Identifier: Apache-2.0
"""Processes of the demo: start them apart from the terminal, wait for what they promise, leave none behind."""

import os
import signal
import subprocess
import time


class DemoError(Exception):
    """Something that the demo cannot go on without; the text is for the user."""


def wait_for(what, condition, timeout_s=180, every_s=0.1):
    """Calls condition until it gives something true, and returns that."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise DemoError(f"waited {timeout_s} s in vain: {what}")
        time.sleep(every_s)


def start(command, log, **more):
    """Starts a program in a session of its own: a Ctrl-C in the terminal is ours to answer, not its."""
    with open(log, "ab") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **more,
        )


def stop(process, grace_s=20):
    """Asks a program to end and waits; ends it by force when it does not."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(path, lines=15):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:]).rstrip()
    except OSError as error:
        return str(error)


# Programs whose folder or arguments tell that they are the demo's. Others, say an editor or a shell that a person has
# open there, are left alone.
_PROGRAMS = {"muster-agent", "muster-shim", "muster-modsim", "musterd", "mosquitto", "postgres"}


def _belongs(pid, folder):
    inside = folder + os.sep
    try:
        program = os.readlink(f"/proc/{pid}/exe")
        if program.startswith(inside):
            return True
        if os.path.basename(program.removesuffix(" (deleted)")) not in _PROGRAMS:
            return False
        if (os.readlink(f"/proc/{pid}/cwd") + os.sep).startswith(inside):
            return True
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return any((word + b"/").startswith(inside.encode()) for word in file.read().split(b"\0"))
    except OSError:
        return False


def _ancestors():
    pids = set()
    pid = os.getpid()
    while pid > 1:
        pids.add(pid)
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                pid = int(file.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            break
    return pids


def leftovers(folder):
    """Pids of processes that run from, in or for a folder, other than us and those that started us."""
    ours = _ancestors()
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if pid not in ours and _belongs(pid, folder)]


def sweep(folder, grace_s=10):
    """Ends what still runs for the folder. Returns how many had to be ended."""
    found = leftovers(folder)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in leftovers(folder):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + grace_s
        while leftovers(folder) and time.monotonic() < deadline:
            time.sleep(0.1)
    return len(found)
