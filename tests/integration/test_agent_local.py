# SPDX-License-Identifier: Apache-2.0
"""What somebody at the device can ask and tell the agent, and who may."""
import json
import os
import subprocess
import tarfile

import pytest
from harness import wait_until
from harness.changes import Vendor, roll_out, steps
from harness.process import program

NOBODY = 65534
TALKER = "i=0; while :; do i=$((i+1)); echo line $i; echo oops $i >&2; sleep 0.2; done\n"


def install(api, name, script, vendor=None, **strategy):
    (vendor or Vendor(api)).release(name, "1.0", script)
    done = roll_out(api, [{"service": name, "driver": "generic", "run": True,
                           "package": {"name": name, "version": "1.0"}}], **strategy)
    return done


def ask(agent, *words, **options):
    return subprocess.run([program("muster-agent"), *map(str, words), "--dir", str(agent.dir)],
                          capture_output=True, text=True, timeout=60, check=False, **options)


def texts(output):
    return [json.loads(line)["text"] for line in output.splitlines()]


def test_logs_are_shown_from_the_end_and_followed(api, new_agent):
    agent = new_agent("gw")
    assert install(api, "talker", TALKER)["state"] == "succeeded"
    wait_until(lambda: len(ask(agent, "logs", "talker").stdout.splitlines()) > 6, "some lines")
    shown = ask(agent, "logs", "talker", "-n", "4", "--json")
    assert shown.returncode == 0 and len(shown.stdout.splitlines()) == 4
    assert {json.loads(line)["stream"] for line in shown.stdout.splitlines()} == {"stdout", "stderr"}
    assert ask(agent, "logs", "talker", "-n", "0").stdout == ""
    assert " O line 1\n" in ask(agent, "logs", "-n", "10000", "talker").stdout

    with subprocess.Popen([program("muster-agent"), "logs", "talker", "-f", "-n", "1", "--json",
                           "--dir", str(agent.dir)], stdout=subprocess.PIPE, text=True) as follow:
        first = json.loads(follow.stdout.readline())["text"]
        later = [json.loads(follow.stdout.readline())["text"] for _ in range(6)]
        follow.kill()
    assert len({first, *later}) == 7, "each line once"

    unknown = ask(agent, "logs", "nothing")
    assert unknown.returncode == 1 and "muster-agent status" in unknown.stderr
    assert ask(agent, "logs").returncode == 2
    assert ask(agent, "logs", "talker", "-n", "many").returncode == 2


def test_explain_says_why_until_when_and_what_helps(api, new_agent):
    agent = new_agent("gw")
    said = ask(agent, "explain").stdout
    assert "no desired state has come yet" in said and "changes  with" in said
    vendor = Vendor(api)
    done = install(api, "app", "echo no license >&2; exit 3\n", vendor, health_gate_ms=500)
    assert done["state"] == "paused", steps(api, done)
    said = ask(agent, "explain").stdout
    assert "rolled_back" in said and "service app: " in said, said
    assert "exited with 3" in said
    status = agent.status()
    assert status["verdict"]["state"] == "rolled_back" and "no license" in status["verdict"]["stderr"]
    shown = ask(agent, "status").stdout
    assert "no license" in shown and "gw" in shown

    assert install(api, "fine", "while :; do sleep 1; done\n", vendor)["state"] == "succeeded"
    answer = json.loads(ask(agent, "explain", "fine", "--json").stdout)
    assert answer["generation"]["state"] == "in force" and answer["generation"]["since"]
    why = answer["services"]
    assert [s["name"] for s in why] == ["fine"]
    assert why[0]["state"] == "running" and why[0]["since"] and why[0]["change"]
    assert ask(agent, "explain", "nothing").returncode == 1


