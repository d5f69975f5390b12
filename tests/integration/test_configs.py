# SPDX-License-Identifier: Apache-2.0
"""Configurations: immutable versions, compare and swap, differences, rendering, bad input."""
import base64

import pytest

from harness import enrolment


@pytest.fixture
def config(api):
    api.post("/configs", {"name": "broker", "service": "broker", "driver": "mosquitto"})
    return "/configs/broker"


def files(**contents):
    return {"files": [{"path": path.replace("__", "."), "content": content}
                      for path, content in contents.items()]}


def test_versions_count_up(api, config):
    assert api.get(config)["latest"] == 0
    first = api.post(f"{config}/versions", {"message": "begin", **files(a="1\n")})
    second = api.post(f"{config}/versions", files(a="2\n", b="x"))
    assert (first["no"], second["no"]) == (1, 2)
    assert first["message"] == "begin" and first["author"]
    assert api.get(config)["latest"] == 2
    assert [v["no"] for v in api.items(f"{config}/versions", limit=1)] == [2, 1]
    old = api.get(f"{config}/versions/1")
    assert old["files"][0]["content"] == "1\n" and old["files"][0]["mode"] == "0644"
    assert api.get(f"{config}/versions/latest")["no"] == 2


def test_same_files_make_no_version(api, config):
    first = api.request("POST", f"{config}/versions", json=files(a="1"))
    again = api.request("POST", f"{config}/versions", json=files(a="1"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["no"] == 1 and api.get(config)["latest"] == 1


def test_compare_and_swap(api, config):
    api.post(f"{config}/versions", files(a="1"), headers={"If-Match": '"0"'})
    stale = api.request("POST", f"{config}/versions", json=files(a="2"),
                        headers={"If-Match": '"0"'})
    assert stale.status_code == 412
    assert api.get(config)["latest"] == 1
    etag = api.request("GET", config).headers["ETag"]
    assert api.post(f"{config}/versions", files(a="2"), headers={"If-Match": etag})["no"] == 2


def test_binary_files_come_back(api, config):
    data = bytes(range(256))
    api.post(f"{config}/versions",
             {"files": [{"path": "x.bin", "mode": "0600",
                         "content_base64": base64.b64encode(data).decode()}]})
    file = api.get(f"{config}/versions/1")["files"][0]
    assert base64.b64decode(file["content_base64"]) == data and file["mode"] == "0600"
    assert "content" not in file and file["size"] == 256


def test_diff(api, config):
    api.post(f"{config}/versions", files(a="1\n2\n3\n", b="same", c="gone"))
    api.post(f"{config}/versions", files(a="1\nzwei\n3\n", b="same", d="new"))
    diff = api.get(f"{config}/diff", **{"from": 1, "to": "latest"})
    assert {f["path"]: f["change"] for f in diff["files"]} == {
        "a": "modified", "b": "same", "c": "removed", "d": "added"}
    lines = diff["files"][0]["hunks"][0]["lines"]
    assert [line["op"] + line["text"] for line in lines] == [" 1", "-2", "+zwei", " 3"]
    for params in ({}, {"from": "1"}, {"from": "0", "to": "1"}, {"from": "x", "to": "1"}):
        assert api.request("GET", f"{config}/diff", params=params).status_code == 400
    assert api.request("GET", f"{config}/diff",
                       params={"from": "1", "to": "9"}).status_code == 404


def test_render_takes_the_closest_value(api, config):
    node = enrolment.enroll(api, labels={"zone": "7"})
    api.post(f"{config}/versions", files(
        mosquitto__conf="listener ${port}\nname ${node.name} ${node.label.zone} ${x:-y}\n",
        variables__json='{"port": {"default": 1883, "type": "int"}}'))
    render = f"{config}/versions/1/render"

    def text():
        rendered = api.get(render, node=node["name"])
        assert [f["path"] for f in rendered["files"]] == ["mosquitto.conf"]
        levels = {v["name"]: v["level"] for v in rendered["variables"]}
        return rendered["files"][0]["content"].splitlines()[0], levels["port"]

    assert text() == ("listener 1883", "default")
    api.put("/variables/port", {"value": "1884"})
    assert text() == ("listener 1884", "project")
    api.put(f"/nodes/{node['name']}/variables/port", {"value": "1885"})
    assert text() == ("listener 1885", "node")
    values = {v["name"]: (v["value"], v["level"])
              for v in api.items(f"/nodes/{node['name']}/variables")}
    assert values == {"port": ("1885", "node")}
    api.delete(f"/nodes/{node['name']}/variables/port")
    api.put("/variables/port", {"value": "many"})
    problem = api.request("GET", render, params={"node": node["name"]})
    assert problem.status_code == 400 and "not of type int" in problem.json()["detail"]


def test_undefined_variable_names_the_place(api, config):
    node = enrolment.enroll(api)
    api.post(f"{config}/versions", files(etc="one\n  two ${missing}\n"))
    response = api.request("GET", f"{config}/versions/1/render", params={"node": node["name"]})
    assert response.status_code == 400
    detail = response.json()["detail"]
    for part in ("broker", "version 1", "etc:2:7", "missing", node["name"]):
        assert part in detail


@pytest.mark.parametrize("file, field", [
    ({"path": "../a", "content": ""}, "files[0].path"),
    ({"path": "/etc/passwd", "content": ""}, "files[0].path"),
    ({"path": "a//b", "content": ""}, "files[0].path"),
    ({"path": "a\nb", "content": ""}, "files[0].path"),
    ({"path": "", "content": ""}, "files[0].path"),
    ({"content": ""}, "files[0].path"),
    ({"path": "a"}, "files[0].content"),
    ({"path": "a", "content": "x", "content_base64": "eA=="}, "files[0].content"),
    ({"path": "a", "content_base64": "!"}, "files[0].content"),
    ({"path": "a", "content": "x", "mode": "777"}, "files[0].mode"),
    ({"path": "a", "content": "x", "mode": "rwx-"}, "files[0].mode"),
    ({"path": "a", "content": "x", "owner": "root"}, "files[0].owner"),
    ({"path": "a", "content": "${open"}, "a"),
    ({"path": "variables.json", "content": "{"}, "variables.json"),
    ({"path": "variables.json", "content": '{"a": {"type": "float"}}'}, "variables.json"),
])
def test_wrong_file_is_named(api, config, file, field):
    response = api.request("POST", f"{config}/versions", json={"files": [file]})
    assert response.status_code == 400, response.text
    assert response.json()["errors"][0]["field"] == field
    assert api.get(config)["latest"] == 0


@pytest.mark.parametrize("paths", [["a", "a"], ["a", "a/b"], []])
def test_wrong_set_of_files(api, config, paths):
    response = api.request("POST", f"{config}/versions",
                           json={"files": [{"path": p, "content": ""} for p in paths]})
    assert response.status_code == 400
    assert api.get(config)["latest"] == 0


def test_too_much(api, config):
    many = {"files": [{"path": f"f{i}", "content": ""} for i in range(101)]}
    assert api.request("POST", f"{config}/versions", json=many).status_code == 413
    large = {"files": [{"path": p, "content": "x" * 140000} for p in "ab"]}
    assert api.request("POST", f"{config}/versions", json=large).status_code == 413
    assert api.get(config)["latest"] == 0


@pytest.mark.parametrize("body, field", [
    ({}, "name"), ({"name": "Broker"}, "name"), ({"name": "../x"}, "name"),
    ({"name": "a", "service": "A"}, "service"), ({"name": "a", "driver": "mosqitto"}, "driver"), ({"name": "a", "files": []}, "files"),
])
def test_wrong_config_is_named(api, body, field):
    response = api.request("POST", "/configs", json=body)
    assert response.status_code == 400
    assert [e["field"] for e in response.json()["errors"]] == [field]
    assert not api.items("/configs")


def test_name_is_taken_once(api, config):
    response = api.request("POST", "/configs", json={"name": "broker"})
    assert response.status_code == 409


def test_delete(api, config):
    api.post(f"{config}/versions", files(a="1"))
    api.delete(config)
    assert api.request("GET", config).status_code == 404
    assert not api.items("/configs")


@pytest.mark.parametrize("name, status", [("1a", 400), ("a b", 400), ("node.name", 400),
                                          ("project", 400), ("muster.x", 400), ("ok_1.x-y", 200)])
def test_names_of_variables(api, name, status):
    response = api.request("PUT", f"/variables/{name}", json={"value": "v"})
    assert response.status_code == status


def test_variable_values(api):
    for body in ({}, {"value": 1}, {"value": None}, {"value": "v", "level": "node"}):
        assert api.request("PUT", "/variables/a", json=body).status_code == 400
    assert api.request("PUT", "/variables/a", json={"value": "x" * 9000}).status_code == 413
    assert api.request("DELETE", "/variables/a").status_code == 404
    assert not api.items("/variables")


def test_other_projects_do_not_see_it(server, api, config):
    other = server.admin.in_project("default")
    assert other.request("GET", config).status_code == 404
    assert other.request("POST", f"{config}/versions", json=files(a="")).status_code == 404
    assert other.request("DELETE", config).status_code == 404
