# SPDX-License-Identifier: Apache-2.0
"""The muster command against a real server: signing in, the daily work, exit statuses, errors that help."""
import json
import os
import subprocess

import pytest

from harness import FakeAgent, packages, program, wait_until
from harness.cli import Cli


@pytest.fixture
def cli(server, api, tmp_path):
    cli = Cli(server, tmp_path, api.http.headers["Muster-Project"])
    cli.login()
    return cli


def test_login_keeps_a_token_not_the_password(server, tmp_path):
    cli = Cli(server, tmp_path)
    assert "signed in" in cli.login()
    kept = (tmp_path / "config").read_text()
    assert "token = mst_" in kept and server.password not in kept
    assert (tmp_path / "config").stat().st_mode & 0o777 == 0o600
    assert "default" in cli.run("whoami")
    cli.run("logout")
    assert "sign in" in cli.run("node", "list", status=1)


def test_a_failed_login_keeps_the_one_before(cli):
    before = (cli.folder / "config").read_text()
    said = cli.run("login", "--server", cli.server.url, "--ca-fingerprint", cli.fingerprint(),
                   "--user", "admin", text="not the password\n", status=1)
    assert said == "muster: login or password is wrong\n"
    assert (cli.folder / "config").read_text() == before
    cli.run("node", "list")


def test_webhooks_people_and_tokens_go_by_name(cli):
    cli.run("webhook", "create", "pager", "--url", "https://pager.example/hook", "--event", "alert.*")
    said = cli.run("webhook", "create", "pager", "--url", "https://pager.example/hook", status=1)
    assert 'another webhook is called "pager" already' in said
    cli.run("webhook", "set", "pager", "--enabled", "false")
    assert [hook["enabled"] for hook in cli.json("webhook", "list")["items"]] == [False]
    assert "true or false" in cli.run("webhook", "set", "pager", "--enabled", "off", status=1)
    cli.run("webhook", "delete", "pager")
    assert 'no webhook "pager"' in cli.run("webhook", "test", "pager", status=1)
    cli.run("user", "create", "grace", text="a long enough password\n")
    cli.run("user", "set", "grace", "--role", "operator")
    assert {user["login"]: user["role"] for user in cli.json("user", "list")["items"]}["grace"] == "operator"
    cli.run("user", "delete", "grace")
    assert "grace" not in cli.run("user", "list")


def test_a_wrong_fingerprint_is_refused(server, tmp_path):
    cli = Cli(server, tmp_path)
    said = cli.run("login", "--server", server.url, "--ca-fingerprint", "0" * 64, "--user", "admin",
                   text=server.password + "\n", status=1)
    assert "somebody else" in said and not (tmp_path / "config").exists()


def test_nobody_there_says_what_to_check(server, tmp_path):
    cli = Cli(server, tmp_path)
    cli.env["MUSTER_TOKEN"] = "mst_x"
    said = cli.run("node", "list", "--server", "https://127.0.0.1:9", status=1)
    assert "could not reach https://127.0.0.1:9" in said and "musterd" in said
    said = cli.run("node", "list", "--server", server.url, "--ca", server.ca_path, status=1)
    assert "not signed in" in said


def test_usage_errors(cli):
    assert 'did you mean "rollout"' in cli.run("rollot", status=2)
    assert 'did you mean "node list"' in cli.run("node", "lst", status=2)
    assert "no option --colour" in cli.run("node", "list", "--colour", "red", status=2)
    assert "did you mean --selector" in cli.run("node", "list", "--selektor", "x", status=2)
    assert "usage: muster node show NODE" in cli.run("node", "show", status=2)
    assert "table or json" in cli.run("node", "list", "--output", "xml", status=2)
    assert "usage: muster rollout start" in cli.run("rollout", "start", "--help")
    assert "complete" in cli.run("completion", "bash")


def test_completion_is_valid_bash(cli, tmp_path):
    script = tmp_path / "completion"
    script.write_text(cli.run("completion", "bash"))
    asked = f"source {script}; COMP_WORDS=(muster rol); COMP_CWORD=1; _muster; echo ${{COMPREPLY[*]}}"
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "rollout"


