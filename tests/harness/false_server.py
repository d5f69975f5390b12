# SPDX-License-Identifier: Apache-2.0
"""Whoever has taken the broker: hears all that agents say and can send them anything."""
import base64
import datetime
import hashlib
import json
import ssl
import threading
import time

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives import serialization

from .fake_agent import topic
from .packages import ReleaseKey

WAIT_S = 60
DESIRED = "application/vnd.muster.desired+json"
COMMAND = "application/vnd.muster.command+json"


def time_text(offset_s=0):
    when = datetime.datetime.utcnow() + datetime.timedelta(seconds=offset_s)
    return when.isoformat() + "Z"


class FalseServer:
    """Sits on a broker of its own with the server's MQTT certificate."""

    def __init__(self, server, broker, node):
        self.node = node
        self.received = []
        self.arrived = threading.Condition()
        subscribed = threading.Event()
        keys = server.data / "keys"
        # The real signing key, to tell a right signature from all others.
        self.signer = ReleaseKey()
        self.signer.private = serialization.load_pem_private_key(
            (keys / "signing.key").read_bytes(), None)
        raw = self.signer.private.public_key().public_bytes(serialization.Encoding.Raw,
                                                            serialization.PublicFormat.Raw)
        self.signer.id = hashlib.sha256(raw).hexdigest()[:16]
        self.client = mqtt.Client(client_id="muster-server")
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(str(keys / "mqtt-client.crt"), str(keys / "mqtt-client.key"))
        self.client.tls_set_context(context)
        self.client.on_message = self._on_message
        self.client.on_connect = lambda client, *_: client.subscribe("muster/#", qos=1)
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()
        assert subscribed.wait(WAIT_S), "no SUBACK"

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _on_message(self, _client, _arg, message):
        if "/up/" not in message.topic:
            return
        with self.arrived:
            self.received.append((message.topic.rsplit("/", 1)[1], json.loads(message.payload)))
            self.arrived.notify_all()

    def wait(self, channel, fits=lambda message: True):
        """The first message of the channel that fits, old or new; it stays."""
        deadline = time.monotonic() + WAIT_S
        with self.arrived:
            while True:
                for name, message in self.received:
                    if name == channel and fits(message):
                        return message
                left = deadline - time.monotonic()
                if left <= 0 or not self.arrived.wait(left):
                    raise AssertionError(f"no such {channel}: {self.received[-4:]}")

    def count(self, channel, fits=lambda message: True):
        with self.arrived:
            return sum(name == channel and fits(message) for name, message in self.received)

    def send(self, channel, payload):
        if not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        self.client.publish(topic(self.node, "down", channel), payload,
                            qos=1).wait_for_publish(WAIT_S)

    def desired(self, generation, content, node=None, lifetime_s=3600, signer=None, **changes):
        text = content if isinstance(content, str) else json.dumps(content)
        payload = {"v": 1, "node": node or self.node, "generation": generation,
                   "issued": time_text(), "expires": time_text(lifetime_s),
                   "digest": "sha256:" + hashlib.sha256(text.encode()).hexdigest(),
                   "content": text, "fetch": {}, **changes}
        return (signer or self.signer).sign(payload, DESIRED)

    def command(self, kind, node=None, lifetime_s=300, signer=None, **changes):
        self.commands = getattr(self, "commands", 0) + 1
        payload = {"v": 1, "node": node or self.node, "id": f"command{self.commands:04d}",
                   "issued": time_text(), "expires": time_text(lifetime_s), "kind": kind,
                   **changes}
        return (signer or self.signer).sign(payload, COMMAND)

    def acknowledge(self, message, stream, upto):
        self.send("ack", {"v": 1, "stream": stream, "epoch": message["epoch"], "upto": upto})


def reseal(envelope, **changes):
    """The envelope with other words in its payload under the old signature."""
    payload = {**json.loads(base64.b64decode(envelope["payload"])), **changes}
    return {**envelope, "payload": base64.b64encode(json.dumps(payload).encode()).decode()}