def test_restart_is_done_and_told(api, new_agent):
    agent = new_agent("gw")
    assert install(api, "app", "while :; do sleep 1; done\n")["state"] == "succeeded"
    before = agent.status()["services"][0]["pid"]
    assert ask(agent, "restart", "app").returncode == 0
    wait_until(lambda: agent.status()["services"][0]["pid"] not in (0, before), "another process")
    timeline = lambda: api.items(f"/nodes/{agent.name}/timeline")  # noqa: E731
    told = wait_until(lambda: [e for e in timeline() if e["kind"] == "local.restart"], "the event")
    assert told[0]["service"] == "app" and told[0]["data"] == {"uid": os.getuid()}
    assert ask(agent, "restart", "nothing").returncode == 1
    assert ask(agent, "restart").returncode == 2


def test_diagnosis_tells_much_and_no_secret(api, new_agent, tmp_path):
    agent = new_agent("gw")
    Vendor(api).release("app", "1.0", "echo starting with password=S3CRET1 and more\n"
                        "while :; do sleep 1; done\n", {"env": {"P": "${param.p}"},
                                                        "values": {"p": ""}})
    api.post("/configs", {"name": "c"})
    api.post("/configs/c/versions", {"files": [{"path": "app.conf", "content": "S3CRET2\n"}]})
    done = roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                           "package": {"name": "app", "version": "1.0"},
                           "config": {"name": "c", "version": 1}, "parameters": {"values": {"p": "S3CRET3"}}}])
    assert done["state"] == "succeeded", steps(api, done)
    wait_until(lambda: "starting" in ask(agent, "logs", "app").stdout, "its line")

    made = ask(agent, "diag", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    path = next(tmp_path.glob("muster-diag-*.tar"))
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        files = {f.name.removeprefix("muster-diag/"): tar.extractfile(f).read().decode()
                 for f in tar}
    assert {"README.txt", "status.json", "explain.json", "agent.json", "host.txt", "files.txt",
            "agent.conf", "logs/app.log"} <= set(files)
    assert json.loads(files["agent.json"])["services"]["app"]["version"] == "1.0"
    assert "services/app" in files["files.txt"] and "keys/node.key" in files["files.txt"]
    assert "starting with password=*** and more" in files["logs/app.log"]
    everything = path.read_bytes()
    for secret in (b"S3CRET", b"PRIVATE KEY", (agent.dir / "keys/node.key").read_bytes()[60:100]):
        assert secret not in everything

    assert ask(agent, "diag", path).returncode == 1, "what is there is kept"
    assert ask(agent, "diag", tmp_path / "short.tar", "--no-logs").returncode == 0
    with tarfile.open(tmp_path / "short.tar") as tar:
        assert not [n for n in tar.getnames() if "/logs/" in n]
    # Most of all when no agent runs.
    agent.stop()
    assert ask(agent, "diag", tmp_path / "alone.tar").returncode == 0
    with tarfile.open(tmp_path / "alone.tar") as tar:
        names = tar.getnames()
    assert "muster-diag/no-agent.txt" in names and "muster-diag/logs/app.log" in names
    agent.start()
    agent.wait_status()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_others_may_not_or_only_look(api, new_agent):
    agent = new_agent("gw")
    assert install(api, "app", "while :; do sleep 1; done\n")["state"] == "succeeded"
    agent.root.chmod(0o755)
    stranger = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    for words in (("status",), ("explain",), ("logs", "app"), ("restart", "app"), ("shutdown",)):
        refused = ask(agent, *words, **stranger)
        assert refused.returncode == 1, words
        assert "use sudo" in refused.stderr and "control_group" in refused.stderr, refused.stderr

    conf = agent.dir / "agent.conf"
    conf.write_text("control_readers = *\n")
    agent.stop()
    agent.start()
    agent.wait_status()
    for words in (("status",), ("explain",), ("logs", "app")):
        assert ask(agent, *words, **stranger).returncode == 0, words
    assert ask(agent, "restart", "app", **stranger).returncode == 1

    conf.write_text("control_group = nogroup\n")
    agent.stop()
    agent.start()
    agent.wait_status()
    assert ask(agent, "restart", "app", **stranger).returncode == 0
    conf.write_text("control_group = no-such-group\n")
    agent.stop()
    failed = agent.run_command("run", "--dir", agent.dir, check=False)
    assert failed.returncode != 0 and "no group" in failed.stderr
    conf.unlink()
    agent.start()
    agent.wait_status()
