# SPDX-License-Identifier: Apache-2.0
"""A change reaches a real service, or everything is as before and the server knows why."""
import tarfile

from harness import packages, wait_until
from harness.changes import Vendor, roll_out, steps

LOOP = "cat ${CONF}/app.conf\nwhile :; do sleep 1; done\n"
CONFIG = {"env": {"CONF": "${muster.config}"}}


def pid_of(agent, name):
    return next(s["pid"] for s in agent.status()["services"] if s["name"] == name)


def make_config(api, name, text):
    try:
        api.get(f"/configs/{name}")
    except AssertionError:
        api.post("/configs", {"name": name})
    return api.post(f"/configs/{name}/versions",
                    {"files": [{"path": "app.conf", "content": text}]})["no"]


def test_package_and_config_are_installed_and_only_what_differs_restarts(api, new_agent):
    agent = new_agent("gw")
    vendor = Vendor(api)
    vendor.release("app", "1.0", LOOP, CONFIG)
    vendor.release("other", "1.0", LOOP, CONFIG)
    version = make_config(api, "c", "one on ${node.name} in ${muster.config}\n")
    config = {"name": "c", "version": version}
    done = roll_out(api, [
        {"service": name, "driver": "generic", "package": {"name": name, "version": "1.0"},
         "config": config, "run": True} for name in ("app", "other")])
    assert done["state"] == "succeeded", steps(api, done)
    root = agent.dir / "services" / "app" / "current" / "config"
    assert (root / "app.conf").read_text() == f"one on gw in {root}\n"

    pids = {name: pid_of(agent, name) for name in ("app", "other")}
    version = make_config(api, "c", "two\n")
    done = roll_out(api, [{"service": "app", "config": {"name": "c", "version": version}}])
    assert done["state"] == "succeeded", steps(api, done)
    assert (root / "app.conf").read_text() == "two\n"
    assert pid_of(agent, "other") == pids["other"]
    assert pid_of(agent, "app") != pids["app"]
    wait_until(lambda: (agent.service("app") or {}).get("config") == {"name": "c", "version": 2},
               "the report of the new version")

    done = roll_out(api, [{"service": "other", "remove": True}])
    assert done["state"] == "succeeded", steps(api, done)
    assert [s["name"] for s in agent.status()["services"]] == ["app"]


def test_broken_upgrade_puts_itself_back_with_the_cause(api, new_agent):
    agent = new_agent("gw")
    vendor = Vendor(api)
    vendor.release("app", "1.0", "while :; do sleep 1; done\n")
    vendor.release("app", "2.0", "echo no license found >&2\nexit 7\n")
    change = {"service": "app", "driver": "generic", "run": True,
              "package": {"name": "app", "version": "1.0"}}
    assert roll_out(api, [change])["state"] == "succeeded"
    change["package"] = {"name": "app", "version": "2.0"}
    done = roll_out(api, [change], health_gate_ms=500)
    assert done["state"] == "paused"
    step = steps(api, done)[0]
    assert step["state"] == "rolled_back"
    assert step["error"]["service"] == "app" and "exited with 7" in step["error"]["text"]
    assert step["error"]["stderr"] == "no license found\n"
    assert step["error"]["exit"] == {"code": 7, "signal": 0}
    assert step["error"]["outcome"] == "rolled_back"
    status = agent.status()
    assert status["services"][0]["state"] == "running"
    wait_until(lambda: agent.service("app")["package"]["version"] == "1.0", "the old version")


def test_hostile_archive_is_refused_and_nothing_stops(api, new_agent):
    agent = new_agent("gw")
    vendor = Vendor(api)
    vendor.release("app", "1.0", "while :; do sleep 1; done\n")
    change = {"service": "app", "driver": "generic", "run": True,
              "package": {"name": "app", "version": "1.0"}}
    assert roll_out(api, [change])["state"] == "succeeded"
    pid = pid_of(agent, "app")

    escape = tarfile.TarInfo("lib/link")
    escape.type, escape.linkname = tarfile.SYMTYPE, "../../../../state.db"
    data = packages.archive({"bin/run": "#!/bin/sh\n", "x": escape})
    answer = packages.publish(api, data, vendor.key.sign(packages.manifest(data, "app", "2.0")))
    if answer.status_code != 201:
        # The server looks into archives too: then none of it reaches a device.
        assert answer.status_code == 400
        return
    change["package"] = {"name": "app", "version": "2.0"}
    done = roll_out(api, [change])
    assert steps(api, done)[0]["state"] == "failed"
    assert pid_of(agent, "app") == pid


def test_health_tells_of_limits_and_probes(api, new_agent):
    agent = new_agent("gw")
    vendor = Vendor(api)
    probes = [{"kind": "exec", "command": ["true"], "interval_ms": 200},
              {"kind": "exec", "command": ["sh", "-c", "exit 7"], "readiness": False,
               "liveness": False, "failure": 1, "start_grace_ms": 0, "interval_ms": 200}]
    vendor.release("app", "1.0", "while :; do sleep 1; done\n", {"probes": probes})
    done = roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                           "package": {"name": "app", "version": "1.0"}}])
    assert done["state"] == "succeeded", steps(api, done)
    # The next report comes with the next connection.
    agent.stop()
    agent.start()

    def told():
        found = (agent.service("app") or {}).get("probes") or []
        return [p["result"] for p in found] == ["good", "bad"] and found
    good, bad = wait_until(told, "both probes in the health report")
    assert (good["kind"], good["target"], good["for"]) == ("exec", "true", "both")
    assert good["duration_us"] > 0 and "text" not in good
    assert (bad["for"], bad["text"]) == ("none", "exited with 7")
    assert agent.node()["health"]["host"]["limits"] in ("cgroup2", "cgroup1", "rlimit")


