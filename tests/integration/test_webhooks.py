# SPDX-License-Identifier: Apache-2.0
"""Alerts and webhooks: signed, repeated until they arrive, and never sent where they must not go."""
import pytest

from harness import ApiError, FakeAgent, Receiver, Server, wait_until


def deliveries(api, webhook):
    return api.items(f"/webhooks/{webhook['id']}/deliveries")


def create(api, receiver, events=("*",), name="plant"):
    return api.post("/webhooks", {"name": name, "url": receiver.url, "events": list(events)})


def test_a_test_event_arrives_signed(api):
    with Receiver() as receiver:
        webhook = create(api, receiver)
        assert webhook["secret"].startswith("whsec_")
        assert "secret" not in api.get(f"/webhooks/{webhook['id']}")
        api.post(f"/webhooks/{webhook['id']}/test")
        receiver.wait_event("webhook.test")
        headers, body = receiver.deliveries[0]
        assert Receiver.signature_valid(webhook["secret"], headers, body)
        assert not Receiver.signature_valid(webhook["secret"], headers, body + b" ")
        done = wait_until(lambda: next((d for d in deliveries(api, webhook)
                                        if d["state"] == "succeeded"), None), "recorded")
        assert done["last_status"] == 204 and done["attempt"] == 1


def test_a_refusal_is_tried_again(api):
    with Receiver() as receiver:
        receiver.status = 500
        webhook = create(api, receiver)
        api.post(f"/webhooks/{webhook['id']}/test")
        failed = wait_until(lambda: next((d for d in deliveries(api, webhook)
                                          if d["last_status"] == 500), None), "a failed try")
        assert failed["state"] == "pending" and failed["next_at"]
        receiver.status = 204
        api.post(f"/deliveries/{failed['id']}/redeliver")
        wait_until(lambda: deliveries(api, webhook)[0]["state"] == "succeeded", "arrived")
        ids = {dict((k.lower(), v) for k, v in headers.items())["webhook-id"]
               for headers, _ in receiver.deliveries}
        assert len(ids) == 1, "a repeated event keeps its id"


def test_gone_ends_it(api):
    with Receiver() as receiver:
        receiver.status = 410
        webhook = create(api, receiver)
        api.post(f"/webhooks/{webhook['id']}/test")
        wait_until(lambda: [d["state"] for d in deliveries(api, webhook)] == ["failed"], "given up")


def test_only_what_is_wanted(api):
    with Receiver() as receiver:
        webhook = create(api, receiver, ["alert.firing"], "alerts")
        other = create(api, receiver, ["rollout.*"], "rollouts")
        api.patch(f"/webhooks/{other['id']}", {"enabled": False})
        api.post(f"/webhooks/{webhook['id']}/test")
        receiver.wait_event("webhook.test")
        assert deliveries(api, other) == []


@pytest.mark.parametrize("body, field", [
    ({"url": "ftp://example.com/"}, "url"),
    ({"url": "https://user:pw@example.com/"}, "url"),
    ({"events": []}, "events"),
    ({"events": ["weather.rain"]}, "events"),
    ({"name": ""}, "name"),
    ({"secret": "mine"}, "secret"),
])
def test_bad_webhooks_are_refused(api, body, field):
    with pytest.raises(ApiError) as caught:
        api.post("/webhooks", {"name": "x", "url": "https://example.com/", "events": ["*"], **body})
    assert caught.value.status == 400
    assert caught.value.problem["errors"][0]["field"] == field
    assert api.get("/webhooks")["total"] == 0


def test_private_addresses_are_refused_unless_allowed():
    with Server(env={"MUSTER_WEBHOOK_ALLOW": "10.0.0.0/8"}, options=["--webhook-allow", "10.0.0.0/8"]
                ) as server, Receiver() as receiver:
        webhook = create(server.admin, receiver)
        server.admin.post(f"/webhooks/{webhook['id']}/test")
        tried = wait_until(lambda: next((d for d in deliveries(server.admin, webhook)
                                         if d["last_error"]), None), "a refused try")
        assert "allowed" in tried["last_error"] and tried["last_status"] == 0
        assert receiver.deliveries == []


def test_an_offline_node_fires_and_resolves(server):
    api = server.admin.in_project("default")
    rule = next(r for r in api.items("/alert-rules") if r["kind"] == "node-offline")
    api.patch(f"/alert-rules/{rule['id']}", {"for_ms": 0})
    with Receiver() as receiver, FakeAgent(server) as node:
        webhook = create(api, receiver, ["alert.*"], f"alerts {node.name}")
        node.connect()
        node.health()
        wait_until(lambda: api.get(f"/nodes/{node.node}")["status"] == "online", "online")
        node.drop()
        fired = receiver.wait_event("alert.firing", lambda data: data["node"] == node.node)
        assert fired["data"]["summary"] == f"Node {node.name} is offline"
        alert = next(a for a in api.items("/alerts", state="firing") if a["node"] == node.node)
        assert api.post(f"/alerts/{alert['id']}/acknowledge")["state"] == "acknowledged"
        node.connect()
        receiver.wait_event("alert.resolved", lambda data: data["node"] == node.node)
        for headers, body in receiver.deliveries:
            assert Receiver.signature_valid(webhook["secret"], headers, body)
        api.delete(f"/webhooks/{webhook['id']}")
    api.patch(f"/alert-rules/{rule['id']}", {"for_ms": 60000})


def test_rules_are_changed_with_care(api):
    rule = api.items("/alert-rules")[0]
    with pytest.raises(ApiError) as caught:
        api.patch(f"/alert-rules/{rule['id']}", {"severity": "apocalyptic"})
    assert caught.value.problem["errors"][0]["field"] == "severity"
    stale = api.request("PATCH", f"/alert-rules/{rule['id']}", data='{"enabled": false}', headers={
        "Content-Type": "application/json", "If-Match": '"77"'})
    assert stale.status_code == 412
    assert api.get(f"/alert-rules/{rule['id']}")["enabled"] is True
