# SPDX-License-Identifier: Apache-2.0
"""What the server answers is what schema/openapi.yaml promises, for every list and every object."""
import pathlib
import re

import jsonschema
import pytest
import yaml

from harness import enrolment, packages

OPENAPI = pathlib.Path(__file__).resolve().parents[2] / "schema" / "openapi.yaml"
DOCUMENT = yaml.safe_load(OPENAPI.read_text())
# A stream; what is fetched by gateways is no JSON and has tests of its own.
# The nodes behind a plan need a hash of that moment: test_rollout_plan.py.
SKIPPED = re.compile("/api/v1/events|/api/v1/plans/.*|/download/.*|/agents/.*|/install.sh")


def follow(node):
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def schema_of(path, method, status):
    responses = DOCUMENT["paths"][path][method]["responses"]
    content = follow(responses[str(status)]).get("content", {})
    return content.get("application/json", {}).get("schema")


def check(path, method, response):
    schema = schema_of(path, method, response.status_code)
    if schema is None:
        return
    whole = {**schema, "components": DOCUMENT["components"]}
    problems = [f"{method} {path}: {'/'.join(map(str, error.absolute_path))}: {error.message}"
                for error in jsonschema.Draft202012Validator(whole).iter_errors(response.json())]
    assert not problems, "\n".join(problems[:10])


@pytest.fixture
def filled(api):
    """One of everything that can be made without a gateway; the parameters of paths."""
    node = enrolment.enroll(api, name="gw", labels={"site": "a"})
    api.post("/enroll-tokens", {"name": "t"})
    api.post("/configs", {"name": "c", "service": "broker"})
    for text in ("port ${port}\n", "listener ${port}\nx\n"):
        api.post("/configs/c/versions", {"files": [{"path": "a.conf", "content": text}]})
    api.put("/variables/port", {"value": "1883"})
    api.put("/nodes/gw/variables/port", {"value": "1884"})
    key = packages.ReleaseKey()
    api.post("/release-keys", {"name": "k", "public_key": key.public})
    data = packages.archive()
    assert packages.publish(api, data, key.sign(packages.manifest(data))).status_code == 201
    upload = api.post("/uploads", {"size": 10, "sha256": "a" * 64})
    webhook = api.post("/webhooks", {"name": "w", "url": "https://example.com/", "events": ["*"]})
    api.post("/tokens", {"name": "t"})
    rollout = api.post("/rollouts", {
        "name": "r", "draft": True, "targets": {"nodes": ["gw"]},
        "changes": [{"service": "broker", "package": {"name": "tool", "version": "1.0"},
                     "config": {"name": "c", "version": "latest"}}]})
    selection = api.post("/selections", {"nodes": [node["node_id"]]})
    return {"{node}": node["node_id"], "{selection}": selection["id"],
            "{config}": "c", "{no}": "2", "{name}": "tool",
            "{rule}": api.items("/alert-rules")[0]["id"], "{webhook}": webhook["id"],
            "{rollout}": rollout["id"], "uploads/{id}": f"uploads/{upload['id']}"}


def filled_path(path, filled):
    for placeholder, value in filled.items():
        path = path.replace(placeholder, value)
    return path


def test_every_answer_to_get(api, filled):
    query = {"/api/v1/configs/{config}/diff": {"from": 1, "to": 2},
             "/api/v1/configs/{config}/versions/{no}/render": {"node": "gw"}}
    checked = 0
    for path, item in DOCUMENT["paths"].items():
        if "get" not in item or SKIPPED.fullmatch(path):
            continue
        url = filled_path(path, filled)
        assert "{" not in url, f"{path}: the test has no value for a parameter"
        response = api.request("GET", url, params=query.get(path))
        assert response.status_code == 200, f"{url}: {response.text}"
        check(path, "get", response)
        checked += 1
    assert checked > 20


def test_answers_to_changes(api, filled):
    calls = [
        ("post", "/api/v1/enroll-tokens", {}, 201),
        ("patch", "/api/v1/nodes/{node}", {"labels": {"site": "b"}}, 200),
        ("post", "/api/v1/nodes/{node}/commands", {"kind": "resend"}, 202),
        ("post", "/api/v1/configs", {"name": "d"}, 201),
        ("post", "/api/v1/configs/{config}/versions",
         {"files": [{"path": "b", "content": "x"}]}, 201),
        ("put", "/api/v1/variables/{name}", {"value": "v"}, 200),
        ("put", "/api/v1/nodes/{node}/variables/{name}", {"value": "v"}, 200),
        ("post", "/api/v1/uploads", {"size": 5, "sha256": "b" * 64}, 201),
        ("post", "/api/v1/release-keys",
         {"name": "n", "public_key": packages.ReleaseKey().public}, 201),
        ("post", "/api/v1/nodes/{node}/retire", {}, 200),
    ]
    for method, path, body, status in calls:
        response = api.request(method.upper(), filled_path(path, filled), json=body)
        assert response.status_code == status, response.text
        check(path, method, response)


def test_problems(api):
    schema = {**DOCUMENT["components"]["schemas"]["Problem"], "components": DOCUMENT["components"]}
    for method, path, body in (("GET", "/nodes/none", None), ("POST", "/configs", {"x": 1}),
                               ("GET", "/nowhere", None), ("PUT", "/nodes", {})):
        response = api.request(method, path, json=body)
        assert response.status_code >= 400
        jsonschema.validate(response.json(), schema, jsonschema.Draft202012Validator)
