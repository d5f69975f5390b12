#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the demo plant until it is interrupted; with --story plays the main job and ends. See scripts/demo.sh."""

import argparse
import fcntl
import os
import shutil
import signal
import stat
import sys
import time

import provision
import story
from muster import Muster
from plant import Plant
from processes import DemoError, leftovers, sweep

MARK = ".muster-demo"


class Interrupted(Exception):
    """Ctrl-C, or a polite request to end."""


def interrupt(*_):
    raise Interrupted


def claim(folder):
    """Takes the folder for this run: gives the lock, or None when another demo runs there."""
    os.makedirs(folder, exist_ok=True)
    if os.listdir(folder) and not os.path.exists(os.path.join(folder, MARK)):
        raise DemoError(f"{folder} holds something that is not a demo: choose another DEMO_DIR")
    lock = open(os.path.join(folder, MARK), "a", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    # What an earlier demo left behind when it was killed.
    ended = sweep(folder) if leftovers(folder) else 0
    if ended:
        print(f"demo: ended {ended} processes that an earlier demo had left in {folder}")
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name == MARK:
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    return lock


def reachable(folder):
    """Whether everybody may enter the folders above: as root, PostgreSQL and mosquitto run under accounts of their own."""
    while os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
        if os.path.isdir(folder) and not os.stat(folder).st_mode & stat.S_IXOTH:
            return False
    return True


def choose_folder(options):
    if options.dir:
        folder = os.path.realpath(options.dir)
        lock = claim(folder)
        if lock is None:
            raise DemoError(f"another demo runs in {folder}: stop it, or choose another DEMO_DIR")
        return folder, lock
    default = os.path.realpath(options.default_dir)
    if os.geteuid() == 0 and not reachable(default):
        default = "/var/tmp/muster-demo"
    for number in range(1, 10):
        folder = default + (f"-{number}" if number > 1 else "")
        lock = claim(folder)
        if lock is not None:
            return folder, lock
    raise DemoError("nine demos run already")


def banner(plant):
    print()
    print("The plant runs: five gateways, each with a broker, a collector and an analytics engine.")
    print()
    for line in plant.first_login().splitlines():
        print("  " + line)
    print(f"  certificate authority (for curl and browsers): {plant.ca}")
    print()
    print("  the muster command:")
    print(f"    export MUSTER_SERVER={plant.url} MUSTER_CA={plant.ca} MUSTER_TOKEN={plant.token}")
    print(f"    {plant.program('muster')} node list")
    print()
    print(f"  data of gw-1: mosquitto_sub -p {plant.gateway('gw-1').broker_port} -v -t '#'")
    print(f"  logs: {os.path.join(plant.folder, 'log')}")
    print()
    print("Ctrl-C stops all of it.", flush=True)


def stay(plant):
    while True:
        dead = plant.died()
        if dead:
            raise DemoError(f"{dead} ended by itself")
        time.sleep(1)


def run(options, plant, steps):
    provision.start(plant, steps)
    muster = Muster(plant)
    provision.fill(plant, muster, options.packages, steps)
    if options.story:
        story.play(plant, muster, steps)
        return
    banner(plant)
    stay(plant)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", required=True)
    parser.add_argument("--packages", required=True)
    parser.add_argument("--default-dir", required=True)
    parser.add_argument("--dir")
    parser.add_argument("--story", action="store_true")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    status = 1
    plant = None
    steps = None
    try:
        folder, lock = choose_folder(options)
        steps = story.Steps()
        plant = Plant(folder, os.path.realpath(options.programs))
        run(options, plant, steps)
        status = 0
    except Interrupted:
        status = 130 if options.story else 0
        print("\ndemo: stopping", flush=True)
    except DemoError as error:
        print(f"\ndemo: {error}", file=sys.stderr, flush=True)
    finally:
        if plant is not None:
            left = plant.close()
            if left:
                print(f"demo: {left} processes had to be ended by force", file=sys.stderr)
                status = status or 1
            lock.close()
    if steps and options.story:
        steps.summary(status == 0)
    sys.exit(status)


if __name__ == "__main__":
    main()
