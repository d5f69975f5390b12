# SPDX-License-Identifier: Apache-2.0
"""Who may do what: sessions, CSRF, roles, scopes, projects, and the record of it."""
import pytest

from harness import ApiError

PASSWORD = "a long password"


def status_of(call, *args, **options):
    with pytest.raises(ApiError) as refused:
        call(*args, **options)
    return refused.value.status


def make_user(api, login, role):
    return api.post("/users", {"login": login, "password": PASSWORD, "role": role})


@pytest.fixture
def login(api):
    return api.http.headers["Muster-Project"] + "-user"


def test_without_credentials(server):
    assert status_of(server.api().get, "/users") == 401


def test_unknown_token_and_scheme(server):
    assert status_of(server.api(token="mst_" + "x" * 43).get, "/projects") == 401
    basic = server.api()
    basic.http.headers["Authorization"] = "Basic YWRtaW46YWRtaW4="
    assert status_of(basic.get, "/projects") == 401


def test_token_lives_until_revoked(api):
    made = api.post("/tokens", {"name": "ci", "role": "admin", "scopes": ["admin:read"]})
    assert made["token"].startswith("mst_")
    bearer = api.with_token(made["token"])
    assert bearer.get("/projects")["total"] == 1
    assert [t["name"] for t in api.items("/tokens")] == ["ci"]
    assert "token" not in api.items("/tokens")[0]
    api.delete(f"/tokens/{made['id']}")
    assert status_of(bearer.get, "/users") == 401
    assert api.items("/tokens") == []


def test_scope_limits_a_token(api):
    reader = api.with_token(
        api.post("/tokens", {"name": "r", "role": "admin", "scopes": ["admin:read"]})["token"])
    assert status_of(reader.post, "/tokens", {"name": "more"}) == 403
    assert status_of(api.post, "/tokens", {"name": "x", "scopes": ["everything"]}) == 400


def test_token_is_bound_to_its_project(server, api):
    token = api.post("/tokens", {"name": "t", "role": "admin"})["token"]
    assert status_of(server.api(token=token, project="default").get, "/users") == 403


def test_role_limits_a_user(server, api, login):
    make_user(api, login, "operator")
    browser = server.api()
    session = browser.sign_in(login, PASSWORD)
    assert session["project"]["role"] == "operator"
    assert len(session["projects"]) == 1
    assert status_of(browser.get, "/users") == 403
    assert status_of(browser.post, "/tokens", {"name": "x"}) == 403
    assert status_of(browser.post, "/projects", {"name": "x"}) == 403
    assert status_of(browser.in_project("default").get, "/projects") == 403
    assert status_of(browser.in_project("no-such-project").get, "/projects") == 403


