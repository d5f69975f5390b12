# SPDX-License-Identifier: Apache-2.0
"""A fleet that misbehaves in every way that muster-sim knows: what was lost on the way comes again, and its checker finds
nothing lost, invented or done twice."""
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from harness import Simulated, wait_until
from harness.changes import Vendor, wait_for_rollout

CHECK = pathlib.Path(__file__).resolve().parents[1] / "load" / "check.py"
NODES = 200
MISBEHAVIOUR = {
    "fail": 0.2, "offline": 0.1, "outage": "2s", "drop": 0.05, "duplicate": 0.1, "reorder": 0.1,
    "retry": "2s", "reconnect_max": "2s", "verify": 1, "log_rate": 0.2, "log_batch": 2,
    "event_rate": 6, "apply_min": "0s", "apply_max": "2s", "heartbeat": "3s",
}


@pytest.fixture(scope="module")
def place():
    with Simulated() as found:
        found.vendor = Vendor(found.api)
        for version in ("1.0", "2.0"):
            found.vendor.release("tool", version, "exec sleep 1000\n")
        yield found


def roll_out(place, version, nodes):
    made = place.api.post("/rollouts", {
        "name": version, "targets": {"selector": "fleet=sim", "confirm_count": nodes},
        "changes": [{"service": "tool", "run": True,
                     "package": {"name": "tool", "version": version}}],
        "strategy": {"health_gate_ms": 0, "max_failures": nodes - 1, "offline": "wait"}})
    return wait_for_rollout(place.api, made["id"])


def check(place, log):
    return subprocess.run([sys.executable, CHECK, "--log", log, "--database",
                           place.postgres.dsn()], capture_output=True, text=True, check=False,
                          timeout=120)


def test_everything_gets_through_a_misbehaving_fleet(place, tmp_path):
    log = tmp_path / "log"
    sim = place.play(NODES, state=tmp_path / "state", log=log, duration="0s", seed=7,
                     **MISBEHAVIOUR)
    sim.wait_log("running:", 300)
    for version in ("1.0", "2.0"):
        done = roll_out(place, version, NODES)
        assert done["state"] == "succeeded", done
        assert done["counts"]["succeeded"] + done["counts"]["failed"] == NODES
        assert done["counts"]["failed"] > NODES * 0.05
    figures = place.finish(sim, signal.SIGTERM)
    counters = figures["counters"]
    assert figures["faults"] == 0 and counters["unacked"] == 0
    for name in ("dropped", "duplicated", "reordered", "resent", "outages", "failed", "applied"):
        assert counters[name] > 0, (name, counters)
    assert counters["log_lines_acked"] == counters["log_lines"] > 0
    for rollout in figures["rollouts"]:
        assert rollout["confirmed"] == NODES and rollout["delivered_lag"]["count"] == NODES
    green = check(place, log)
    assert green.returncode == 0, green.stdout + green.stderr
    assert "green" in green.stdout


def test_the_checker_sees_what_is_wrong(place, tmp_path):
    """Whatever is changed in the database afterwards, the log knows better."""
    log = tmp_path / "log"
    sim = place.play(5, name="wrong", log=log, duration="0s", log_rate=5, log_batch=1,
                     apply_max="500ms", apply_min="0s")
    sim.wait_log("running:", 300)
    made = place.api.post("/rollouts", {
        "name": "wrong", "targets": {"selector": "fleet=wrong", "confirm_count": 5},
        "strategy": {"health_gate_ms": 0},
        "changes": [{"service": "tool", "run": True, "package": {"name": "tool", "version": "1.0"}}]})
    rollout = wait_for_rollout(place.api, made["id"])
    place.finish(sim, signal.SIGTERM)
    assert check(place, log).returncode == 0
    for sql, kind in (
            ("UPDATE rollout_step SET state = 'rolled_back' WHERE rollout_id = %s AND node_id ="
             " (SELECT min(node_id) FROM rollout_step WHERE rollout_id = %s)", "one result"),
            ("UPDATE node_desired SET digest = 'sha256:' || repeat('ab', 32) WHERE rollout_id = %s"
             " AND node_id = (SELECT max(node_id) FROM rollout_step WHERE rollout_id = %s)",
             "given"),
            ("DELETE FROM log_line WHERE id = (SELECT max(l.id) FROM log_line l JOIN rollout_step s"
             " USING (node_id) WHERE s.rollout_id = %s AND s.rollout_id = %s)", "kept")):
        place.postgres.execute(sql, (rollout["id"], rollout["id"]))
        found = check(place, log)
        assert found.returncode == 1 and f"{kind}: n" in found.stdout, found.stdout + found.stderr


