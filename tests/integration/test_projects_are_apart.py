# SPDX-License-Identifier: Apache-2.0
"""The administrator of one project gets nothing of another, whatever ids and names he puts where."""
import hashlib
import json

import pytest
import yaml

from harness import FakeAgent, database, packages, wait_until
from harness.fake_agent import node_id

PASSWORD = "a long password"
REFUSED = (400, 403, 404, 405, 409, 422)


class Victim:
    """A project with one of everything."""

    def __init__(self, server, api):
        self.server, self.api = server, api
        self.project = api.http.headers["Muster-Project"]
        self.agent = FakeAgent(server)
        self.move(self.agent)
        self.agent.connect()
        self.node = self.agent.node
        wait_until(lambda: api.get(f"/nodes/{self.node}")["status"] == "online", "the node online")
        self.key = packages.ReleaseKey()
        self.release_key = api.post("/release-keys", {"name": "v", "public_key": self.key.public})
        self.data = packages.archive()
        answer = packages.publish(api, self.data, self.key.sign(
            packages.manifest(self.data, name="secret-tool")))
        assert answer.status_code == 201, answer.text
        self.config = api.post("/configs", {"name": "secret-config"})
        api.post("/configs/secret-config/versions",
                 {"files": [{"path": "a.conf", "content": "the secret is 4711\n"}]})
        api.put("/variables/secret", {"value": "4711"})
        api.put(f"/nodes/{self.node}/variables/secret", {"value": "4711"})
        self.rollout = api.post("/rollouts", {**self.body(), "draft": True})
        self.upload = api.post("/uploads", {"size": 3, "sha256": hashlib.sha256(b"abc").hexdigest()})
        self.enroll_token = api.post("/enroll-tokens", {})
        self.token = api.post("/tokens", {"name": "theirs", "role": "admin"})
        self.rule = api.post("/alert-rules", {"kind": "node-offline", "name": "r"})
        self.webhook = api.post("/webhooks", {"name": "w", "url": "https://127.0.0.1:1/",
                                              "events": ["*"]})
        api.post(f"/webhooks/{self.webhook['id']}/test")
        self.delivery = api.items(f"/webhooks/{self.webhook['id']}/deliveries")[0]
        self.user = api.post("/users", {"login": f"{self.project}-them", "password": PASSWORD,
                                        "role": "operator"})
        self.alert = node_id()
        database(server, "INSERT INTO alert (id, project_id, rule_id, fingerprint, state, severity,"
                 " summary, started_at) SELECT %s, project_id, id, 'f', 'firing', severity, 's', now()"
                 " FROM alert_rule WHERE id = %s", (self.alert, self.rule["id"]))

    def move(self, agent):
        database(self.server, "UPDATE node SET project_id = (SELECT id FROM project WHERE name = %s)"
                 " WHERE id = %s", (self.project, agent.node))

    def body(self):
        return {"changes": [{"service": "tool", "run": True,
                             "package": {"name": "secret-tool", "version": "1.0"},
                             "config": {"name": "secret-config", "version": 1}}],
                "targets": {"nodes": [self.node]}}

    def arguments(self):
        """What a path may name, by placeholder."""
        return {
            "rollout": [self.rollout["id"]], "node": [self.node],
            "selection": [self.api.post("/selections", {"nodes": [self.node]})["id"]],
            "hash": ["sha256:" + 64 * "0"],
            "config": [self.config.get("id", "secret-config"), "secret-config"],
            "no": ["1"], "name": ["secret-tool", "secret"], "version": ["1.0"],
            "alert": [self.alert], "rule": [self.rule["id"]], "webhook": [self.webhook["id"]],
            "delivery": [self.delivery["id"]],
            "id": [self.user["id"], self.token["id"], self.enroll_token["id"], self.upload["id"],
                   self.release_key["id"]],
        }

    def snapshot(self):
        """What an intruder could change, without what the server itself goes on with."""
        tables = ("node", "config", "variable", "package_release", "rollout", "upload",
                  "enroll_token", "api_token", "alert_rule", "webhook", "release_key", "membership")
        volatile = ("health", "last_seen_at", "last_used_at", "updated_at",
                    "status_since")
        found = {}
        for table in tables:
            rows = database(self.server, f"SELECT to_jsonb(t) FROM {table} t WHERE project_id ="
                            " (SELECT id FROM project WHERE name = %s)", (self.project,))
            found[table] = sorted(json.dumps({k: v for k, v in row.items() if k not in volatile},
                                             sort_keys=True) for (row,) in rows)
        found["user"] = database(self.server, "SELECT login, name, password_hash, disabled_at"
                                 " FROM app_user WHERE id = %s", (self.user["id"],))
        return found

    def close(self):
        self.agent.close()


