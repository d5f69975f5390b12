# SPDX-License-Identifier: Apache-2.0
"""The server's side of one node without a server: an authority, a broker, a download site and a
signing key. It hands out what a test tells it to, and acknowledges all that the agent sends."""
import base64
import datetime
import hashlib
import http.server
import ipaddress
import json
import pathlib
import ssl
import threading
import types

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from .broker import Broker
from .fake_agent import certificate, node_id, serial_number, topic
from .false_server import FalseServer, time_text
from .process import free_port, remove_folder, temporary_folder

STREAMS = ("reported", "result", "events", "logs")


def _write_key(path, key):
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                       serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()))


def make_authority(keys, address="127.0.0.1", days=(-1, 30)):
    """What musterd keeps in its keys folder, as far as brokers and nodes need it. The server's certificate is
    for the address, and valid for these days from now on."""
    begin = datetime.datetime.utcnow() - datetime.timedelta(days=365)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])

    def build(subject, key, start, end):
        at = [begin + datetime.timedelta(days=365 + day) for day in (start, end)]
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(name)
                .public_key(key.public_key()).serial_number(serial_number())
                .not_valid_before(at[0]).not_valid_after(at[1]))

    ca = build(name, ca_key, -365, 365).add_extension(x509.BasicConstraints(True, 0), True).sign(
        ca_key, hashes.SHA256())
    _write_key(keys / "ca.key", ca_key)
    (keys / "ca.crt").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    key = ec.generate_private_key(ec.SECP256R1())
    local = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    made = build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)]), key, *days
                 ).add_extension(local, False).sign(ca_key, hashes.SHA256())
    _write_key(keys / "server.key", key)
    (keys / "server.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    _write_key(keys / "signing.key", ed25519.Ed25519PrivateKey.generate())
    for file, made in zip(("mqtt-client.key", "mqtt-client.crt"),
                          certificate(keys, "muster-server", keys)):
        (keys / made).rename(keys / file)


def enroll_by_hand(folder, keys, node, broker_url, signer):
    """Writes into the agent's folder what an enrolment leaves there. signer: of desired states."""
    mine = folder / "keys"
    mine.mkdir(parents=True, mode=0o700)
    key, made = certificate(keys, node, mine)
    pathlib.Path(key).rename(mine / "node.key")
    pathlib.Path(made).rename(mine / "node.crt")
    (mine / "ca.crt").write_bytes((keys / "ca.crt").read_bytes())
    raw = signer.public_key().public_bytes(serialization.Encoding.Raw,
                                           serialization.PublicFormat.Raw)
    (mine / "identity.json").write_text(json.dumps({
        "node_id": node, "name": "gw", "project": "default", "brokers": [broker_url],
        "server_time": time_text(),
        "signing_keys": [{"public": base64.b64encode(raw).decode()}]}))


class Downloads:
    """Serves bytes by their path over HTTPS."""

    def __init__(self, keys):
        self.files = {}
        files = self.files

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                data = files.get(self.path)
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keys / "server.crt", keys / "server.key")
        self.port = free_port()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that was killed is no news
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def add(self, data):
        name = "/" + hashlib.sha256(data).hexdigest()
        self.files[name] = data
        return f"https://127.0.0.1:{self.port}{name}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class ScriptServer(FalseServer):
    def __init__(self):
        self.folder = temporary_folder()
        self.keys = self.folder / "keys"
        self.keys.mkdir()
        make_authority(self.keys)
        self.broker = Broker(self.keys).start()
        self.downloads = Downloads(self.keys)
        self.offered = None  # the envelope that hello is answered with
        super().__init__(types.SimpleNamespace(data=self.folder), self.broker, node_id())

    def close(self):
        super().close()
        self.downloads.close()
        self.broker.close()
        remove_folder(self.folder)

    def _on_message(self, client, arg, message):
        super()._on_message(client, arg, message)
        channel = message.topic.rsplit("/", 1)[1]
        if "/up/" not in message.topic:
            return
        body = json.loads(message.payload)
        if channel in STREAMS:
            self.acknowledge(body, channel, body["seq"])
        elif channel == "hello" and self.offered:
            self.send("desired", self.offered)

    def send(self, channel, payload):
        """Without waiting: also called by the thread of the connection."""
        if not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        self.client.publish(topic(self.node, "down", channel), payload, qos=1)

    def forget(self):
        """Nothing was heard, nothing is offered."""
        with self.arrived:
            self.received.clear()
        self.offered = None

    def offer(self, envelope):
        self.offered = envelope
        self.send("desired", envelope)

    def heard(self, channel, fits=lambda message: True):
        return self.count(channel, fits) > 0

    def enroll(self, folder):
        enroll_by_hand(folder, self.keys, self.node, self.broker.url, self.signer.private)
