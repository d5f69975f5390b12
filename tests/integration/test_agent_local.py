# SPDX-License-Identifier: Apache-2.0
"""What somebody at the device can ask and tell the agent, and who may."""
import json
import os
import subprocess

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
    why = json.loads(ask(agent, "explain", "fine", "--json").stdout)["services"]
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