def test_configs(cli, tmp_path):
    assert "no config" in cli.run("config", "list")
    folder = tmp_path / "files"
    (folder / "certs").mkdir(parents=True)
    (folder / "a.conf").write_text("port ${port:-1883}\n")
    (folder / "certs" / "x.bin").write_bytes(b"\x00\xff")
    assert "not" in cli.run("config", "push", "broker", folder, status=1)
    cli.run("config", "push", "broker", folder, "--create", "--service", "broker", "-m", "first")
    (folder / "a.conf").write_text("port ${port:-1884}\nmore\n")
    assert "version 2" in cli.run("config", "push", "broker", folder)
    assert "unchanged" in cli.run("config", "push", "broker", folder)
    diff = cli.run("config", "diff", "broker", "1", "2")
    assert "-port ${port:-1883}" in diff and "+more" in diff
    versions = cli.json("config", "versions", "broker")["items"]
    assert [v["no"] for v in versions] == [2, 1] and versions[1]["message"] == "first"
    cli.run("config", "pull", "broker", tmp_path / "out", "--version", "1")
    assert (tmp_path / "out" / "certs" / "x.bin").read_bytes() == b"\x00\xff"
    cli.run("var", "set", "port", "1999")
    assert cli.json("var", "list")["items"][0]["value"] == "1999"
    cli.run("var", "unset", "port")


def test_packages_both_ways(cli, tmp_path):
    data = packages.archive()
    archive = tmp_path / "tool.tar.gz"
    archive.write_bytes(data)
    manifest = packages.manifest(data)
    manifest.pop("archive")
    (tmp_path / "m.json").write_text(json.dumps(manifest))
    key = tmp_path / "vendor.key"
    cli.run("release-key", "create", "vendor", "--out", key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert "is there already" in cli.run("release-key", "create", "vendor", "--out", key, status=1)
    cli.run("package", "upload", archive, "--manifest", tmp_path / "m.json", "--key", key)
    (tmp_path / "m.json").write_text(json.dumps({**manifest, "version": "2.0"}))
    cli.run("package", "upload", archive, "--manifest", tmp_path / "m.json", "--key", key,
            "--resumable")
    assert sorted(p["version"] for p in cli.json("package", "list")["items"]) == ["1.0", "2.0"]
    stranger = tmp_path / "stranger.key"
    cli.run("release-key", "create", "stranger", "--out", stranger)
    other = next(k for k in cli.json("release-key", "list")["items"] if k["name"] == "stranger")
    cli.run("release-key", "remove", other["id"])
    said = cli.run("package", "upload", archive, "--manifest", tmp_path / "m.json", "--key",
                   stranger, status=1)
    assert "trust" in said or "key" in said


def test_tokens_and_enrolment(cli):
    made = cli.json("token", "create", "ci", "--role", "viewer", "--scope", "nodes:read")
    assert made["token"].startswith("mst_") and made["scopes"] == ["nodes:read"]
    assert made["token"] not in cli.run("token", "list")
    cli.run("token", "revoke", made["id"])
    said = cli.run("enroll-token", "create", "--label", "site=p1", "--uses", "2")
    assert "muster-agent enroll --server" in said and "--ca-fingerprint" in said
    listed = cli.json("enroll-token", "list")["items"]
    assert listed[0]["labels"] == {"site": "p1"} and listed[0]["uses_left"] == 2


def test_node_show_tells_what_its_probes_say(server, tmp_path):
    cli = Cli(server, tmp_path, "default")
    cli.login()
    service = {"state": "unhealthy", "ready": False, "pid": 7, "restarts": 0, "reason": "probe http"}
    with FakeAgent(server) as node:
        node.connect()
        node.reported({"web": {**service, "run": True, "driver": "generic", "drift": False,
                               "package": None, "config": None}})
        node.health(services={"web": {**service, "probes": [
            {"kind": "http", "target": "8080/ready", "for": "readiness", "result": "bad",
             "duration_us": 1204, "text": "status 503 instead of 200"}]}})
        said = wait_until(lambda: (text := cli.run("node", "show", node.name)) and
                          "TOOK" in text and text, "the probe")
        row = next(line for line in said.splitlines() if "8080/ready" in line)
        for part in ("web", "http", "readiness", "bad", "1.2 ms", "status 503 instead of 200"):
            assert part in row
        probe, = cli.json("node", "show", node.name)["services"][0]["probes"]
        assert probe["duration_us"] == 1204


def test_nodes_and_exit_statuses(server, tmp_path):
    cli = Cli(server, tmp_path, "default")
    cli.login()
    with FakeAgent(server) as node:
        node.connect()
        cli.run("node", "label", node.name, "site=p9", "line=2")
        assert node.name in cli.run("node", "list", "--selector", "site=p9")
        cli.run("node", "label", node.name, "line-")
        assert cli.json("node", "show", node.node)["labels"] == {"site": "p9"}
        assert "say --yes" in cli.run("node", "retire", node.name, status=1)
        said = cli.run("rollout", "start", "--node", node.name, "--service", "x", "--run", "true",
                       status=1)
        assert "has no package to run" in said
        cli.run("node", "retire", node.name, "--yes")
    assert "what changes?" in cli.run("rollout", "start", "--selector", "*", status=1)
    assert "comes after its --service" in cli.run("rollout", "start", "--package", "a@1", status=1)
    assert "there is no rollout 999999" in cli.run("rollout", "show", "999999", status=1)
