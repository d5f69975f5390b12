# SPDX-License-Identifier: Apache-2.0
"""What a plan foresees: groups of nodes with the same outcome, what is in the way, what others have in hand,
and that the hash of another plan is refused with the plan of now."""
import secrets

import pytest

from harness import ApiError, database, packages

DEFAULT = "default"


def seed(server, project, names, **labels):
    """Nodes as rows: planning needs no device."""
    for name in names:
        ident = "n" + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(20))
        database(server, "INSERT INTO node (id, project_id, name, labels, shard, state, online, platform)"
                 " SELECT %s, id, %s, jsonb_build_object('batch', %s::text), 0, 'active', true,"
                 " 'linux-amd64' FROM project WHERE name = %s",
                 (ident, name, labels["batch"], project))


class Fleet:
    def __init__(self, server):
        self.server = server
        self.api = server.admin.in_project(DEFAULT)
        self.suffix = secrets.token_hex(4)
        key = packages.ReleaseKey()
        self.api.post("/release-keys", {"name": f"plan {self.suffix}", "public_key": key.public})
        data = packages.archive()
        manifest = packages.manifest(data, name=f"tool-{self.suffix}", version="1.0")
        assert packages.publish(self.api, data, key.sign(manifest)).status_code == 201
        self.config = f"plan-{self.suffix}"
        self.api.post("/configs", {"name": self.config})
        self.push("line ${line_id}\nport ${port:-1883}\n")
        self.names = [f"plan-{self.suffix}-{i}" for i in range(6)]
        seed(server, DEFAULT, self.names, batch=self.suffix)
        seed(server, DEFAULT, [f"aside-{self.suffix}"], batch="none")
        for name in self.names[:5]:
            self.api.put(f"/nodes/{name}/variables/line_id", {"value": "7" if name != self.names[4] else "8"})

    def push(self, text):
        return self.api.post(f"/configs/{self.config}/versions",
                             {"files": [{"path": "a.conf", "content": text}]})

    def request(self, **more):
        return {"changes": [{"service": "tool", "package": {"name": f"tool-{self.suffix}", "version": "1.0"},
                             "config": {"name": self.config}}],
                "targets": {"selector": f"batch={self.suffix}"}, **more}

    def plan(self, **more):
        return self.api.post("/rollouts/plan", self.request(**more))


@pytest.fixture
def fleet(server):
    return Fleet(server)


def test_nodes_with_the_same_outcome_are_one_group(fleet):
    plan = fleet.plan()
    assert plan["counts"] == {"nodes": 6, "change": 5, "same": 0, "blocked": 1, "offline": 0, "groups": 3}
    most, one, blocked = plan["groups"]
    assert (most["kind"], most["count"], most["no"]) == ("change", 4, 1)
    assert most["nodes"] == fleet.names[:4] and most["restarts"]
    file = most["services"][0]["config"]["files"][0]
    assert file["path"] == "a.conf" and file["change"] == "added" and not file["binary"]
    assert file["diff"] == "@@ -0,0 +1,2 @@\n+line 7\n+port 1883\n" and not file["truncated"]
    assert one["count"] == 1 and "+line 8\n" in one["services"][0]["config"]["files"][0]["diff"]
    assert blocked["kind"] == "blocked" and '"line_id" is not defined' in blocked["blocked"]
    assert fleet.names[5] not in blocked["blocked"] and blocked["nodes"] == [fleet.names[5]]
    assert plan["expected_ms"] is None and most["duration"] is None and not plan["everything"]
    assert most["fetch_bytes"] > 0
    # The nodes themselves do not repeat the texts.
    assert "diff" not in plan["nodes"][0]["services"][0]["config"]["files"][0]
    paged = fleet.api.items(f"/plans/{plan['plan_hash']}/nodes", list="group-1", limit=3)
    assert [node["name"] for node in paged] == fleet.names[:4]
    with pytest.raises(ApiError) as caught:
        fleet.api.get(f"/plans/{plan['plan_hash']}/nodes?list=group-9")
    assert caught.value.status == 400


def test_the_hash_of_another_plan_brings_the_plan_of_now(fleet):
    targets = {"targets": {"nodes": fleet.names[:5]}}
    plan = fleet.plan(**targets)
    assert fleet.plan(**targets)["plan_hash"] == plan["plan_hash"]
    fleet.api.put(f"/nodes/{fleet.names[0]}/variables/port", {"value": "1884"})
    with pytest.raises(ApiError) as caught:
        fleet.api.post("/rollouts", fleet.request(plan_hash=plan["plan_hash"], **targets))
    assert caught.value.status == 409
    now = caught.value.problem["plan"]
    assert now["plan_hash"] != plan["plan_hash"] and now["counts"]["groups"] == 3
    assert fleet.api.items(f"/plans/{now['plan_hash']}/nodes", list="all")
    # A variable that no file asks for is nobody's business.
    fleet.api.put(f"/nodes/{fleet.names[0]}/variables/unused", {"value": "x"})
    rollout = fleet.api.post("/rollouts", fleet.request(plan_hash=now["plan_hash"], **targets))
    assert rollout["plan_hash"] == now["plan_hash"]
    # What another rollout has in hand is said.
    held = [h for h in fleet.plan(**targets)["held"] if h["rollout"] == rollout["id"]]
    assert held[0]["count"] == 5 and held[0]["nodes"] == fleet.names[:5]
    fleet.api.post(f"/rollouts/{rollout['id']}/abort")


def test_offline_and_retired_nodes_are_told(fleet):
    database(fleet.server, "UPDATE node SET online = false WHERE name = %s", (fleet.names[1],))
    plan = fleet.plan(targets={"nodes": fleet.names[:2]})
    assert plan["offline"] == {"count": 1, "nodes": [fleet.names[1]]}
    fleet.api.post(f"/nodes/{fleet.names[1]}/retire")
    with pytest.raises(ApiError) as caught:
        fleet.plan(targets={"nodes": fleet.names[:2]})
    assert caught.value.status == 400 and "is retired" in caught.value.problem["detail"]
