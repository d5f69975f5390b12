#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Has systemd itself read our units, in a root folder where their programs stand. Where there is no systemd, only their
promises are looked at."""
import configparser
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("usr/bin/muster-agent", "usr/bin/musterd", "bin/sh")
# Of the rest of a system it is enough that they are there.
TARGETS = ("basic", "local-fs", "multi-user", "network", "network-online", "shutdown", "sysinit")
# What holds whatever else changes in a unit: services outlive the agent, and a hung one is noticed.
PROMISES = {
    "muster-agent.service": {"Type": "notify", "KillMode": "process", "Restart": "always", "WatchdogSec": "60"},
    "musterd.service": {"Type": "notify", "User": "muster", "Restart": "always"},
    "musterd-standalone.service": {"Type": "notify", "User": "muster", "Restart": "always"},
}


def verify(units):
    """The complaints of systemd-analyze, which looks for programs and other units below the root that it is given."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for program in PROGRAMS:
            path = root / program
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/sh\n")
            path.chmod(0o755)
        target = root / "etc/systemd/system"
        target.mkdir(parents=True)
        for name in TARGETS:
            (target / f"{name}.target").write_text(f"[Unit]\nDescription={name}\n")
        for name, text in units.items():
            (target / name).write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={root}", *units],
                              capture_output=True, text=True, timeout=60, check=False)
        return (done.stdout + done.stderr).splitlines()


def main():
    units = {path.name: path.read_text().replace("@BIN@", "/usr/bin").replace("@DIR@", "/var/lib/muster-agent")
             for path in (ROOT / "packaging/systemd").iterdir()}
    faults = [f"{name}: there is no such unit" for name in PROMISES.keys() - units.keys()]
    for name, promises in PROMISES.items():
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str
        parser.read_string(units[name])
        faults += [f"{name}: {key} is not {value}" for key, value in promises.items()
                   if parser.get("Service", key, fallback=None) != value]
    if shutil.which("systemd-analyze"):
        faults += verify(units)
    for fault in faults:
        print(f"units: {fault}")
    print(f"units: {len(units)} looked at" + ("" if shutil.which("systemd-analyze") else ", not by systemd, which is not here"))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
