# SPDX-License-Identifier: Apache-2.0
"""A gateway that nobody can reach gets its change from a file, and the rollout hears of it."""
import base64
import hashlib
import json
import os
import subprocess

import pytest
from harness import bundles, wait_until
from harness.api import ApiError
from harness.changes import Vendor, roll_out, steps, wait_for_rollout
from harness.cli import Cli
from harness.process import program

LOOP = "cat ${CONF}/app.conf\nwhile :; do sleep 1; done\n"
CONFIG = {"env": {"CONF": "${muster.config}"}}
NOWHERE = ["mqtts://127.0.0.1:1"]


@pytest.fixture
def cli(server, api, tmp_path):
    cli = Cli(server, tmp_path, api.http.headers["Muster-Project"])
    cli.login()
    return cli


def brokers(agent, urls):
    """Sets where the agent looks for its broker; returns where it looked before."""
    path = agent.dir / "keys" / "identity.json"
    identity = json.loads(path.read_text())
    before, identity["brokers"] = identity["brokers"], urls
    path.write_text(json.dumps(identity))
    return before


class Site:
    """One gateway without a connection, and a change that waits for it."""

    def __init__(self, api, agent):
        self.api, self.agent = api, agent
        self.vendor = Vendor(api)
        self.online = brokers(agent, NOWHERE)
        agent.stop()
        agent.start()
        wait_until(lambda: agent.node()["status"] == "offline", "the node to be offline")
        agent.wait_status()

    def roll_out(self, version="1.0", script=LOOP, files=None, **strategy):
        self.vendor.release("app", version, script, CONFIG, files)
        try:
            self.api.post("/configs", {"name": "c"})
        except ApiError:
            pass
        no = self.api.post("/configs/c/versions", {
            "files": [{"path": "app.conf", "content": f"for {version}\n"}]})["no"]
        rollout = roll_out(self.api, [
            {"service": "app", "driver": "generic", "run": True,
             "package": {"name": "app", "version": version},
             "config": {"name": "c", "version": no}}], wait=False, **strategy)
        # That of the offline node: others go on to their end.
        wait_until(lambda: [s for s in steps(self.api, rollout)
                            if s["name"] == self.agent.name and s["state"] == "sent"],
                   "the step to be sent")
        return rollout

    def bundle(self, **body):
        answer = self.api.request("POST", "/bundles", json={"nodes": [self.agent.name], **body})
        assert answer.status_code == 200, answer.text
        return answer.content

    def apply(self, path, *options, status=0):
        done = subprocess.run(
            [program("muster-agent"), "apply", str(path), "--dir", str(self.agent.dir), *options],
            capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def reconnect(self):
        brokers(self.agent, self.online)
        self.agent.stop()
        self.agent.start()
        self.agent.wait_online()


@pytest.fixture
def site(api, new_agent):
    return Site(api, new_agent("press-7"))


def test_stick_goes_there_and_back_and_the_step_is_closed_once(cli, api, site, tmp_path):
    rollout = site.roll_out()
    said = cli.run("bundle", "create", "press-7", "--out", tmp_path / "press-7.mst")
    assert "good until" in said and "muster-agent apply" in said
    made = bundles.read((tmp_path / "press-7.mst").read_bytes())
    node = site.agent.node()
    assert list(made) == ["muster-bundle", f"desired/{node['id']}.json",
                          next(n for n in made if n.startswith("packages/"))]
    assert not (tmp_path / "press-7.mst.part").exists()

    said = site.apply(tmp_path / "press-7.mst")
    assert "1 package to bring" in said and "is what runs" in said
    status = site.agent.status()
    assert not status["online"] and status["generation"] == node["desired_generation"]
    assert status["services"][0]["state"] == "running"
    root = site.agent.dir / "services" / "app" / "current" / "config"
    assert (root / "app.conf").read_text() == "for 1.0\n"
    assert api.get(f"/rollouts/{rollout['id']}")["state"] == "running"

    said = cli.run("bundle", "report", tmp_path / "press-7.report")
    assert "press-7" in said and "succeeded" in said
    assert wait_for_rollout(api, rollout["id"])["state"] == "succeeded"
    node = site.agent.node()
    assert node["status"] == "offline", "a report on paper is no connection"
    assert node["reported_generation"] == node["desired_generation"]

    again = api.request("POST", "/bundle-reports", data=(tmp_path / "press-7.report").read_bytes(),
                        headers={"Content-Type": "application/octet-stream"}).json()
    assert again["stored"] == 0 and again["repeated"] == again["messages"] > 0

    # Later it comes online: what was handed in is known, the rest follows, nothing comes twice.
    site.reconnect()
    wait_until(lambda: site.agent.status()["unsent_bytes"] == 0, "all to be acknowledged")
    told = [e["kind"] for e in api.items("/nodes/press-7/timeline")]
    assert told.count("bundle.accepted") == 1 and told.count("service.started") == 1
    assert told.count("bundle.created") == 1
    actions = [e["action"] for e in api.items("/audit")]
    assert "bundle.create" in actions and actions.count("bundle.report") == 2


def test_report_may_come_over_the_link_instead(api, site, tmp_path):
    rollout = site.roll_out()
    (tmp_path / "b.mst").write_bytes(site.bundle())
    site.apply(tmp_path / "b.mst", "--report", str(tmp_path / "elsewhere.report"))
    assert (tmp_path / "elsewhere.report").exists()
    # Applying it again is no harm and says so.
    assert "0 packages to bring" in site.apply(tmp_path / "b.mst")
    site.reconnect()
    assert wait_for_rollout(api, rollout["id"])["state"] == "succeeded"


def test_bad_change_goes_back_and_the_report_says_why(cli, api, site, tmp_path):
    first = site.roll_out()
    (tmp_path / "b.mst").write_bytes(site.bundle())
    site.apply(tmp_path / "b.mst")
    cli.run("bundle", "report", tmp_path / "press-7.report")
    assert wait_for_rollout(api, first["id"])["state"] == "succeeded"

    broken = site.roll_out("2.0", "echo no license found >&2\nexit 7\n", health_gate_ms=500)
    (tmp_path / "c.mst").write_bytes(site.bundle())
    said = site.apply(tmp_path / "c.mst", status=1)
    assert "rolled_back" in said and "no license found" in said
    assert site.agent.status()["services"][0]["state"] == "running"
    cli.run("bundle", "report", tmp_path / "press-7.report")
    assert wait_for_rollout(api, broken["id"])["state"] == "paused"
    step = steps(api, broken)[0]
    assert step["state"] == "rolled_back" and step["error"]["stderr"] == "no license found\n"
    # The same content is not tried again, whoever brings it.
    assert "not tried again" in site.apply(tmp_path / "c.mst", status=1)


def test_interrupted_anywhere_it_is_done_later_or_not_at_all(api, site, tmp_path):
    site.roll_out(files={"ballast": os.urandom(12 << 20)})
    (tmp_path / "b.mst").write_bytes(site.bundle())
    argv = [program("muster-agent"), "apply", str(tmp_path / "b.mst"), "--dir", str(site.agent.dir)]

    def begin():
        child = subprocess.Popen(["stdbuf", "-oL", *argv], stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL,
                                 env={**os.environ, "ASAN_OPTIONS": "verify_asan_link_order=0"})
        assert "1 package to bring" in child.stdout.readline()
        return child

    # Whoever brought it goes away: he did not want it to happen.
    child = begin()
    child.kill()
    child.wait()
    wait_until(lambda: "whoever brought the bundle is gone" in site.agent.log() or
               site.agent.status()["accepted"], "the agent to notice")
    before = site.agent.status()["accepted"]
    # The agent is killed while a package is being stored.
    child = begin()
    site.agent.kill()
    assert child.wait(60) != 0
    site.agent.start()
    site.agent.wait_status()
    assert site.agent.status()["accepted"] in (0, before)
    site.apply(tmp_path / "b.mst")
    assert site.agent.status()["services"][0]["state"] == "running"
    assert not list((site.agent.dir / "packages").glob("*.part"))


def test_one_stick_serves_many_nodes(cli, api, site, new_agent, tmp_path):
    other = new_agent("press-8")
    # The offline one keeps the rollout open; the other has it over the link.
    site.roll_out()
    wait_until(lambda: other.status()["generation"] > 0, "the other to have it")
    said = cli.json("bundle", "create", "--selector", "*", "--out", tmp_path / "all.mst",
                    "--valid", "3")
    assert sorted(said["nodes"]) == ["press-7", "press-8"]
    names = list(bundles.read((tmp_path / "all.mst").read_bytes()))
    assert len([n for n in names if n.startswith("desired/")]) == 2
    assert len([n for n in names if n.startswith("packages/")]) == 1, "shared packages come once"
    site.apply(tmp_path / "all.mst")
    # On the one that has it already, nothing happens.
    pid = other.status()["services"][0]["pid"]
    done = other.run_command("apply", tmp_path / "all.mst", "--dir", other.dir)
    assert "is what runs" in done.stdout and other.status()["services"][0]["pid"] == pid


def test_making_one_is_checked(api, site, new_agent):
    def refused(status, **body):
        with pytest.raises(ApiError) as problem:
            api.post("/bundles", body)
        assert problem.value.status == status
        return str(problem.value)

    assert "a rollout comes first" in refused(409, nodes=["press-7"])
    assert "press-9" in refused(404, nodes=["press-9"])
    refused(400, nodes=[])
    refused(400, nodes=["press-7"], valid_days=91)
    refused(400, nodes=["press-7"], other=1)
    site.roll_out()
    assert "twice" in refused(400, nodes=["press-7", site.agent.node()["id"]])
    viewer = api.post("/tokens", {"name": "v", "role": "viewer"})["token"]
    answer = api.http.post(api.url + "/api/v1/bundles", json={"nodes": ["press-7"]},
                           headers={"Authorization": f"Bearer {viewer}"}, timeout=60)
    assert answer.status_code == 403


def test_hostile_bundles_are_refused_reported_and_run_nothing(server, api, site, new_agent, tmp_path):
    site.roll_out()
    good = site.bundle()
    parts = bundles.read(good)
    node = site.agent.node()["id"]
    state, package = f"desired/{node}.json", next(n for n in parts if n.startswith("packages/"))
    desired = bundles.payload(parts[state])
    key = bundles.server_key(server)
    stranger = bundles.ReleaseKey()
    evil = dict(desired, content=desired["content"].replace("app", "evil"))
    rehashed = dict(evil, digest="sha256:" + hashlib.sha256(evil["content"].encode()).hexdigest())
    other_name = "desired/nzzzzzzzzzzzzzzz.json"

    def with_state(envelope, *more):
        return bundles.write([(state, envelope), (package, parts[package]), *more])

    flipped = bytearray(parts[package])
    flipped[len(flipped) // 2] ^= 1
    hostile = {
        "empty": (b"", "not a Muster bundle"),
        "text": (b"hello\n" * 1000, "not a Muster bundle"),
        "other tar": (bundles.entry("a", b"x") + bytes(1024), "not a Muster bundle"),
        "newer": (bundles.write([], b'{"v": 2}\n'), "newer server"),
        "no states": (bundles.write([]), "not for this node"),
        "other node": (bundles.write([(other_name, parts[state])]), "not for this node"),
        "other node's letter": (with_state(bundles.seal(key, dict(desired, node="n" + "b" * 15))),
                                "for"),
        "cut off in a package": (good[:-3000], "cut off"),
        "cut off in a header": (good[:700], "cut off"),
        "unsigned": (with_state(json.dumps(dict(json.loads(parts[state]), signatures=[])).encode()),
                     ""),
        "signed by a stranger": (with_state(bundles.seal(stranger, desired)), "signed"),
        "changed content": (with_state(bundles.seal(key, evil)), "digest"),
        "expired": (with_state(bundles.seal(key, dict(desired, expires=bundles.time_text(days=-1)))),
                    "expired"),
        "changed package": (bundles.write([(state, parts[state]), (package, bytes(flipped))]),
                            "SHA-256"),
        "shorter package": (bundles.write([(state, parts[state]), (package, parts[package][:-1])]),
                            "size"),
        "package left out": (bundles.write([(state, parts[state])]), "neither here nor in"),
        "path": (with_state(parts[state], ("packages/../../../etc/passwd", b"x")), "odd entry"),
        "absolute": (with_state(parts[state], ("/etc/passwd", b"x")), "odd entry"),
        "state behind packages": (bundles.write([(package, parts[package]), (state, parts[state])]),
                                  ""),
        "twice": (bundles.write([(state, parts[state]), (state, parts[state])]), "out of order"),
        "huge count": (bundles.write([(f"desired/n{i:015d}.json", b"{}") for i in range(3000)]),
                       "more than 2048"),
        "huge envelope": (bundles.write([(state, b"x" * (800 * 1024))]), "too large"),
    }
    before = site.agent.status()
    stored = sorted(p.name for p in (site.agent.dir / "packages").iterdir())
    for name, (data, reason) in hostile.items():
        (tmp_path / "h.mst").write_bytes(data)
        done = subprocess.run(
            [program("muster-agent"), "apply", str(tmp_path / "h.mst"), "--dir",
             str(site.agent.dir)], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode != 0, name
        assert reason in done.stderr, (name, done.stderr)
        after = site.agent.status()
        assert (after["generation"], after["accepted"]) == (before["generation"], 0), name
        assert after["services"] == [], name
        assert sorted(p.name for p in (site.agent.dir / "packages").iterdir()) == stored, name
    (tmp_path / "odd").mkdir()
    os.mkfifo(tmp_path / "odd" / "pipe.mst")
    for path in (tmp_path / "odd" / "pipe.mst", tmp_path / "odd", "/dev/zero"):
        assert "is no file" in site.apply(path, status=2), "no waiting for a pipe"
    assert [p.name for p in (tmp_path / "odd").iterdir()] == ["pipe.mst"]
    refused = [m for m in json.loads(base64.b64decode(json.loads(
        (tmp_path / "press-7.report").read_text())["payload"]))["messages"]
        if "bundle.refused" in m["body"]]
    assert len(refused) > 10, "the report tells of them"

    # After all that, the good one; then an older one and another content of the same number.
    (tmp_path / "good.mst").write_bytes(good)
    site.apply(tmp_path / "good.mst")
    (tmp_path / "h.mst").write_bytes(with_state(bundles.seal(key, rehashed)))
    assert "another content" in site.apply(tmp_path / "h.mst", status=1)
    site.roll_out("2.0")
    (tmp_path / "newer.mst").write_bytes(site.bundle())
    site.apply(tmp_path / "newer.mst")
    assert "older than" in site.apply(tmp_path / "good.mst", status=1)
    # Trailing bytes behind the end are none of a bundle's business and change nothing.
    (tmp_path / "h.mst").write_bytes(site.bundle() + b"x" * 512)
    site.apply(tmp_path / "h.mst")


def test_reports_are_taken_only_from_the_node_itself(api, site, new_agent, tmp_path):
    other = new_agent("press-8")
    site.roll_out()
    (tmp_path / "b.mst").write_bytes(site.bundle())
    site.apply(tmp_path / "b.mst")
    good = json.loads((tmp_path / "press-7.report").read_text())

    def hand_in(report):
        data = report if isinstance(report, bytes) else json.dumps(report).encode()
        return api.request("POST", "/bundle-reports", data=data,
                           headers={"Content-Type": "application/octet-stream"})

    payload = json.loads(base64.b64decode(good["payload"]))
    payload["messages"] = payload["messages"][:1]
    changed = dict(good, payload=base64.b64encode(json.dumps(payload).encode()).decode())
    assert hand_in(changed).status_code == 403
    other.run_command("report", tmp_path / "other.report", "--dir", other.dir)
    foreign = json.loads((tmp_path / "other.report").read_text())
    assert hand_in(dict(good, public_key=foreign["public_key"],
                        signature=foreign["signature"])).status_code == 403
    assert hand_in(b"").status_code == 400
    assert hand_in(b"{}").status_code == 400
    assert hand_in(b"\x00\xff" * 5000).status_code == 400
    answer = api.request("POST", "/bundle-reports", json={"v": 1})
    assert answer.status_code == 400
    assert hand_in(good).json()["stored"] > 0
    # Of a node of another project nobody learns anything here.
    server_admin = site.agent.server.admin
    server_admin.post("/projects", {"name": "elsewhere-b"})
    elsewhere = server_admin.in_project("elsewhere-b")
    refused = elsewhere.request("POST", "/bundle-reports", data=json.dumps(good).encode(),
                                headers={"Content-Type": "application/octet-stream"})
    assert refused.status_code == 404
