# SPDX-License-Identifier: Apache-2.0
"""The one line of a new enrolment token: what it installs, and what it refuses to run."""
import hashlib
import os
import pathlib
import platform
import re
import shutil
import subprocess

import pytest

from harness import Server, wait_until
from harness.agent import Agent
from harness.process import program, remove_folder, temporary_folder

TARGET = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


@pytest.fixture(scope="module")
def agents():
    """The folder that the server offers: the agent of this build, for this machine."""
    folder = temporary_folder()
    (folder / TARGET).mkdir()
    shutil.copy(program("muster-agent"), folder / TARGET / "muster-agent")
    yield folder
    remove_folder(folder)


@pytest.fixture(scope="module")
def server(agents):
    with Server(options=["--agents-dir", agents]) as running:
        yield running


@pytest.fixture
def gateway():
    folder = temporary_folder()
    yield folder
    remove_folder(folder)


def token(server):
    return server.admin.post("/enroll-tokens", {})


def run_line(made, gateway, line=None, options=(), path=None):
    """As a person would, but with folders of its own and without a service manager."""
    line = line or made["install_command"]
    extra = ["--bin-dir", gateway / "bin", "--dir", gateway / "a", "--no-start", *options]
    env = {**os.environ, "TMPDIR": str(gateway)}
    if path:
        env["PATH"] = path
    return subprocess.run(["sh", "-c", " ".join([line, *map(str, extra)])], env=env, capture_output=True, text=True,
                          timeout=120, check=False)


def test_the_line_installs_the_agent_and_enrols_it(server, gateway, agents):
    made = token(server)
    done = run_line(made, gateway, options=["--name", "gw-1", "--label", "line=2"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": OK" in done.stdout and "enrolled as gw-1" in done.stdout
    assert (gateway / "bin" / "muster-agent").read_bytes() == (agents / TARGET / "muster-agent").read_bytes()
    assert server.admin.get("/nodes/gw-1")["labels"]["line"] == "2"
    assert made["token"] not in (gateway / "a" / "keys" / "identity.json").read_text()
    agent = Agent(server, server.admin, "gw-1", folder=gateway)
    agent.start().wait_online().stop()
    again = run_line(made, gateway)
    assert again.returncode == 0 and "is up to date" in again.stdout and "already enrolled" in again.stdout
    # Nothing is left of what was fetched.
    assert sorted(p.name for p in gateway.iterdir() if not p.name.startswith("tmp.")) == ["a", "bin", "log"]


def test_a_script_that_somebody_changed_is_not_run(server, gateway):
    made = token(server)
    line = made["install_command"].replace(re.search(r'"([0-9a-f]{64})  \$f"', made["install_command"])[1], "0" * 64)
    done = run_line(made, gateway, line)
    assert done.returncode != 0 and "FAILED" in done.stdout
    assert not (gateway / "bin").exists() and not (gateway / "a").exists()


def test_another_authority_ends_it_before_anything_is_fetched(server, gateway):
    made = token(server)
    done = run_line(made, gateway, made["install_command"].replace(made["ca_fingerprint"], "0" * 64))
    assert done.returncode == 1 and "not the one given; nothing was installed" in done.stderr
    assert not (gateway / "bin").exists()


def test_an_agent_that_somebody_changed_is_not_run(server, gateway):
    """The script is the server's, but what comes as the agent is not: a curl that appends one byte."""
    tools = gateway / "tools"
    tools.mkdir()
    curl = shutil.which("curl")
    (tools / "curl").write_text(
        f'#!/bin/sh\n{curl} "$@" || exit\nfor last; do :; done\n'
        'case $last in */agents/*) while [ "$1" != -o ]; do shift; done; printf x >>"$2" ;; esac\n')
    (tools / "curl").chmod(0o755)
    done = run_line(token(server), gateway, path=f"{tools}:{os.environ['PATH']}")
    assert done.returncode == 1 and "not the one that was promised" in done.stderr
    assert not (gateway / "bin").exists()


def test_it_works_with_wget_alone(server, gateway):
    tools = gateway / "tools"
    tools.mkdir()
    for name in ("sh", "base64", "cat", "chmod", "cp", "cut", "id", "mkdir", "mktemp", "mv", "rm", "sed", "sha256sum",
                 "sync", "tr", "uname", "wget"):
        (tools / name).symlink_to(shutil.which(name))
    made = token(server)
    line = made["install_command"].replace('curl -fsSk', 'wget -q --no-check-certificate').replace(' -o "$f"', ' -O "$f"')
    done = run_line(made, gateway, line, path=str(tools))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "enrolled as" in done.stdout


def test_mistakes_are_named(server, gateway):
    script = server.admin.http.get(f"{server.url}/install.sh").text
    path = gateway / "install.sh"
    path.write_text(script)

    def said(*argv):
        done = subprocess.run(["sh", path, *argv], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        return done.stderr

    assert "show the whole line" in said()
    assert "unknown option --sever" in said("--sever", "x")
    assert "--token needs a value" in said("--token")
    assert "--server is https://host:port" in said("--server", "http://x")
    assert "--ca-fingerprint is missing" in said("--server", "https://x")
    assert "plain absolute paths" in said("--server", "https://x", "--ca-fingerprint", "0", "--bin-dir", "a b")
    for folder in ("--bin-dir", "--dir"):
        assert "plain absolute paths" in said("--server", "https://x", "--ca-fingerprint", "0", folder, "here")


def test_sums_follow_the_files(server, agents):
    first = token(server)["install_command"]
    path = agents / TARGET / "muster-agent"
    kept = path.read_bytes()
    try:
        path.write_bytes(kept + b"x")
        assert token(server)["install_command"].split(" --token")[0] != first.split(" --token")[0]
        answer = server.admin.http.get(f"{server.url}/agents/{TARGET}")
        assert answer.headers["ETag"] == '"%s"' % hashlib.sha256(kept + b"x").hexdigest()
    finally:
        path.write_bytes(kept)
    assert server.admin.http.get(f"{server.url}/agents/..%2Fetc").status_code == 404
    assert server.admin.http.get(f"{server.url}/agents/mips").status_code == 404


def test_without_agents_there_is_no_line(tmp_path):
    with Server(options=["--agents-dir", tmp_path]) as bare:
        assert token(bare)["install_command"] is None
        answer = bare.admin.http.get(f"{bare.url}/install.sh")
        assert answer.status_code == 404 and "agents-dir" in answer.text


def test_the_service_files_are_in_the_script(server):
    script = server.admin.http.get(f"{server.url}/install.sh").text
    packaging = pathlib.Path(__file__).resolve().parents[2] / "packaging"
    for name in ("systemd/muster-agent.service", "openrc/muster-agent"):
        assert (packaging / name).read_text() in script
    assert "@AGENTS@" not in script and "@SYSTEMD@" not in script and "@OPENRC@" not in script
