# SPDX-License-Identifier: Apache-2.0
"""Rollouts through the API: what bad requests get, and what the buttons do. The nodes are fakes; what
real agents do with a rollout is in test_agent_changes.py and in the story."""
import hashlib
import json

import pytest

from harness import ApiError, FakeAgent, database, packages, wait_until
from harness.cli import Cli

DEFAULT = "default"


@pytest.fixture
def fleet(server):
    """The API in the project of three connected fakes, with a package, a config in two versions."""
    api = server.admin.in_project(DEFAULT)
    key = packages.ReleaseKey()
    suffix = hashlib.sha256(key.public.encode()).hexdigest()[:8]
    api.post("/release-keys", {"name": f"vendor {suffix}", "public_key": key.public})
    data = packages.archive()
    for version in ("1.0", "2.0"):
        manifest = packages.manifest(data, name=f"tool-{suffix}", version=version)
        assert packages.publish(api, data, key.sign(manifest)).status_code == 201
    api.post("/configs", {"name": f"conf-{suffix}"})
    for text in ("one\n", "two\n"):
        api.post(f"/configs/conf-{suffix}/versions", {"files": [{"path": "a.conf", "content": text}]})
    nodes = [FakeAgent(server, f"fake-{suffix}-{i}").connect() for i in range(3)]
    wait_until(lambda: all(api.get(f"/nodes/{n.node}")["status"] == "online" for n in nodes),
               "three nodes online")
    yield Fleet(server, api, nodes, suffix)
    for node in nodes:
        node.close()


class Fleet:
    def __init__(self, server, api, nodes, suffix):
        self.server, self.api, self.nodes, self.suffix = server, api, nodes, suffix

    def request(self, version="1.0", **more):
        return {
            "changes": [{"service": "tool", "run": True,
                         "package": {"name": f"tool-{self.suffix}", "version": version},
                         "config": {"name": f"conf-{self.suffix}", "version": 1}}],
            "targets": {"nodes": [node.node for node in self.nodes]},
            **more,
        }

    def start(self, version="1.0", **more):
        return self.api.post("/rollouts", self.request(version, **more))

    def told(self, node, rollout):
        """The generation of this rollout, once it has reached the node."""
        return node.open(node.wait("desired", lambda e: f'"rollout\\":\\"{rollout["id"]}'
                                   in str(node.open(e)).replace("'", '"')
                                   or rollout["id"] in node.open(e)["content"]))

    def answer(self, node, rollout, state="succeeded", desired=None, **more):
        desired = desired or self.told(node, rollout)
        node.stream("result", {"at": desired["issued"], "generation": desired["generation"],
                               "digest": desired["digest"], "rollout": rollout["id"],
                               "state": state, **more})
        return desired

    def wait_state(self, rollout, state):
        return wait_until(
            lambda: (now := self.api.get(f"/rollouts/{rollout['id']}"))["state"] == state and now,
            f"rollout {rollout['number']} {state}")


def refused(api, path, body, status, field):
    with pytest.raises(ApiError) as caught:
        api.post(path, body)
    assert caught.value.status == status, caught.value
    if field:
        assert caught.value.problem["errors"][0]["field"] == field, caught.value.problem
    return caught.value.problem


def test_a_rollout_reaches_its_nodes_and_ends(fleet):
    plan = fleet.api.post("/rollouts/plan", fleet.request())
    assert plan["counts"]["change"] == 3 and plan["counts"]["blocked"] == 0
    rollout = fleet.start(plan_hash=plan["plan_hash"])
    for node in fleet.nodes:
        desired = fleet.answer(node, rollout)
        assert "a.conf" in desired["content"] and len(desired["fetch"]) == 1
    done = fleet.wait_state(rollout, "succeeded")
    assert done["counts"]["succeeded"] == 3 and done["actions"]["rollback"] is None
    assert done["actions"]["pause"] == "it has succeeded"
    halt = fleet.request()
    halt["changes"] = [{"service": "tool", "run": False}]
    outlook = fleet.api.post("/rollouts/plan", halt)["nodes"][0]["services"][0]
    assert outlook["stop"] and not outlook["restart"] and not outlook["remove"]


