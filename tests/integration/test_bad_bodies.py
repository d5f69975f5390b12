# SPDX-License-Identifier: Apache-2.0
"""Bodies that are wrong are refused with a problem that names the place, and change nothing."""
import json

import pytest

from harness import Raw

GOOD = {"login": "new-user", "password": "long enough 1", "role": "viewer"}


def refused(api, body, status=400, content_type="application/json", path="/users"):
    response = api.request("POST", path, data=body, headers={"Content-Type": content_type})
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status and problem["detail"]
    assert problem["instance"] == response.headers["Muster-Request-Id"]
    assert all(u["login"] != "new-user" for u in api.items("/users"))
    return problem


def with_change(**change):
    return json.dumps({**GOOD, **change})


@pytest.mark.parametrize("body", ["{", "", "[]", '"x"', "{} {}", '{"login": nul}', "\xff",
                                  '{"a":1,"a":2}'])
def test_malformed_json(api, body):
    refused(api, body.encode("latin-1"))


@pytest.mark.parametrize("change, field", [
    ({"surprise": 1}, "surprise"),
    ({"login": 7}, "login"),
    ({"login": None}, "login"),
    ({"login": ""}, "login"),
    ({"login": "a b"}, "login"),
    ({"password": "short"}, "password"),
    ({"password": ["long enough 1"]}, "password"),
    ({"role": "emperor"}, "role"),
    ({"name": {"first": "x"}}, "name"),
])
def test_wrong_field_is_named(api, change, field):
    problem = refused(api, with_change(**change))
    assert problem["code"] == "invalid"
    assert [e["field"] for e in problem["errors"]] == [field]


def test_missing_field_is_named(api):
    problem = refused(api, '{"login": "new-user", "role": "viewer"}')
    assert problem["errors"][0]["field"] == "password"


def test_deep_nesting(api):
    problem = refused(api, '{"login":' * 100 + "1" + "}" * 100, status=413)
    assert "32 levels" in problem["detail"]


def test_too_long_text(api):
    problem = refused(api, with_change(login="x" * 200), status=413)
    assert problem["errors"][0]["field"] == "login"


def test_only_json_is_understood(api):
    refused(api, "login=new-user", 415, "application/x-www-form-urlencoded")


def test_oversize_body_is_refused_before_it_is_sent(server, api):
    with Raw(server) as raw:
        raw.send("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                 "Content-Length: 1048577\r\n\r\n")
        status, headers, body = raw.read_response()
    assert status == 413 and headers["connection"] == "close"
    assert b"too_large" in body


def test_oversize_chunked_body_is_refused(server):
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with Raw(server) as raw:
        raw.send("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                 "Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(20):
            raw.send(chunk)
        raw.send(b"0\r\n\r\n")
        status, _, body = raw.read_response()
    assert status == 413
    assert b"too_large" in body


def test_body_of_exactly_the_limit_is_parsed(api):
    body = '{"login": "' + "x" * ((1 << 20) - 13) + '"}'
    assert len(body) == 1 << 20
    refused(api, body, status=413)