@pytest.fixture
def victim(server, api):
    made = Victim(server, api)
    yield made
    made.close()


@pytest.fixture
def intruder(server, victim):
    """A project administrator by session, elsewhere."""
    name = victim.project + "-evil"
    server.admin.post("/projects", {"name": name})
    server.admin.in_project(name).post("/users", {"login": name, "password": PASSWORD,
                                                  "role": "admin"})
    session = server.api()
    session.sign_in(name, PASSWORD)
    return session


def routes(api):
    """(method, path) of everything under /api/v1 that names something."""
    description = yaml.safe_load(api.request("GET", "/openapi.yaml").text)
    for path, methods in description["paths"].items():
        for method in map(str.upper, methods):
            if method in BODIES and "{" in path and path.startswith("/api/v1/"):
                yield method, path


def fill(path, arguments):
    """All paths that come of putting arguments into the placeholders."""
    head, brace, rest = path.partition("{")
    if not brace:
        return [path]
    name, _, tail = rest.partition("}")
    return [head + value + end for value in arguments[name] for end in fill(tail, arguments)]


BODIES = {
    "PUT": [{"value": "mine"}],
    "POST": [{}, {"kind": "restart", "service": "tool"},
             {"files": [{"path": "a.conf", "content": "mine\n"}]}],
    "PATCH": [{"name": "mine"}, {"password": PASSWORD}, {"enabled": False},
              {"labels": {"a": "b"}}],
    "GET": [None], "DELETE": [None],
}


def test_no_path_reaches_another_project(victim, intruder):
    before = victim.snapshot()
    answers, tried = [], 0
    for method, path in routes(victim.api):
        for filled in fill(path, victim.arguments()):
            for body in BODIES[method]:
                tried += 1
                answer = intruder.request(method, filled, json=body, headers={"If-Match": "*"})
                if answer.status_code not in REFUSED + (412, 428, 204):
                    answers.append((method, filled, body, answer.status_code, answer.text[:200]))
                assert "4711" not in answer.text, (method, filled)
    assert tried > 60
    # To set one's own variable of the same name is not an intrusion, nor to remove it.
    answers = [a for a in answers if "/api/v1/variables/" not in a[1] and not a[1].startswith(
        "/variables/")]
    assert answers == []
    assert victim.snapshot() == before


