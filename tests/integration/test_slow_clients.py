# SPDX-License-Identifier: Apache-2.0
"""Connections that dawdle are cut, whatever they drip; those that behave are not. And a stop is clean."""
import socket
import threading

import pytest

from harness import Raw, Server, wait_until


@pytest.fixture(scope="module")
def strict():
    with Server(options=["--request-timeout", "1s", "--idle-timeout", "1s",
                         "--event-streams-per-user", "2"]) as running:
        yield running


def closes(raw):
    """The server ends the connection; drips go on meanwhile, so that silence is not the reason."""
    return wait_until(lambda: drip_fails(raw), "the server to cut the connection", pause=0.1)


def drip_fails(raw):
    try:
        raw.send(raw.drip)
        raw.socket.settimeout(0.05)
        return raw.socket.recv(1) == b""
    except (socket.timeout, TimeoutError):
        return False
    except OSError:
        return True


@pytest.mark.parametrize("start, drip", [
    ("GET /heal", "t"),
    ("GET /healthz HTTP/1.1\r\nHost: x\r\n", "X-A: b\r\n"),
    ("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
     "Content-Length: 100000\r\n\r\n", " "),
])
def test_dripping_request_is_cut(strict, start, drip):
    with Raw(strict) as raw:
        raw.drip = drip
        raw.send(start)
        assert closes(raw)


def test_idle_connection_is_closed(strict):
    with Raw(strict) as raw:
        status, _, _ = raw.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").read_response()
        assert status == 200
        raw.socket.settimeout(30)
        assert raw.socket.recv(1) == b""


def test_stalled_handshake_is_cut(strict):
    with socket.create_connection(("127.0.0.1", strict.port), 30) as plain:
        plain.sendall(b"\x16\x03\x01")
        assert plain.recv(1) == b""


def test_half_a_request_and_an_end(strict):
    """The library overlooks an end that comes with data; the sweep does not."""
    before = connections(strict)
    for _ in range(5):
        with Raw(strict) as raw:
            raw.send("POST /api/v1/session HTTP/1.1\r\nHost: x\r\n")
    wait_until(lambda: connections(strict) <= before, "the connections to be forgotten")


def connections(server):
    text = server.api().get("/metrics")
    return next(int(line.split()[1]) for line in text.splitlines()
                if line.startswith("muster_http_connections "))


def test_streams_of_one_caller_are_limited(strict):
    api = strict.admin.in_project("default")
    streams = [api.request("GET", "/events", stream=True) for _ in range(2)]
    assert [s.status_code for s in streams] == [200, 200]
    assert api.request("GET", "/events").status_code == 429
    other = api.with_token(api.post("/tokens", {"name": "other"})["token"])
    streams.append(other.request("GET", "/events", stream=True))
    assert streams[2].status_code == 200
    streams[0].close()

    def free_again():
        with api.request("GET", "/events", stream=True) as stream:
            return stream.status_code == 200
    wait_until(free_again, "the closed stream to be forgotten")
    for stream in streams:
        stream.close()


def test_stop_ends_streams_and_answers_what_runs():
    with Server() as server:
        stream = server.admin.events(timeout=60)
        ended = threading.Event()

        def follow():
            for _ in stream:
                pass
            ended.set()

        threading.Thread(target=follow, daemon=True).start()
        with Raw(server) as half:
            half.send("POST /api/v1/session HTTP/1.1\r\nHost: x\r\n")
            server.stop()
        assert ended.wait(30)