def test_command_restarts_a_service_once(api, new_agent):
    agent = new_agent("gw")
    vendor = Vendor(api)
    vendor.release("app", "1.0", "while :; do sleep 1; done\n")
    roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                    "package": {"name": "app", "version": "1.0"}}])
    pid = pid_of(agent, "app")
    api.post("/nodes/gw/commands", {"kind": "restart", "service": "app"})
    wait_until(lambda: pid_of(agent, "app") not in (0, pid), "a new process")
    wait_until(lambda: any(item["kind"] == "command.done"
                           for item in api.get("/nodes/gw/timeline")["items"]), "the answer")


def test_what_has_failed_is_tried_again_when_somebody_says_so(api, new_agent):
    agent = new_agent("gw")
    licence = agent.dir / "licence"
    Vendor(api).release("app", "1.0", f"[ -e {licence} ] || exit 7\nwhile :; do sleep 1; done\n")
    failed = roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                             "package": {"name": "app", "version": "1.0"}}], health_gate_ms=1000)
    assert failed["state"] == "paused"
    assert [s["state"] for s in steps(api, failed)] == ["rolled_back"]
    licence.write_text("good until 2099")
    api.post(f"/rollouts/{failed['id']}/retry")
    wait_until(lambda: api.get(f"/rollouts/{failed['id']}")["state"] == "succeeded", "the retry")
    assert [(s["state"], s["attempt"]) for s in steps(api, failed)] == [("succeeded", 2)]


def test_a_node_tries_again_when_it_is_told(api, new_agent):
    agent = new_agent("gw")
    refused = agent.run_command("retry", "--dir", agent.dir, check=False)
    assert refused.returncode == 1 and "nothing has failed here" in refused.stderr
    Vendor(api).release("app", "1.0", "exit 7\n")
    roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                    "package": {"name": "app", "version": "1.0"}}], health_gate_ms=1000)
    # The server has put the node back already, so there is nothing to begin, only to forget.
    wait_until(lambda: agent.status()["generation"] >= 2, "what ran before")
    said = agent.run_command("retry", "--dir", agent.dir).stdout
    assert "muster rollout retry" in said
    api.post("/nodes/gw/commands", {"kind": "retry"})
    wait_until(lambda: any(item["kind"] == "command.failed" and "nothing has failed" in item["text"]
                           for item in api.get("/nodes/gw/timeline")["items"]), "the answer")


def test_hooks_come_with_the_package(api, new_agent):
    agent = new_agent("gw")
    vendor = Vendor(api)
    hook = {"command": ["${muster.package}/bin/hook"]}
    vendor.release("app", "1.0", "exec sleep 1000\n", {"hooks": {"before": hook, "after": hook}},
                   {"bin/hook": "#!/bin/sh\necho $MUSTER_HOOK $MUSTER_NEW_VERSION >> hooks\n"})
    vendor.release("app", "2.0", "exec sleep 1000\n", {"hooks": {"after": hook}},
                   {"bin/hook": "#!/bin/sh\necho bad wiring >&2\nexit 2\n"})
    change = {"service": "app", "driver": "generic", "run": True,
              "package": {"name": "app", "version": "1.0"}}
    assert roll_out(api, [change])["state"] == "succeeded"
    assert (agent.dir / "data" / "app" / "hooks").read_text() == "before 1.0\nafter 1.0\n"
    change["package"]["version"] = "2.0"
    step = steps(api, roll_out(api, [change]))[0]
    assert step["state"] == "rolled_back"
    assert step["error"]["code"] == "hook_failed" and step["error"]["phase"] == "hook_after"
    assert step["error"]["stderr"] == "bad wiring\n"
    assert step["error"]["exit"] == {"code": 2, "signal": 0}
    # Whoever may only start rollouts cannot bring programs along.
    answer = api.request("POST", "/rollouts", json={
        "name": "x", "targets": {"selector": "*"},
        "changes": [{**change, "parameters": {"hooks": {"before": hook}}}]})
    assert answer.status_code == 400


def test_a_program_is_adopted_where_it_stands(api, new_agent, tmp_path):
    new_agent("gw")
    conf = tmp_path / "app.conf"
    conf.write_text("before Muster\n")
    conf.chmod(0o640)
    Vendor(api).release("app", "1.0", f"exec tail -f {conf}\n",
                        {"in_place": {"app.conf": str(conf)}})
    version = make_config(api, "c", "from Muster\n")
    done = roll_out(api, [{"service": "app", "driver": "generic", "run": True,
                           "package": {"name": "app", "version": "1.0"},
                           "config": {"name": "c", "version": version}}])
    assert done["state"] == "succeeded", steps(api, done)
    assert conf.read_text() == "from Muster\n"
    back = api.post(f"/rollouts/{done['id']}/rollback", {"strategy": {"health_gate_ms": 0}})
    wait_until(lambda: api.get(f"/rollouts/{back['id']}")["state"] == "succeeded", "the way back")
    assert conf.read_text() == "before Muster\n"
    assert conf.stat().st_mode & 0o7777 == 0o640
