# SPDX-License-Identifier: Apache-2.0
"""A server that runs says so; people sign in and out."""
import pytest

from harness import ApiError


def test_health_and_version_need_nobody(server):
    anonymous = server.api()
    assert anonymous.get("/healthz") == "ok\n"
    assert anonymous.get("/readyz") == "ready\n"
    assert anonymous.get("/version")["api"] == 1


def test_authority_is_public_and_matches_its_fingerprint(server):
    response = server.api().request("GET", "/ca")
    assert response.text == server.ca_path.read_text()
    assert len(response.headers["Muster-CA-Fingerprint"]) == 64


def test_sign_in_and_out(server):
    browser = server.api()
    session = browser.sign_in("admin", server.password)
    assert session["user"]["login"] == "admin"
    assert browser.get("/session")["csrf"] == session["csrf"]
    browser.delete("/session")
    with pytest.raises(ApiError) as refused:
        browser.get("/session")
    assert refused.value.status == 401
