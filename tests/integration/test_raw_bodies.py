# SPDX-License-Identifier: Apache-2.0
"""Bodies that are files: refused before they are sent, stored while they come, gone when they break off."""
import hashlib
import os
import threading

import pytest

from harness import Raw, Server, wait_until

LARGE = os.urandom(3 << 20)


@pytest.fixture
def upload(api):
    return api.post("/uploads", {"size": len(LARGE),
                                 "sha256": hashlib.sha256(LARGE).hexdigest()})


def patch(raw, upload, api, length, offset=0, expect=False, token=None):
    token = token or api.post("/tokens", {"name": "up", "role": "operator"})["token"]
    raw.send(f"PATCH /api/v1/uploads/{upload['id']} HTTP/1.1\r\nHost: x\r\n"
             f"Content-Type: application/octet-stream\r\nUpload-Offset: {offset}\r\n"
             f"Authorization: Bearer {token}\r\nContent-Length: {length}\r\n"
             + ("Expect: 100-continue\r\n" if expect else "") + "\r\n")
    return raw


def stored_bodies(server):
    return [p for p in (server.data / "uploads").iterdir() if p.name.startswith("body-")]


def test_parts_make_the_whole(server, api, upload):
    half = len(LARGE) // 2
    for offset, part in ((0, LARGE[:half]), (half, LARGE[half:])):
        response = api.request("PATCH", f"/uploads/{upload['id']}", data=part,
                               headers={"Content-Type": "application/octet-stream",
                                        "Upload-Offset": str(offset)})
        assert response.status_code < 300, response.text
    assert api.get(f"/uploads/{upload['id']}")["offset"] == len(LARGE)
    assert stored_bodies(server) == []


def test_refused_before_the_bytes_are_sent(server, api, upload):
    with Raw(server) as raw:
        patch(raw, upload, api, len(LARGE), expect=True, token="mst_wrong")
        status, headers, _ = raw.read_response()
    assert status == 401
    assert headers["connection"] == "close"


def test_accepted_with_a_word(server, api, upload):
    with Raw(server) as raw:
        patch(raw, upload, api, 4, expect=True)
        assert raw.socket.recv(1000).startswith(b"HTTP/1.1 100 ")
        status, _, body = raw.send(LARGE[:4]).read_response()
    assert status < 300, body
    assert api.get(f"/uploads/{upload['id']}")["offset"] == 4


def test_broken_off_leaves_nothing(server, api, upload):
    with Raw(server) as raw:
        patch(raw, upload, api, len(LARGE)).send(LARGE[:200000])
        wait_until(lambda: stored_bodies(server), "the first bytes to be stored")
    wait_until(lambda: not stored_bodies(server), "the broken body to be removed")
    assert api.get(f"/uploads/{upload['id']}")["offset"] == 0


def test_json_where_bytes_belong_is_refused(api, upload):
    response = api.request("PATCH", f"/uploads/{upload['id']}", json={},
                           headers={"Upload-Offset": "0"})
    assert response.status_code == 400


def test_workers_that_are_all_busy_say_so():
    with Server(options=["--workers", "1", "--queue-max", "1"]) as server:
        seen = []

        def sign_in():
            seen.append(server.api().request(
                "POST", "/session", json={"login": "nobody", "password": "wrong"}))

        threads = [threading.Thread(target=sign_in) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = {r.status_code for r in seen}
        assert 503 in statuses and statuses <= {401, 429, 503}
        assert all(r.headers["Retry-After"] for r in seen if r.status_code == 503)
        assert server.ready()