def test_change_needs_the_csrf_token(server, api, login):
    make_user(api, login, "admin")
    browser = server.api()
    browser.sign_in(login, PASSWORD)
    good = browser.http.headers.pop("X-CSRF-Token")
    assert status_of(browser.post, "/tokens", {"name": "x"}) == 403
    browser.http.headers["X-CSRF-Token"] = "x" * len(good)
    assert status_of(browser.post, "/tokens", {"name": "x"}) == 403
    browser.http.headers["X-CSRF-Token"] = good
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                    {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert status_of(browser.post, "/tokens", {"name": "x"}, headers=dict(headers)) == 403
    browser.post("/tokens", {"name": "x"}, headers={"Sec-Fetch-Site": "same-origin"})
    browser.post("/tokens", {"name": "y"}, headers={"Origin": server.url})


def test_cookie_is_not_accepted_with_authorization(api):
    api.http.headers["Authorization"] = "Bearer mst_wrong"
    assert status_of(api.get, "/users") == 401


def test_session_ends_with_password_and_account(server, api, login):
    user = make_user(api, login, "viewer")
    browser = server.api()
    browser.sign_in(login, PASSWORD)
    api.patch(f"/users/{user['id']}", {"password": "another long one"})
    assert status_of(browser.get, "/session") == 401
    assert status_of(browser.sign_in, login, PASSWORD) == 401
    browser.sign_in(login, "another long one")
    api.patch(f"/users/{user['id']}", {"disabled": True})
    assert status_of(browser.get, "/session") == 401
    assert status_of(browser.sign_in, login, "another long one") == 401


def test_token_does_not_outlive_its_owners_part(server, api, login):
    user = make_user(api, login, "admin")
    browser = server.api()
    browser.sign_in(login, PASSWORD)
    bearer = api.with_token(browser.post("/tokens", {"name": "t", "role": "admin"})["token"])
    bearer.get("/users")
    api.patch(f"/users/{user['id']}", {"role": "viewer"})
    assert status_of(bearer.get, "/users") == 403
    api.delete(f"/users/{user['id']}")
    assert status_of(bearer.get, "/projects") == 401


def test_token_that_a_token_made_has_the_same_owner_and_end(server, api, login):
    user = make_user(api, login, "admin")
    browser = server.api()
    browser.sign_in(login, PASSWORD)
    first = browser.post("/tokens", {"name": "t", "role": "admin", "expires_in_s": 3600})
    for asked in ({}, {"expires_in_s": 7200}):
        made = api.with_token(first["token"]).post(
            "/tokens", {"name": "more", "role": "admin", **asked})
        assert made["user_id"] == user["id"]
        assert made["expires_at"] == first["expires_at"]
    bearer = api.with_token(made["token"])
    bearer.get("/users")
    api.patch(f"/users/{user['id']}", {"disabled": True})
    assert status_of(bearer.get, "/users") == 401


def test_nobody_gives_more_than_he_has(server, api, login):
    make_user(api, login, "admin")
    browser = server.api()
    browser.sign_in(login, PASSWORD)
    # An administrator of one project cannot touch one of the installation.
    everyone = {u["login"]: u["id"] for u in server.admin.items("/users")}
    assert status_of(browser.patch, f"/users/{everyone['admin']}",
                     {"password": PASSWORD}) in (403, 404)
    operator = api.post("/tokens", {"name": "o", "role": "operator"})["token"]
    assert status_of(api.with_token(operator).post, "/tokens", {"name": "x"}) == 403


def test_last_administrator_stays(server, api, login):
    server.admin.post("/projects", {"name": login})
    inside = server.admin.in_project(login)
    admin = next(u for u in inside.items("/users") if u["login"] == "admin")
    assert status_of(inside.delete, f"/users/{admin['id']}") == 409


def test_login_is_unique(api, login):
    make_user(api, login, "viewer")
    assert status_of(make_user, api, login, "viewer") == 409


def test_repeated_post_is_carried_out_once(api, login):
    body = {"login": login, "password": PASSWORD, "role": "viewer"}
    key = {"Idempotency-Key": f"key-{login}"}
    first = api.post("/users", body, headers=dict(key))
    assert api.post("/users", body, headers=dict(key)) == first
    assert status_of(api.post, "/users", {**body, "role": "admin"}, headers=dict(key)) == 409
    secret = {"Idempotency-Key": f"token-{login}"}
    api.post("/tokens", {"name": "once"}, headers=dict(secret))
    assert status_of(api.post, "/tokens", {"name": "once"}, headers=dict(secret)) == 409
    assert len(api.items("/tokens")) == 1


def test_changes_and_refusals_are_on_record(server, api, login):
    make_user(api, login, "viewer")
    entry = api.get("/audit", action="user.create")["items"][0]
    assert entry["actor_name"] == "admin" and entry["detail"]["login"] == login
    assert PASSWORD not in str(api.items("/audit"))
    assert status_of(server.api().sign_in, login, "wrong password") == 401
    user = next(u for u in api.items("/users") if u["login"] == login)
    api.delete(f"/users/{user['id']}")
    assert api.items("/audit", action="user.remove")[0]["detail"]["login"] == login
    refusals = [e for e in server.admin.items("/audit", action="session.refuse")
                if e["detail"]["login"] == login]
    assert len(refusals) == 1 and refusals[0]["remote"] == "127.0.0.1"


def test_too_many_wrong_passwords(server, api, login):
    make_user(api, login, "viewer")
    for _ in range(10):
        assert status_of(server.api().sign_in, login, "wrong password") == 401
    response = server.api().request("POST", "/session", json={"login": login, "password": PASSWORD})
    assert response.status_code == 429
    assert "Retry-After" in response.headers


def test_lists_go_on_where_they_ended(api, login):
    for number in range(7):
        make_user(api, f"{login}-{number}", "viewer")
    page = api.get("/users", limit=3)
    assert len(page["items"]) == 3 and page["next_cursor"]
    everyone = [u["login"] for u in api.items("/users", limit=3)]
    assert len(everyone) == len(set(everyone)) == page["total"]
    assert everyone == sorted(everyone)
    assert status_of(api.get, "/users", cursor="nonsense") == 400
    assert status_of(api.get, "/users", limit=501) == 400
