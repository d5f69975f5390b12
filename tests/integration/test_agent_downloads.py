# SPDX-License-Identifier: Apache-2.0
"""The downloading child against servers and caches that cut, lie, dawdle and misunderstand."""
import contextlib
import datetime
import hashlib
import http.server
import ipaddress
import json
import random
import ssl
import subprocess
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.process import program

SIZE = 2 << 20
DATA = random.Random(5).randbytes(SIZE)
SHA256 = hashlib.sha256(DATA).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the script of its server says; see serve."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        asked = self.headers.get("Range")
        begin = int(asked.split("=")[1].split("-")[0]) if asked else 0
        with self.server.lock:
            self.server.asked.append(begin)
            answer = self.server.script(len(self.server.asked) - 1, begin)
        self.send_response(answer.get("status", 206 if begin else 200))
        body = answer.get("body", DATA[begin:])
        self.send_header("Content-Length", str(answer.get("length", len(body))))
        self.send_header("Connection", "close")
        if begin and answer.get("status", 206) == 206:
            first = answer.get("first", begin)
            self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{SIZE}")
        self.end_headers()
        for part in answer.get("parts", [body[:answer.get("cut", len(body))]]):
            self.wfile.write(part)
        self.close_connection = True


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .sign(key, hashes.SHA256()))
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return path


