# SPDX-License-Identifier: Apache-2.0
"""Changes through the API leave their row, with who, what and from where."""
import base64
import os

import pytest


@pytest.fixture
def last(api):
    def newest(action):
        entry = api.get("/audit", action=action, limit=1)["items"]
        assert entry, f"nothing about {action}"
        assert entry[0]["actor_kind"] == "user" and entry[0]["actor_name"] == "admin"
        assert entry[0]["remote"] == "127.0.0.1" and entry[0]["request_id"]
        return entry[0]
    return newest


def test_access(api, last):
    token = api.post("/tokens", {"name": "t"})
    assert last("token.create")["object_id"] == token["id"]
    api.delete(f"/tokens/{token['id']}")
    assert last("token.revoke")["object_id"] == token["id"]


def test_configs_and_variables(api, last):
    api.post("/configs", {"name": "c"})
    assert last("config.create")["detail"]["name"] == "c"
    api.post("/configs/c/versions", {"files": [{"path": "a.conf", "content": "x\n"}]})
    last("config.version")
    api.put("/variables/site", {"value": "north"})
    last("variable.set")
    api.delete("/variables/site")
    last("variable.delete")
    api.delete("/configs/c")
    last("config.delete")


def test_enrolment(api, last):
    made = api.post("/enroll-tokens", {"name": "batch"})
    entry = last("enroll_token.create")
    assert entry["object_id"] == made["id"] and made["token"] not in str(entry)
    api.delete(f"/enroll-tokens/{made['id']}")
    last("enroll_token.revoke")


def test_release_keys(api, last):
    key = api.post("/release-keys", {
        "name": "vendor", "public_key": base64.b64encode(os.urandom(32)).decode()})
    last("release_key.create")
    api.delete(f"/release-keys/{key['id']}")
    last("release_key.revoke")


def test_webhooks_and_rules(api, last):
    hook = api.post("/webhooks", {"name": "w", "url": "https://example.com/h",
                                  "events": ["alert.firing"]})
    entry = last("webhook.")
    assert hook["secret"] not in str(entry)
    api.patch(f"/webhooks/{hook['id']}", {"enabled": False})
    api.delete(f"/webhooks/{hook['id']}")
    assert len(api.items("/audit", action="webhook.")) == 3
    before = len(api.items("/audit", action="alert_rule."))
    rule = api.post("/alert-rules", {"name": "gone", "kind": "node-offline"})
    api.delete(f"/alert-rules/{rule['id']}")
    assert len(api.items("/audit", action="alert_rule.")) == before + 2
