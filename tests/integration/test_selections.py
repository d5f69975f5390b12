# SPDX-License-Identifier: Apache-2.0
"""Selections: what was counted is what an action reaches, or it is refused."""
import secrets

import pytest

from harness import ApiError, database
from harness.cli import Cli


@pytest.fixture
def fleet(server):
    """A project of its own with three nodes: "everything" is these."""
    name = f"sel-{secrets.token_hex(4)}"
    server.admin.post("/projects", {"name": name})
    nodes = [seed(server, name, f"{name}-{i}") for i in range(3)]
    return Fleet(server, name, nodes)


def seed(server, project, name):
    ident = "n" + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(20))
    database(server, "INSERT INTO node (id, project_id, name, labels, shard, state, online)"
             " SELECT %s, id, %s, '{\"site\": \"a\"}', 0, 'active', true FROM project WHERE name = %s",
             (ident, name, project))
    return ident


class Fleet:
    def __init__(self, server, project, nodes):
        self.server, self.project, self.nodes = server, project, nodes
        self.api = server.admin.in_project(project)

    def refused(self, path, body, status, field=None):
        with pytest.raises(ApiError) as caught:
            self.api.post(path, body)
        assert caught.value.status == status, caught.value
        if field:
            assert caught.value.problem["errors"][0]["field"] == field
        return caught.value.problem["detail"]


def test_a_selection_that_moved_is_refused(fleet):
    chosen = fleet.api.post("/selections", {"selector": "site=a"})
    assert chosen["count"] == 3 and chosen["everything"]
    seed(fleet.server, fleet.project, f"{fleet.project}-new")
    now = fleet.api.get(f"/selections/{chosen['id']}")["now"]
    assert now == {"count": 4, "added": 1, "gone": 0}
    said = fleet.refused(f"/selections/{chosen['id']}/labels",
                         {"set": {"x": "y"}, "confirm_count": 3}, 409, "selection")
    assert "3 nodes" in said and "1 new" in said
    fleet.refused("/rollouts/plan", {"changes": [{"service": "s", "run": False}],
                                     "targets": {"selection": chosen["id"]}}, 409, "targets.selection")
    fleet.refused("/selections", {"selector": "site=nowhere"}, 400, "selector")
    fleet.refused("/selections", {"nodes": ["nobody"]}, 400, "nodes")
    fleet.refused("/selections", {}, 400, "selector")


def test_everything_wants_the_count_typed(fleet):
    chosen = fleet.api.post("/selections", {"selector": "*"})
    path = f"/selections/{chosen['id']}/labels"
    assert "3" in fleet.refused(path, {"set": {"line": "1"}}, 400, "confirm_count")
    fleet.refused(path, {"set": {"line": "1"}, "confirm_count": 2}, 409, "confirm_count")
    assert fleet.api.post(path, {"set": {"line": "1"}, "confirm_count": 3}) == {"changed": 3}
    assert fleet.api.post(path, {"set": {"line": "1"}, "confirm_count": 3}) == {"changed": 0}
    assert fleet.api.post(path, {"remove": ["site"], "confirm_count": 3}) == {"changed": 3}
    assert fleet.api.get(f"/nodes/{fleet.nodes[0]}")["labels"] == {"line": "1"}
    fleet.refused(path, {"confirm_count": 3}, 400, "set")
    fleet.refused(path, {"set": {"bad key": "1"}, "confirm_count": 3}, 400)


def test_a_rollout_on_everything_wants_the_count_typed(fleet):
    body = {"changes": [{"service": "s", "remove": True}], "targets": {"selector": "*"}}
    assert fleet.api.post("/rollouts/plan", body)["everything"]
    fleet.refused("/rollouts", body, 400, "targets.confirm_count")
    chosen = fleet.api.post("/selections", {"nodes": [fleet.nodes[0]]})
    rollout = fleet.api.post("/rollouts", {**body, "draft": True, "targets": {"selection": chosen["id"]}})
    assert rollout["counts"]["total"] == 1
    body["targets"]["confirm_count"] = 3
    assert fleet.api.post("/rollouts", {**body, "draft": True})["counts"]["total"] == 3


def test_a_list_is_retired_as_a_whole_and_by_the_command(fleet, tmp_path):
    cli = Cli(fleet.server, tmp_path, fleet.project)
    cli.login()
    chosen = cli.json("selection", "create", "--node", fleet.nodes[0], "--node", fleet.nodes[1])
    assert "nodes now 2 " in " ".join(cli.run("selection", "show", chosen["id"]).split())
    assert "2 nodes labelled" in cli.run("selection", "label", chosen["id"], "line=4")
    assert "--yes" in cli.run("selection", "retire", chosen["id"], status=1)
    assert "2 nodes retired" in cli.run("selection", "retire", chosen["id"], "--yes")
    assert fleet.api.get(f"/nodes/{fleet.nodes[0]}")["status"] == "retired"
    # Nobody is left of it.
    fleet.refused(f"/selections/{chosen['id']}/retire", {}, 409, "selection")
    cli.run("selection", "delete", chosen["id"])