@contextlib.contextmanager
def serve(script, certificate=None):
    """script(number of the request, begin) -> what is odd about the answer."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.script, server.lock = [], script, threading.Lock()
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    server.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}/x?sig=1"
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fetch(tmp_path, certificate, urls, **changes):
    """What the child answers at last, and the file."""
    part = tmp_path / "part"
    order = {"urls": urls, "sha256": SHA256, "size": SIZE, "ca_file": str(certificate),
             "time": time.time_ns() // 1000,
             "part": str(part), "attempts": 3, "rate_bytes": 0, **changes}
    order = {key: value for key, value in order.items() if value is not None}
    done = subprocess.run([program("muster-agent"), "fetch"], input=json.dumps(order).encode(),
                          stdout=subprocess.PIPE, timeout=100, check=False)
    return done.stdout.decode().strip().splitlines()[-1], part


def good(_number, _begin):
    return {}


def test_every_break_is_gone_on_from(tmp_path, certificate):
    chance = random.Random(7)
    with serve(lambda number, begin: {"cut": chance.randrange(70000, 400000)},
               certificate) as server:
        answer, part = fetch(tmp_path, certificate, [server.url])
    assert answer == "done" and part.read_bytes() == DATA
    # No byte twice: each request begins where the one before was cut.
    assert server.asked == sorted(set(server.asked)) and len(server.asked) > 4


def test_a_killed_child_is_gone_on_from(tmp_path, certificate):
    (tmp_path / "part").write_bytes(DATA[:SIZE // 2])
    with serve(good, certificate) as server:
        answer, part = fetch(tmp_path, certificate, [server.url])
        assert answer == "done" and part.read_bytes() == DATA and server.asked == [SIZE // 2]
        # All of it is there, then more than all, then something else of any length.
        assert fetch(tmp_path, certificate, [server.url])[0] == "done"
        assert len(server.asked) == 1
        for left in (DATA + b"more", b"other" * 1000, b"x" * SIZE):
            part.write_bytes(left)
            answer, part = fetch(tmp_path, certificate, [server.url])
            assert answer == "done" and part.read_bytes() == DATA


@pytest.mark.parametrize("odd", [
    {"status": 200, "body": DATA},                      # ignores the range
    {"first": 0}, {"first": SIZE // 2 + 1},             # gives another one
    {"status": 416, "body": b""}, {"status": 500, "body": b"no"}, {"length": SIZE * 2},
], ids=["ignored", "from the begin", "one later", "refused", "broken", "too long"])
def test_a_server_that_misunderstands_ranges(tmp_path, certificate, odd):
    (tmp_path / "part").write_bytes(DATA[:SIZE // 2])
    with serve(lambda number, begin: odd if number == 0 else {}, certificate) as server:
        answer, part = fetch(tmp_path, certificate, [server.url])
    assert answer == "done" and part.read_bytes() == DATA


@pytest.mark.parametrize("odd,code", [
    ({"body": b"x" * SIZE}, "checksum"), ({"body": DATA + b"x"}, "size"),
    ({"status": 403, "body": b"no"}, "refused"), ({"status": 500, "body": b"no"}, "network"),
    ({"cut": 0}, "network"), ({"status": 302, "body": b""}, "network"),
])
def test_a_server_that_has_something_else(tmp_path, certificate, odd, code):
    with serve(lambda number, begin: odd, certificate) as server:
        answer, _ = fetch(tmp_path, certificate, [server.url], attempts=2)
    assert answer.split()[:2] == ["error", code]


def test_a_server_without_the_right_certificate_gives_nothing(tmp_path, certificate):
    other = tmp_path / "other.pem"
    other.write_text(certificate.read_text().split("-----BEGIN PRIVATE")[0])
    with serve(good, certificate) as server, serve(good) as plain:
        assert fetch(tmp_path, other, [server.url])[0] == "done"
        (tmp_path / "part").unlink()
        other.write_text("")
        for url in (server.url, plain.url):
            answer, part = fetch(tmp_path, other, [url], attempts=1)
            assert answer.split()[:2] == ["error", "network"] and part.stat().st_size == 0


@pytest.mark.parametrize("cache", [
    good, lambda n, b: {"body": b"x" * (SIZE - b)}, lambda n, b: {"body": DATA[b:] + b"x"},
    lambda n, b: {"status": 404, "body": b"no"}, lambda n, b: {"cut": 300000},
    lambda n, b: {"body": b"x" * SIZE, "cut": 300000}, lambda n, b: {"status": 302, "body": b""},
    lambda n, b: {"body": b"short", "length": 5},
], ids=["good", "wrong", "too long", "absent", "cuts", "wrong and cuts", "redirects", "short"])
def test_caches_help_and_never_harm(tmp_path, certificate, cache):
    with serve(good, certificate) as server, serve(cache) as near, serve(cache, certificate) as far:
        answer, part = fetch(tmp_path, certificate, [near.url, far.url, server.url])
    assert answer == "done" and part.read_bytes() == DATA
    assert near.asked
    if cache is good:
        assert not server.asked and not far.asked


def test_a_cache_that_is_gone_costs_a_moment(tmp_path, certificate):
    with serve(good) as gone:
        pass
    with serve(good, certificate) as server:
        answer, part = fetch(tmp_path, certificate, [gone.url, server.url])
    assert answer == "done" and part.read_bytes() == DATA and server.asked == [0]


def test_the_bandwidth_limit_holds(tmp_path, certificate):
    with serve(good, certificate) as server:
        began = time.monotonic()
        answer, _ = fetch(tmp_path, certificate, [server.url], rate_bytes=SIZE // 2)
        assert answer == "done" and time.monotonic() - began > 1.5


def test_a_patch_is_waited_for_and_has_any_size(tmp_path, certificate):
    def being_made(number, _begin):
        return {"status": 503, "body": b"{}"} if number == 0 else {"body": b"patch"}

    with serve(being_made, certificate) as server:
        answer, part = fetch(tmp_path, certificate, [server.url], sha256=None, wait_ms=60000)
    assert answer == "done" and part.read_bytes() == b"patch" and len(server.asked) == 2
    for odd in ({"status": 404, "body": b"no"}, {"body": DATA + b"x"}):
        with serve(lambda number, begin, odd=odd: odd, certificate) as server:
            answer, _ = fetch(tmp_path, certificate, [server.url], sha256=None, wait_ms=0)
        assert answer.startswith("error ")
