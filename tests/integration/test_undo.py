# SPDX-License-Identifier: Apache-2.0
"""Going back: of one wave, of chosen nodes, of the failed ones, and to an earlier moment; each planned first.
The nodes are the fakes of test_rollouts.py."""
import datetime

import pytest

from harness import ApiError, database
from harness.cli import Cli
from test_rollouts import DEFAULT, fleet, refused  # noqa: F401 (a fixture)


def run(fleet, version, **more):  # noqa: F811
    rollout = fleet.start(version, **more)
    for node in sorted(fleet.nodes, key=lambda n: n.name):
        fleet.answer(node, rollout)
    return fleet.wait_state(rollout, "succeeded")


def version_of(desired):
    return "2.0" if '"version":"2.0"' in desired["content"] else "1.0"


def test_a_wave_and_single_nodes_are_taken_back(fleet, tmp_path):  # noqa: F811
    first, second, third = sorted(fleet.nodes, key=lambda n: n.name)
    run(fleet, "1.0")
    newer = run(fleet, "2.0", strategy={"waves": [1, 2]})
    path = f"/rollouts/{newer['id']}/rollback"
    plan = fleet.api.post(f"{path}/plan", {"wave": 1})
    assert plan["counts"]["nodes"] == plan["counts"]["change"] == 1
    package = plan["groups"][0]["services"][0]["package"]
    assert package == {"from": "2.0", "to": "1.0"} and plan["groups"][0]["restarts"]
    back = fleet.api.post(path, {"wave": 1, "plan_hash": plan["plan_hash"]})
    assert back["kind"] == "rollback" and back["rollback_of"] is None
    assert back["undo"] == {"rollout": newer["id"], "number": newer["number"], "wave": 1}
    assert version_of(fleet.answer(first, back)) == "1.0"
    fleet.wait_state(back, "succeeded")
    assert fleet.api.get(f"/rollouts/{newer['id']}")["state"] == "succeeded"
    # What was taken back is not taken back twice, and the plan of before is refused with one of now.
    refused(fleet.api, path, {"wave": 1}, 409, None)
    problem = refused(fleet.api, path, {"wave": 1, "plan_hash": plan["plan_hash"]}, 409, "plan_hash")
    assert problem["plan"]["counts"]["same"] == 1
    assert "nothing to undo" in refused(fleet.api, path, {"only": "failed"}, 409, None)["detail"]
    cli = Cli(fleet.server, tmp_path, DEFAULT)
    cli.login()
    said = cli.run("rollout", "undo", newer["number"], "--node", third.node, "--plan", "--diff")
    assert "package 2.0 -> 1.0" in said and "1 nodes change" in said
    assert "either ROLLOUT or --at" in cli.run("rollout", "undo", status=1)
    assert "where?" in cli.run("rollout", "undo", "--at", "2026-01-01T00:00:00Z", status=1)
    some = cli.json("rollout", "undo", newer["number"], "--node", third.node)
    assert some["counts"]["total"] == 1 and version_of(fleet.answer(third, some)) == "1.0"
    fleet.wait_state(some, "succeeded")
    # The whole is what is left of it.
    whole = fleet.api.post(f"{path}/plan")
    assert whole["counts"]["change"] == 1 and whole["counts"]["same"] == 2
    last = fleet.api.post(path, {"plan_hash": whole["plan_hash"]})
    assert last["rollback_of"] == newer["id"]
    assert version_of(fleet.answer(second, last)) == "1.0"
    fleet.wait_state(newer, "rolled_back")


def test_the_fleet_as_it_was_at_a_moment(fleet):  # noqa: F811
    old = run(fleet, "1.0")
    contents = {n.node: fleet.api.get(f"/nodes/{n.node}/desired")["content"] for n in fleet.nodes}
    moment = fleet.api.get(f"/rollouts/{old['id']}")["finished_at"]
    request = {"restore": {"at": moment}, "targets": {"nodes": [n.node for n in fleet.nodes]}}
    assert fleet.api.post("/rollouts/plan", request)["counts"]["same"] == 3
    assert "as they were" in refused(fleet.api, "/rollouts", request, 409, None)["detail"]
    run(fleet, "2.0", strategy={"waves": ["100%"]})
    plan = fleet.api.post("/rollouts/plan", request)
    assert plan["counts"]["change"] == 3 and len(plan["groups"]) == 1 and plan["restore_at"] == moment
    assert plan["groups"][0]["services"][0]["package"] == {"from": "2.0", "to": "1.0"}
    back = fleet.api.post("/rollouts", {**request, "plan_hash": plan["plan_hash"]})
    assert back["kind"] == "rollback" and back["undo"] == {"at": moment} and moment in back["name"]
    for node in fleet.nodes:
        fleet.answer(node, back)
    fleet.wait_state(back, "succeeded")
    for node in fleet.nodes:
        now = fleet.api.get(f"/nodes/{node.node}/desired")["content"]
        assert now["services"] == contents[node.node]["services"]
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    for at, words in ((later.strftime("%Y-%m-%dT%H:%M:%SZ"), "not been yet"),
                      ("2001-01-01T00:00:00Z", "is known from")):
        with pytest.raises(ApiError) as caught:
            fleet.api.post("/rollouts/plan", {**request, "restore": {"at": at}})
        assert caught.value.status == 400 and words in caught.value.problem["detail"]
    refused(fleet.api, "/rollouts/plan", {**request, "changes": []}, 400, "restore")


def test_the_baseline_says_which_rollout_gave_what(fleet, tmp_path):  # noqa: F811
    node = fleet.nodes[0]
    assert fleet.api.get(f"/nodes/{node.node}/baseline")["services"] == []
    first = run(fleet, "1.0")
    second = run(fleet, "2.0")
    service = fleet.api.get(f"/nodes/{node.node}/baseline")["services"][0]
    assert service["service"] == "tool" and service["package"]["version"] == "2.0" and service["since"]
    assert service["config"] == {"name": f"conf-{fleet.suffix}", "version": 1}
    assert service["rollout"]["number"] == second["number"] and service["rollout"]["created_by"] == "admin"
    told = fleet.api.items(f"/nodes/{node.node}/history", limit=1)
    assert [row["rollout"]["number"] for row in told] == [second["number"], first["number"]]
    cli = Cli(fleet.server, tmp_path, DEFAULT)
    cli.login()
    assert f"tool-{fleet.suffix}" in cli.run("node", "baseline", node.node)
    assert cli.run("node", "history", node.node).count("tool") >= 2
    # What the node says about its files, with the moment since when it has said so.
    database(fleet.server, "UPDATE node_service SET drift = true, drift_files = '{a.conf}' WHERE node_id = %s",
             (node.node,))
    drift = [row for row in fleet.api.items("/drift") if row["node"] == node.node]
    assert drift[0]["files"] == ["a.conf"] and drift[0]["service"] == "tool" and drift[0]["since"]
    assert "a.conf" in cli.run("drift", "list", "--all")
    database(fleet.server, "UPDATE node_service SET drift = false WHERE node_id = %s", (node.node,))
    assert not [row for row in fleet.api.items("/drift") if row["node"] == node.node]