def test_show_tells_why_a_node_failed(fleet, tmp_path):
    rollout = fleet.start(strategy={"waves": ["100%"]})
    ends = ("refused", "rolled_back", "rollback_failed")
    for node, state in zip(fleet.nodes, ends):
        fleet.answer(node, rollout, state, error={
            "phase": "verify", "code": "gate", "text": f"text of {state}", "service": "tool",
            "exit": {"code": -1, "signal": 9}, "probe": {"kind": "tcp", "text": "no answer"},
            "stderr": "one\ntwo\n"})
    wait_until(lambda: all(step["error"] for step in fleet.api.items(
        f"/rollouts/{rollout['id']}/steps")), "the errors of all steps")
    found = {step["error"]["outcome"]: step["state"]
             for step in fleet.api.items(f"/rollouts/{rollout['id']}/steps")}
    assert found == {"refused": "failed", "rolled_back": "rolled_back",
                     "rollback_failed": "rollback_failed"}
    cli = Cli(fleet.server, tmp_path, DEFAULT)
    cli.login()
    said = cli.run("rollout", "show", rollout["number"])
    for node, state in zip(fleet.nodes, ends):
        assert f"{node.name}: {state}: text of {state}\n" in said
    assert said.count("  service tool, in verify, code gate\n  killed by signal 9\n"
                      "  probe tcp: no answer\n  | one\n  | two\n") == 3


def test_waves_wait_for_each_other_and_a_failure_stops(fleet):
    rollout = fleet.start(strategy={"waves": [1, 2]})
    first = min(fleet.nodes, key=lambda node: node.name)
    fleet.answer(first, rollout, "rolled_back",
                 error={"phase": "verify", "code": "gate", "text": "no luck", "stderr": "why\n",
                        "service": "tool", "exit": {"code": 3, "signal": 0},
                        "probe": {"kind": "http", "text": "answered 503"}})
    paused = fleet.wait_state(rollout, "paused")
    assert paused["reason"] == "wave 1: 1 of 1 failed, 0 allowed"
    steps = fleet.api.items(f"/rollouts/{rollout['id']}/steps")
    assert sorted(step["state"] for step in steps) == ["pending", "pending", "rolled_back"]
    failed = next(step for step in steps if step["state"] == "rolled_back")
    assert failed["error"] == {
        "outcome": "rolled_back", "phase": "verify", "code": "gate", "text": "no luck",
        "stderr": "why\n", "service": "tool", "exit": {"code": 3, "signal": 0},
        "probe": {"kind": "http", "text": "answered 503"}}
    explained = fleet.api.get(f"/rollouts/{rollout['id']}/explain")
    assert "resume" in explained["waits_for"] and explained["until"] is None
    assert {"by": "operator", "action": "resume",
            "text": "goes on and accepts what has failed so far"} in explained["ways"]
    why = fleet.api.get(f"/rollouts/{rollout['id']}/steps/{first.name}/explain")
    assert why["text"].endswith("has put back what ran before: no luck")
    assert "retry" in [way["action"] for way in why["ways"]]
    last = max(fleet.nodes, key=lambda node: node.name)
    why = fleet.api.get(f"/rollouts/{rollout['id']}/steps/{last.name}/explain")
    assert why["text"] == f"Rollout {rollout['number']} is paused: wave 1: 1 of 1 failed, 0 allowed"
    with pytest.raises(ApiError) as caught:
        fleet.api.get(f"/rollouts/{rollout['id']}/steps/nobody/explain")
    assert caught.value.status == 404
    # The node was given back what it ran: nothing.
    back = first.open(first.wait("desired", lambda e: '"services":{}' in first.open(e)["content"]))
    assert back["generation"] > failed["generation"]
    aborted = fleet.api.post(f"/rollouts/{rollout['id']}/abort")
    assert aborted["state"] == "aborted" and aborted["counts"]["skipped"] == 2