def test_no_body_or_query_reaches_another_project(victim, intruder):
    for path in ("/rollouts/plan", "/rollouts"):
        for body in (
                victim.body(),
                {**victim.body(), "targets": {"selector": "*"}},
                {"changes": [{"service": "tool", "run": False}],
                 "targets": {"nodes": [victim.node]}}):
            answer = intruder.request("POST", path, json=body)
            assert answer.status_code in REFUSED, (body, answer.text)
            assert victim.agent.name not in answer.text.replace(victim.node, "")
    answer = intruder.request("POST", "/packages", json={
        "upload_id": victim.upload["id"],
        "manifest": victim.key.sign(packages.manifest(victim.data))})
    assert answer.status_code in REFUSED
    part = intruder.request("PATCH", f"/uploads/{victim.upload['id']}", data=b"abc", headers={
        "Content-Type": "application/octet-stream", "Upload-Offset": "0"})
    assert part.status_code == 404
    for path in ("/logs", "/audit", "/alerts"):
        answer = intruder.request("GET", path, params={"node": victim.node})
        assert answer.status_code in REFUSED or (
            victim.node not in json.dumps(answer.json()["items"])), (path, answer.text)
    render = intruder.post("/configs", {"name": "probe"})
    intruder.post("/configs/probe/versions",
                  {"files": [{"path": "a", "content": "${secret} ${node.name}\n"}]})
    assert render["name"] == "probe"
    answer = intruder.request("GET", "/configs/probe/versions/1/render",
                              params={"node": victim.node})
    assert answer.status_code in REFUSED and "4711" not in answer.text


def test_cursor_of_another_project_shows_nothing_of_it(victim, intruder):
    for number in range(3):
        victim.api.post("/configs", {"name": f"c{number}"})
        intruder.post("/configs", {"name": f"mine{number}"})
    cursor = victim.api.get("/configs", limit=1)["next_cursor"]
    page = intruder.request("GET", "/configs", params={"cursor": cursor, "limit": 100})
    assert page.status_code in (200, 400)
    if page.status_code == 200:
        assert {item["name"] for item in page.json()["items"]} <= {f"mine{n}" for n in range(3)}


def test_idempotency_keys_of_projects_are_apart(victim, intruder):
    key = {"Idempotency-Key": "shared"}
    first = victim.api.post("/configs", {"name": "same"}, headers=dict(key))
    again = intruder.request("POST", "/configs", json={"name": "same"}, headers=dict(key))
    assert again.status_code == 201
    assert "Idempotency-Replayed" not in again.headers
    assert again.json().get("id") != first.get("id") or "id" not in first


def test_download_address_is_good_for_what_it_says_only(victim):
    victim.api.post(f"/rollouts/{victim.rollout['id']}/start")
    envelope = victim.agent.wait("desired", lambda e: victim.agent.open(e)["fetch"])
    url = next(iter(victim.agent.open(envelope)["fetch"].values()))
    get = victim.api.anonymous().http.get
    good = get(url)
    assert good.content == victim.data
    other = hashlib.sha256(b"other").hexdigest()
    archive = hashlib.sha256(victim.data).hexdigest()
    base, _, query = url.partition("?")
    parts = dict(item.split("=", 1) for item in query.split("&"))
    for changed in ({"expires": str(int(parts["expires"]) + 1)}, {"expires": parts["expires"] + " "},
                    {"expires": "+" + parts["expires"]},
                    {"node": "n" + "a" * 19}, {"node": ""}, {"sig": ""},
                    {"sig": parts["sig"][:-1]}, {"sig": parts["sig"] + "00"}):
        answer = get(base, params={**parts, **changed})
        assert answer.status_code == 403, changed
    assert get(url.replace(archive, other)).status_code == 403
    for path in ("../keys/ca.key", "..%2fkeys%2fca.key", archive + "%00", archive.upper()):
        assert get(url.replace(archive, path)).status_code in (400, 403, 404)
    for spec, status in (("bytes=0-0", 206), ("bytes=-1", 206), ("bytes=5-", 206),
                         (f"bytes={len(victim.data)}-", 416), ("bytes=-0", 416),
                         ("bytes=9223372036854775807-", None),
                         ("bytes=0-99999999999999999999999", None), ("bytes=5-2", None),
                         ("bytes=0-0,1-1,2-2", None), ("bytes=" + "0-0," * 2000 + "0-0", None),
                         ("lines=1-2", 200), ("bytes=a-b", None)):
        answer = get(url, headers={"Range": spec})
        assert answer.status_code in ((status,) if status else (200, 206, 400, 416, 431)), spec
        assert len(answer.content) <= max(len(victim.data), 2000), spec
