# SPDX-License-Identifier: Apache-2.0
"""The inventory: found by selector, status and text, changed under optimistic locks, retired."""
import pytest

from harness import enrolment


@pytest.fixture
def nodes(api):
    """Four nodes that enrolled but never connected."""
    return {name: enrolment.enroll(api, name=name, labels=labels)["node_id"] for name, labels in {
        "gw-1": {"site": "a", "line": "1"}, "gw-2": {"site": "a", "line": "2"},
        "gw-3": {"site": "b", "line": "3", "spare": ""}, "other": {}}.items()}


def names(api, **params):
    return [node["name"] for node in api.items("/nodes", **params)]


def test_list_by_selector(api, nodes):
    assert names(api) == ["gw-1", "gw-2", "gw-3", "other"]
    assert names(api, selector="*") == names(api)
    assert names(api, selector="") == []
    assert names(api, selector="site=a") == ["gw-1", "gw-2"]
    assert names(api, selector="site in (a,b),line>1") == ["gw-2", "gw-3"]
    assert names(api, selector="!site") == ["other"]
    assert names(api, selector="site!=a") == ["gw-3", "other"]
    assert names(api, selector="spare") == ["gw-3"]
    assert names(api, selector="site notin (a),site") == ["gw-3"]


def test_list_by_status_and_text(api, nodes):
    assert names(api, status="pending", text="GW-") == ["gw-1", "gw-2", "gw-3"]
    assert names(api, status="online") == []
    assert names(api, text=nodes["other"]) == ["other"]
    assert names(api, text="%") == []


@pytest.mark.parametrize("sort", ["name", "-last_seen"])
def test_pages_have_everything_once(api, nodes, sort):
    assert sorted(names(api, limit=1, sort=sort)) == names(api)
    page = api.get("/nodes", limit=3, sort=sort)
    assert page["total"] == 4 and len(page["items"]) == 3


@pytest.mark.parametrize("params, field", [
    ({"selector": "site="}, None), ({"selector": "site in"}, "selector"),
    ({"selector": "a,,b"}, "selector"), ({"selector": "x" * 5000}, "selector"),
    ({"status": "happy"}, "status"), ({"sort": "size"}, "sort"), ({"limit": "0"}, "limit"),
    ({"limit": "501"}, "limit"), ({"cursor": "!"}, "cursor"), ({"text": "x" * 200}, "text"),
    ({"sort": "-last_seen", "cursor": "WyJ4IiwieSJd"}, "cursor"),
])
def test_wrong_query_is_named(api, params, field):
    response = api.request("GET", "/nodes", params=params)
    if field is None:
        assert response.status_code == 200
        return
    assert response.status_code == 400
    assert [e["field"] for e in response.json()["errors"]] == [field]


def test_selector_error_names_the_position(api):
    problem = api.request("GET", "/nodes", params={"selector": "site=a,line within"}).json()
    assert "position 13" in problem["detail"]


def test_node_by_id_and_by_name(api, nodes):
    by_name = api.get("/nodes/gw-1")
    assert by_name == api.get(f"/nodes/{nodes['gw-1']}")
    assert by_name["status"] == "pending" and by_name["reason"]
    assert by_name["labels"] == {"site": "a", "line": "1"}
    assert api.request("GET", "/nodes/nobody").status_code == 404
    explained = api.get("/nodes/gw-1/explain")
    assert "enrolled" in explained["text"] and explained["waits_for"]
    assert api.get("/nodes/gw-1/desired")["generation"] == 0


def test_rename_and_relabel(api, nodes):
    response = api.request("GET", "/nodes/gw-1")
    etag = response.headers["ETag"]
    changed = api.patch("/nodes/gw-1", {"name": "gw-9", "labels": {"site": "c"}},
                        headers={"If-Match": etag})
    assert changed["name"] == "gw-9" and changed["labels"] == {"site": "c"}
    again = api.request("PATCH", "/nodes/gw-9", json={"name": "gw-8"}, headers={"If-Match": etag})
    assert again.status_code == 412
    assert api.get("/nodes/gw-9")["revision"] == changed["revision"]
    taken = api.request("PATCH", "/nodes/gw-9", json={"name": "gw-2"})
    assert taken.status_code == 409 and taken.json()["errors"][0]["field"] == "name"


