# SPDX-License-Identifier: Apache-2.0
"""The dashboard's files: encodings, caching, the start page for every path a person may type."""
import re

import pytest

PAGE = {"Accept": "text/html"}


def get(server, path, **headers):
    return server.api().http.get(server.url + path, headers={"Accept-Encoding": "identity", **headers},
                                 timeout=30)


@pytest.fixture(scope="module")
def page(server):
    response = get(server, "/", **PAGE)
    assert response.status_code == 200
    if "text/html" not in response.headers["Content-Type"]:
        pytest.skip("musterd was built without its dashboard")
    return response


@pytest.fixture(scope="module")
def script(page):
    return re.search(r'"(/assets/[^"]+\.js)"', page.text).group(1)


def test_start_page_is_checked_each_time(server, page):
    assert page.headers["Cache-Control"] == "no-cache"
    assert page.headers["Vary"] == "Accept-Encoding"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    again = get(server, "/", **PAGE, **{"If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304 and not again.content


def test_policy_allows_only_own_files(page):
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy


def test_every_page_of_the_dashboard_starts_the_same(server, page):
    for path in ("/nodes", "/rollouts/x/y", "/index.html"):
        assert get(server, path, **PAGE).content == page.content


def test_named_files_last(server, script):
    response = get(server, script)
    assert response.status_code == 200
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Content-Type"].startswith("text/javascript")
    assert int(response.headers["Content-Length"]) == len(response.content)


def test_encoding_follows_the_qualities(server, script):
    seen = {}
    for accept, wanted in [("gzip", "gzip"), ("br;q=0.5, gzip;q=0.9", "gzip"), ("*", None),
                           ("gzip;q=0, br;q=0", "identity"), ("identity", "identity")]:
        response = get(server, script, **{"Accept-Encoding": accept})
        encoding = response.headers.get("Content-Encoding", "identity")
        assert wanted is None or encoding == wanted, accept
        seen.setdefault(encoding, response.headers["ETag"])
        assert seen[encoding] == response.headers["ETag"]
    assert len(set(seen.values())) == len(seen)


def test_missing_files_are_not_the_start_page(server):
    for path in ("/assets/none.js", "/assets/x/index.html"):
        response = get(server, path, **PAGE)
        assert response.status_code == 404
        assert response.headers["Cache-Control"] == "no-store"
    assert get(server, "/nothing.png").status_code == 404
    missing = get(server, "/api/v1/nothing", **PAGE)
    assert missing.status_code == 404
    assert missing.headers["Content-Type"] == "application/problem+json"


def test_files_are_only_read(server):
    response = server.api().http.post(server.url + "/", timeout=30)
    assert response.status_code == 405 and response.headers["Allow"] == "GET, HEAD"
    assert get(server, "/").status_code == server.api().http.head(server.url + "/").status_code
