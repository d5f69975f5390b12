# SPDX-License-Identifier: Apache-2.0
"""What could make two programs see two different requests is refused, and the connection ends."""
import re

import pytest

from harness import Raw

# A second request that must never be carried out: /metrics would answer 200 from loopback.
SMUGGLED = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Smuggled: 1\r\n\r\n"
JSON = "Content-Type: application/json\r\n"


def statuses(answer):
    return [int(s) for s in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def post(headers, body=""):
    return f"POST /api/v1/session HTTP/1.1\r\nHost: x\r\n{JSON}{headers}\r\n{body}"


REFUSED = {
    "length with chunked": post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                                "0\r\n\r\n" + SMUGGLED),
    "chunked with length": post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
                                "0\r\n\r\n" + SMUGGLED),
    "two different lengths": post("Content-Length: 2\r\nContent-Length: 60\r\n", "{}" + SMUGGLED),
    "two equal lengths": post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}" + SMUGGLED),
    "blank before the colon": post("Content-Length : 70\r\n", SMUGGLED),
    "folded length": post("Content-Length: 3\r\n 4\r\n", SMUGGLED),
    "folded into a length": post("Content-Lengt: 3\r\n h\r\n", SMUGGLED),
    "folded value": post("X-Note: a\r\n b\r\nContent-Length: 2\r\n", "{}" + SMUGGLED),
    "unknown coding": post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + SMUGGLED),
    "two codings": post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n" + SMUGGLED),
    "identity coding": post("Transfer-Encoding: identity\r\n", "{}"),
    "coding twice": post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                         "0\r\n\r\n" + SMUGGLED),
    "two hosts": f"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n{SMUGGLED}",
    "no host": f"GET /healthz HTTP/1.1\r\nAccept: */*\r\n\r\n{SMUGGLED}",
    "chunked in 1.0": "POST /api/v1/session HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                      + SMUGGLED,
    "negative length": post("Content-Length: -3\r\n", SMUGGLED),
    "signed length": post("Content-Length: +2\r\n", "{}" + SMUGGLED),
    "hex length": post("Content-Length: 0x2\r\n", "{}" + SMUGGLED),
    "length list": post("Content-Length: 2, 2\r\n", "{}" + SMUGGLED),
    "length beyond 64 bits": post("Content-Length: 18446744073709551617\r\n", "{}" + SMUGGLED),
    "the library's unknown length": post("Content-Length: 18446744073709551615\r\n",
                                         "{}" + SMUGGLED),
    "carriage return in a value": post("X-Note: a\rb\r\nContent-Length: 2\r\n", "{}" + SMUGGLED),
    "illegal header name": post("X(y): z\r\nContent-Length: 2\r\n", "{}" + SMUGGLED),
    "other version": f"GET /healthz HTTP/1.2\r\nHost: x\r\n\r\n{SMUGGLED}",
    "dots in the path": f"GET /api/%2e%2e/healthz HTTP/1.1\r\nHost: x\r\n\r\n{SMUGGLED}",
    "zero byte in the query": f"GET /api/v1/version?x=%00 HTTP/1.1\r\nHost: x\r\n\r\n{SMUGGLED}",
    "absolute path": f"GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n{SMUGGLED}",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_closed(server, name):
    with Raw(server) as raw:
        answer = raw.send(REFUSED[name]).read_all()
    seen = statuses(answer)
    # The library answers some of these by itself, and writes its status line twice; it closes, too.
    assert seen and set(seen) <= {400, 413, 417, 501, 505}, answer
    assert b"ok\n" not in answer


def test_two_good_requests_on_one_connection(server):
    with Raw(server) as raw:
        raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                 "GET /api/v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = raw.read_all()
    assert statuses(answer) == [200, 200]
    assert b"ok\n" in answer and b'"api":1' in answer


def test_chunked_body_is_read(server):
    with Raw(server) as raw:
        raw.send(post("Transfer-Encoding: chunked\r\nConnection: close\r\n",
                      "a\r\n{\"login\":1\r\n1\r\n}\r\n0\r\n\r\n"))
        answer = raw.read_all()
    assert statuses(answer) == [400]
    assert b'"field":"login"' in answer


def test_encoded_slash_does_not_make_a_segment(server):
    with Raw(server) as raw:
        status, _, _ = raw.send("GET /api%2Fv1/version HTTP/1.1\r\nHost: x\r\n\r\n").read_response()
    assert status == 404


def test_zero_byte_does_not_cut_a_path(server):
    with Raw(server) as raw:
        status, _, _ = raw.send("GET /healthz%00.txt HTTP/1.1\r\nHost: x\r\n\r\n").read_response()
    assert status == 404