@pytest.mark.parametrize("body, field", [
    ({"name": "Gateway"}, "name"), ({"name": ""}, "name"), ({"name": 1}, "name"),
    ({"labels": []}, "labels"), ({"labels": {"a b": "x"}}, "labels.a b"),
    ({"labels": {"a": 1}}, "labels.a"), ({"labels": {"a": "x" * 64}}, "labels.a"),
    ({"status": "online"}, "status"),
])
def test_wrong_change_is_named(api, nodes, body, field):
    before = api.get("/nodes/gw-1")
    response = api.request("PATCH", "/nodes/gw-1", json=body)
    assert response.status_code == 400, response.text
    assert [e["field"] for e in response.json()["errors"]] == [field]
    assert api.get("/nodes/gw-1") == before


def test_retired_node_gives_its_name_back(api, nodes):
    retired = api.post("/nodes/gw-1/retire")
    assert retired["status"] == "retired"
    assert "gw-1" not in names(api)
    assert names(api, status="retired") == ["gw-1"]
    assert api.request("POST", f"/nodes/{nodes['gw-1']}/retire", json={}).status_code == 409
    assert enrolment.enroll(api, name="gw-1")["name"] == "gw-1"
    assert api.get("/nodes/gw-1")["id"] != nodes["gw-1"]
    actions = [item["action"] for item in api.items("/audit")]
    assert "node.retire" in actions


@pytest.mark.parametrize("body, field", [
    ({}, "kind"), ({"kind": "explode"}, "kind"), ({"kind": "restart"}, "service"),
    ({"kind": "restart", "service": "absent"}, "service"), ({"kind": "resend", "args": 1}, "args"),
])
def test_wrong_command_is_named(api, nodes, body, field):
    response = api.request("POST", "/nodes/gw-1/commands", json=body)
    assert response.status_code == 400
    assert [e["field"] for e in response.json()["errors"]] == [field]


def test_command_is_taken(api, nodes):
    assert api.post("/nodes/gw-1/commands", {"kind": "resend"})["id"]
    api.post("/nodes/gw-2/retire")
    response = api.request("POST", f"/nodes/{nodes['gw-2']}/commands", json={"kind": "resend"})
    assert response.status_code == 409


def test_timeline_tells_what_happened(api, nodes):
    api.patch("/nodes/gw-1", {"labels": {}})
    items = api.items("/nodes/gw-1/timeline", limit=1)
    assert [item["kind"] for item in items] == ["node.update", "node.enroll"]
    assert all(item["source"] == "audit" for item in items)


def test_other_projects_do_not_see_it(server, api, nodes):
    other = server.admin.in_project("default")
    assert other.request("GET", f"/nodes/{nodes['gw-1']}").status_code == 404
    assert other.request("PATCH", f"/nodes/{nodes['gw-1']}", json={"name": "x"}).status_code == 404
    assert other.request("POST", f"/nodes/{nodes['gw-1']}/retire", json={}).status_code == 404
    assert nodes["gw-1"] not in [node["id"] for node in other.items("/nodes")]


def test_overview_counts(api, nodes):
    overview = api.get("/overview")
    assert overview["nodes"] == {"total": 4, "pending": 4, "online": 0, "offline": 0, "warning": 0,
                                 "updating": 0}
    assert [entry["name"] for entry in overview["map"]] == ["gw-1", "gw-2", "gw-3", "other"]
    assert overview["activity"][0]["action"] == "node.enroll"
    assert overview["services"] == {"total": 0, "running": 0}
