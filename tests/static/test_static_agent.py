# SPDX-License-Identifier: Apache-2.0
"""The static agents of "make static": enrol, one whole update and one that fails, each as its target would run them: amd64 in a root
folder with nothing else in it, the others under qemu-user. Run by scripts/static-test.sh, as root, which names the targets."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import packages, wait_until
from harness.agent import Agent
from harness.changes import Vendor, roll_out, steps
from harness.process import ROOT, temporary_folder

BUILD = pathlib.Path(os.environ.get("MUSTER_BUILD", ROOT / "build"))
TARGETS = os.environ["TARGETS"].split()
COMPILERS = {"amd64": ["x86_64-linux-musl-gcc"], "arm64": ["aarch64-linux-musl-gcc", "-mno-outline-atomics"],
             "armv7": ["arm-linux-musleabihf-gcc"]}

SERVICES = ("a", "b", "c")

# In an empty root there is no shell, so the service is a program as static as the agent.
SERVICE = r"""
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	int fd = open("version", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (write(fd, VERSION, strlen(VERSION)) < 0 || write(1, "up " VERSION "\n", strlen(VERSION) + 4) < 0)
		return 1;
	close(fd);
	if (strcmp(VERSION, "9.9") == 0)
		return 3;
	for (;;)
		pause();
}
"""


def compile_service(target, version, folder):
    source = folder / "service.c"
    source.write_text(SERVICE)
    subprocess.run([*COMPILERS[target], "-static", "-Os", f'-DVERSION="{version}"', source, "-o", folder / "service"], check=True)
    return (folder / "service").read_bytes()


class EmptyRoot(Agent):
    """The agent as process 1 of a root folder that holds its one file, /proc and /dev/null."""

    def __init__(self, server, api, name):
        root = temporary_folder()
        shutil.copy(BUILD / "static" / "amd64" / "muster-agent", root / "muster-agent")
        for folder in ("proc", "dev"):
            (root / folder).mkdir()
        os.mknod(root / "dev" / "null", 0o020666, os.makedev(1, 3))
        argv = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--root", root, "/muster-agent"]
        super().__init__(server, api, name, folder=root, argv=argv)
        self.outside = root / "a"
        self.dir = "/a"


def make_agent(target, server, api):
    if target == "amd64":
        return EmptyRoot(server, api, "gw")
    agent = Agent(server, api, "gw", argv=[str(BUILD / "static" / target / "muster-agent")])
    agent.outside = agent.dir
    # Debian 12's qemu-user lets nobody become a subreaper, without which a shim holds no service: here it is this machine's own.
    agent.dir.mkdir()
    (agent.dir / "agent.conf").write_text(f"shim = {BUILD / 'static' / 'amd64' / 'muster-shim'}\n")
    return agent


def release(vendor, target, version, folder):
    program = compile_service(target, version, folder)
    data = packages.archive({"bin/run": program})
    body = packages.manifest(data, "app", version, platform=f"linux-{target}")
    body["service"] = {"driver": "generic", "command": ["${muster.package}/bin/run"], "cwd": "${muster.data}"}
    answer = packages.publish(vendor.api, data, vendor.key.sign(body))
    assert answer.status_code == 201, answer.text


def memory(pid):
    """PSS and anonymous memory in kB."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return [int(re.search(rf"^{name}: +(\d+) kB", text, re.M)[1]) for name in ("Pss", "Anonymous")]


def processes(name, root):
    """The processes of that name whose working folder or root lies below root."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
            places = (os.readlink(entry / "cwd"), os.readlink(entry / "root"))
        except OSError:
            continue
        if any(word.endswith(name.encode()) for word in argv[:2]) and any(p.startswith(str(root)) for p in places):
            found.append(int(entry.name))
    return found


def look_at_memory(agent):
    """Idle, with TLS and three services."""
    shims = [memory(pid) for pid in processes("muster-shim", agent.root)]
    # Process 1 and the agent proper; the kernel divides what they share.
    agents = [memory(pid) for pid in processes("muster-agent", agent.root)]
    assert len(shims) == len(SERVICES)
    print(f"\nkB of PSS and of anonymous memory: shims {shims}, agent with its process 1 {agents}")
    assert max(pss for pss, _ in shims) < 64
    assert sum(pss for pss, _ in agents) < 4500
    assert sum(anonymous for _, anonymous in agents) < 1200


@pytest.mark.parametrize("target", TARGETS)
def test_one_whole_update_and_one_that_is_rolled_back(target, server, api, tmp_path):
    agent = make_agent(target, server, api)
    try:
        agent.enroll()
        agent.start().wait_online()
        vendor = Vendor(api)
        for version in ("1.0", "2.0", "9.9"):
            release(vendor, target, version, tmp_path)

        def change(version):
            done = roll_out(api, [{"service": name, "driver": "generic", "run": True,
                                   "package": {"name": "app", "version": version}} for name in SERVICES],
                            health_gate_ms=1000)
            return done["state"], steps(api, done)[0]

        def running():
            return {(agent.outside / "data" / name / "version").read_text() for name in SERVICES}

        for version in ("1.0", "2.0"):
            state, step = change(version)
            assert state == "succeeded", (step, agent.log()[-3000:])
            assert running() == {version}
        _, step = change("9.9")
        assert step["state"] == "rolled_back", step
        wait_until(lambda: running() == {"2.0"}, "the former version to run again")
        found = api.get("/nodes/gw")
        assert found["platform"] == f"linux-{target}"
        if target == "amd64":
            assert (agent.outside / "run" / "muster-shim").read_bytes() == \
                (BUILD / "static" / target / "muster-shim").read_bytes()
            look_at_memory(agent)
    finally:
        agent.close()