def test_failures_are_grouped_by_kind(fleet, tmp_path):
    """Two nodes of one cause, one of another; then the same again, which is not new any more."""
    names = sorted(node.name for node in fleet.nodes)
    for attempt in range(2):
        rollout = fleet.start(version=["1.0", "2.0"][attempt], strategy={"max_failures": 2})
        for number, node in enumerate(sorted(fleet.nodes, key=lambda node: node.name)):
            fleet.answer(node, rollout, "rolled_back", error={
                "phase": "verify", "code": "gate", "text": "no luck", "service": "tool",
                "exit": {"code": 3, "signal": 0},
                "stderr": f"12:0{number}:11 pid {number}: " + ("no route\n" if number else "no room\n")})
        fleet.wait_state(rollout, "paused")
        page = fleet.api.get(f"/rollouts/{rollout['number']}/failures")
        assert page["total"] == 2 and [kind["count"] for kind in page["items"]] == [2, 1]
        route, room = page["items"]
        assert route["names"] == names[1:] and route["example"]["name"] == names[1]
        assert room["names"] == names[:1] and room["error"]["stderr"].endswith("no room\n")
        assert route["new"] == room["new"] == (attempt == 0)
        assert route["known_from"] == rollout["number"] - attempt
        steps = fleet.api.items(
            f"/rollouts/{rollout['id']}/steps?fingerprint={route['fingerprint']}")
        assert sorted(step["name"] for step in steps) == names[1:]
        assert {step["fingerprint"] for step in steps} == {route["fingerprint"]}
        cli = Cli(fleet.server, tmp_path, DEFAULT)
        cli.login()
        said = cli.run("rollout", "failures", rollout["number"])
        assert f"{room['fingerprint']}: rolled_back: no luck\n" in said and "no room" in said
        assert names[1] not in cli.run("rollout", "steps", rollout["number"], "--fingerprint",
                                       room["fingerprint"])
        fleet.api.post(f"/rollouts/{rollout['id']}/abort")


def test_a_new_kind_of_failure_stops(fleet):
    rollout = fleet.start(strategy={"waves": [1, 1, 1], "max_failures": 1, "new_failure": "stop"})
    first, second, third = sorted(fleet.nodes, key=lambda node: node.name)
    error = {"phase": "verify", "code": "gate", "text": "bad luck", "service": "tool"}
    fleet.answer(first, rollout, "rolled_back", error=error)
    paused = fleet.wait_state(rollout, "paused")
    assert paused["reason"] == f"a new kind of failure, first on {first.name}: bad luck"
    fleet.api.post(f"/rollouts/{rollout['id']}/resume")
    # Accepted: the next one of this kind is within what max_failures allows.
    fleet.answer(second, rollout, "rolled_back", error=error)
    fleet.answer(third, rollout, "rolled_back", error={**error, "code": "digest"})
    paused = fleet.wait_state(rollout, "paused")
    assert paused["reason"] == f"a new kind of failure, first on {third.name}: bad luck"
    fleet.api.post(f"/rollouts/{rollout['id']}/resume")
    fleet.wait_state(rollout, "succeeded")


def test_pause_holds_what_has_not_begun(fleet):
    rollout = fleet.start(strategy={"waves": [1, 2]})
    first = min(fleet.nodes, key=lambda node: node.name)
    waiting = fleet.told(first, rollout)
    paused = fleet.api.post(f"/rollouts/{rollout['id']}/pause")
    assert paused["state"] == "paused" and paused["reason"].startswith("by ")
    refused(fleet.api, f"/rollouts/{rollout['id']}/pause", {}, 409, None)
    fleet.api.post(f"/rollouts/{rollout['id']}/resume")
    fleet.api.post(f"/rollouts/{rollout['id']}/promote")
    for node in fleet.nodes:
        if node is not first:
            fleet.answer(node, rollout)
    wait_until(lambda: fleet.api.get(f"/rollouts/{rollout['id']}")["counts"]["succeeded"] == 2,
               "the second wave")
    # Promoted does not mean forgotten: the rollout ends with the first node's verdict only.
    third = fleet.start(version="2.0", targets={"nodes": [fleet.nodes[1].node]})
    fleet.answer(fleet.nodes[1], third)
    fleet.wait_state(third, "succeeded")
    assert fleet.api.get(f"/rollouts/{rollout['id']}")["state"] == "running"
    fleet.answer(first, rollout, desired=waiting)
    fleet.wait_state(rollout, "succeeded")


