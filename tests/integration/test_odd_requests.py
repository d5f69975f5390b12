# SPDX-License-Identifier: Apache-2.0
"""Whatever a caller sends, the server finds words for it: no answer of any endpoint is a 5xx."""
import json
import pathlib
import random

import pytest
import yaml

from harness import enrolment

OPENAPI = pathlib.Path(__file__).resolve().parents[2] / "schema" / "openapi.yaml"
PATHS = yaml.safe_load(OPENAPI.read_text())["paths"]
SKIPPED = ("/api/v1/events", "/api/v1/session")
ODD = ["%ff", "%00", "..", "a" * 900, "%27%3b--", "-1", "99999999999999999999", "*", "%0a", "a%2fb"]
QUERIES = ["limit", "cursor", "text", "selector", "status", "node", "from", "to", "sort", "after",
           "before", "service", "state", "wave", "topics", "actor"]
VALUES = [None, True, 0, -1, 1.5, 2**63 - 1, "", "x" * 300, "\u0001", "\U0001f600", [], [[]], {},
          {"a": {}}, "a b", "*"]
BODIES_PER_ENDPOINT = 15


@pytest.fixture
def objects(api):
    enrolment.enroll(api, name="gw")
    api.post("/configs", {"name": "c"})
    api.post("/configs/c/versions", {"files": [{"path": "a", "content": "x"}]})


def operations(*methods):
    return [(method, path, operation) for path, item in PATHS.items()
            for method, operation in item.items() if method in methods and path not in SKIPPED]


def fill(path, values):
    parts = [next(values) if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


def forever(value):
    while True:
        yield value


def send(api, method, path, body=None):
    response = api.http.request(method, api.url + path, data=body, timeout=60,
                                headers={"Content-Type": "application/json"})
    assert response.status_code < 500, f"{method} {path} {body}: {response.text}"


@pytest.mark.parametrize("odd", ODD)
def test_odd_paths_and_queries(api, objects, odd):
    for method, path, _ in operations("get", "delete", "post", "patch", "put"):
        if "{" in path:
            send(api, method, fill(path, forever(odd)), None if method == "get" else "{}")
        if method == "get":
            query = "&".join(f"{name}={odd}" for name in QUERIES)
            send(api, method, f"{fill(path, forever('gw'))}?{query}")


def test_odd_bodies(server, api, objects):
    chance = random.Random(1)
    for method, path, operation in operations("post", "patch", "put"):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        names = list((content or {}).get("schema", {}).get("properties", {}))
        for _ in range(BODIES_PER_ENDPOINT if names else 0):
            body = {name: chance.choice(VALUES) for name in names if chance.random() < 0.7}
            values = iter(lambda: chance.choice(["gw", "c", "x", "1"]), None)
            send(api, method, fill(path, values), json.dumps(body))
    assert server.ready()