def test_nodes_are_kept_for_the_next_run(place, tmp_path):
    state = tmp_path / "state"
    first = place.finish(place.play(4, name="kept", state=state, duration="1s"))
    assert first["counters"]["answered"] == 4
    # More nodes: only those that are missing are enrolled, and the others are who they were.
    known = (state / "nodes.jsonl").read_text().splitlines()
    again = place.play(4, state=state, duration="1s")
    assert place.finish(again)["counters"]["answered"] == 4
    assert "enrolled" not in again.log()
    assert (state / "nodes.jsonl").read_text().splitlines() == known
    assert place.postgres.execute("SELECT count(*) FROM node WHERE name LIKE 'kept-%'") == [(4,)]
    # Of several brokers that the server names, any that answers will do.
    fleet = json.loads((state / "fleet.json").read_text())
    fleet["brokers"] = ["mqtt://127.0.0.1:1", f"mqtt://127.0.0.1:{place.broker.plain_port}"]
    (state / "fleet.json").write_text(json.dumps(fleet))
    assert place.finish(place.play(4, state=state, duration="1s", broker=""))["counters"]["answered"] == 4


def test_a_storm_brings_all_back(place):
    sim = place.play(20, name="storm", duration="0s", reconnect_max="1s")
    sim.wait_log("running:", 300)
    sim.send_signal(signal.SIGUSR1)
    wait_until(lambda: place.postgres.execute(
        "SELECT count(*) FROM node WHERE name LIKE 'storm-%' AND online") == [(20,)], "all back")
    sim.wait_log("running: 20 of 20 online")
    figures = place.finish(sim, signal.SIGTERM)
    assert figures["counters"]["connects"] == 40 and figures["counters"]["outages"] == 20
    assert figures["storm_nodes"] == 20


def test_over_mutual_tls(place, tmp_path):
    sim = place.play(5, name="tls", broker=place.broker.url, duration="1s", processes=2)
    figures = place.finish(sim)
    assert figures["counters"]["answered"] == 5 and figures["counters"]["connect_failures"] == 0


def test_a_killed_simulator_leaves_no_process(place):
    sim = place.play(4, name="killed", duration="0s", processes=2)
    sim.wait_log("running:", 300)
    workers = children(sim.pid)
    assert len(workers) == 2
    sim.kill()
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), "no worker")


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return list(map(int, file.read().split()))


@pytest.mark.parametrize("options, said", [
    (["--nodes", "3"], "--url and --token are needed"),
    (["--fail", "1.5"], "--fail is a number from 0 to 1"),
    (["--health", "loud"], "--health is auto, full or beat"),
    (["--nodes", "0"], "nodes"),
    (["--apply-min", "2s", "--apply-max", "1s"], "--apply-max is less"),
    (["rest"], "unexpected argument rest"),
])
def test_wrong_options_are_named(options, said):
    from harness import program
    done = subprocess.run([program("muster-sim"), *options], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode in (1, 2) and said in done.stderr, done.stderr


def test_a_refused_token_ends_it(place):
    from harness import program
    done = subprocess.run([program("muster-sim"), "--nodes", "3", "--url", place.server.url,
                           "--token", "mse_wrong"], capture_output=True, text=True, check=False,
                          timeout=60)
    assert done.returncode == 1 and "enrolment token is not known" in done.stderr, done.stderr
    done = subprocess.run([program("muster-sim"), "--nodes", "3", "--url", place.server.url,
                           "--token", "mse_wrong", "--ca-fingerprint", "00" * 32],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "not the one given" in done.stderr, done.stderr