def test_a_draft_waits_and_a_second_person_approves(fleet):
    rollout = fleet.start(draft=True, strategy={"approval": True})
    assert rollout["state"] == "draft" and rollout["actions"]["start"] is None
    asked = fleet.api.post(f"/rollouts/{rollout['id']}/start")
    assert asked["state"] == "awaiting_approval"
    problem = refused(fleet.api, f"/rollouts/{rollout['id']}/approve", {}, 409, None)
    assert "second person" in problem["detail"]
    # A token of one's own is not a second person, nor is one that was made with it.
    own = fleet.api.post("/tokens", {"name": f"own {fleet.suffix}", "role": "admin"})["token"]
    again = fleet.api.with_token(own).post("/tokens", {"name": f"again {fleet.suffix}",
                                                       "role": "approver"})["token"]
    for token in (own, again):
        problem = refused(fleet.api.with_token(token), f"/rollouts/{rollout['id']}/approve", {},
                          409, None)
        assert "second person" in problem["detail"]
    login, password = f"second-{fleet.suffix}", "a long password"
    fleet.api.post("/users", {"login": login, "password": password, "role": "approver"})
    second = fleet.server.api()
    second.sign_in(login, password)
    approved = second.post(f"/rollouts/{rollout['id']}/approve")
    assert approved["state"] == "running" and approved["approved_by"]
    fleet.api.post(f"/rollouts/{rollout['id']}/abort")


def test_a_rollout_that_trips_the_server_does_not_hold_up_the_others(fleet):
    broken = fleet.start(draft=True)
    database(fleet.server, "UPDATE rollout SET state = 'running', strategy = '{\"waves\": 7}'"
             " WHERE id = %s", (broken["id"],))
    try:
        rollout = fleet.start()
        for node in fleet.nodes:
            fleet.answer(node, rollout)
        fleet.wait_state(rollout, "succeeded")
        assert f"rollout {broken['number']}: " in fleet.server.log()
    finally:
        # What is listed later must be as the API describes it.
        database(fleet.server, "UPDATE rollout SET state = 'aborted', strategy = %s WHERE id = %s",
                 (json.dumps(broken["strategy"]), broken["id"]))


def test_a_stale_plan_is_a_conflict(fleet):
    plan = fleet.api.post("/rollouts/plan", fleet.request())
    fleet.api.post(f"/nodes/{fleet.nodes[0].node}/retire")
    problem = refused(fleet.api, "/rollouts", {**fleet.request(), "plan_hash": plan["plan_hash"],
                                               "targets": {"nodes": [n.node for n in fleet.nodes[1:]]}},
                      409, "plan_hash")
    assert "plan again" in problem["detail"]


def test_a_revision_guards_the_buttons(fleet):
    rollout = fleet.start(draft=True)
    response = fleet.api.request("POST", f"/rollouts/{rollout['id']}/start", data="{}", headers={
        "Content-Type": "application/json", "If-Match": '"99"'})
    assert response.status_code == 412
    assert fleet.api.get(f"/rollouts/{rollout['number']}")["state"] == "draft"


@pytest.mark.parametrize("change, field", [
    ({"changes": []}, "changes"),
    ({"changes": [{"service": "Tool", "run": True}]}, "changes[0].service"),
    ({"changes": [{"service": "tool", "package": {"name": "nothing", "version": "1"}}]},
     "changes[0].package"),
    ({"changes": [{"service": "tool", "config": {"name": "nothing"}}]}, "changes[0].config.name"),
    ({"changes": [{"service": "tool", "colour": 1}]}, "changes[0].colour"),
    ({"targets": {"selector": "site in ("}}, "targets.selector"),
    ({"targets": {"selector": ""}}, "targets"),
    ({"targets": {"nodes": ["nobody"]}}, "targets.nodes"),
    ({"strategy": {"waves": ["half"]}}, "strategy.waves[0]"),
    ({"strategy": {"max_failures": 3}}, "strategy.max_failures"),
    ({"surprise": 1}, "surprise"),
])
def test_bad_requests_name_the_place_and_store_nothing(fleet, change, field):
    before = fleet.api.get("/rollouts")["total"]
    refused(fleet.api, "/rollouts", {**fleet.request(), **change}, 400, field)
    assert fleet.api.get("/rollouts")["total"] == before


def test_an_undefined_variable_is_refused_with_its_place(fleet):
    name = f"conf-{fleet.suffix}"
    fleet.api.post(f"/configs/{name}/versions",
                   {"files": [{"path": "a.conf", "content": "ok\nport ${no_such_port}\n"}]})
    request = fleet.request()
    request["changes"][0]["config"]["version"] = 3
    plan = fleet.api.post("/rollouts/plan", request)
    assert plan["counts"]["blocked"] == 3
    problem = refused(fleet.api, "/rollouts", request, 400, "targets")
    assert "a.conf:2:6" in problem["detail"] and "no_such_port" in problem["detail"]
