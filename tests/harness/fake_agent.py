# SPDX-License-Identifier: Apache-2.0
"""A node in Python that speaks the protocol by hand, so that a test decides what goes wrong.

It is not enrolled through the API: its certificate is made with the authority's key out of the data
directory, its row is put into the database.
"""
import base64
import datetime
import hashlib
import json
import os
import random
import ssl
import tempfile
import threading
import time

import paho.mqtt.client as mqtt
import psycopg2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
SHARDS = 64
WAIT_S = 60


def node_id():
    return 'n' + ''.join(random.choice(ALPHABET) for _ in range(19))


def shard_of(node):
    return int.from_bytes(hashlib.sha256(node.encode()).digest()[:4], 'big') % SHARDS


def topic(node, direction, channel, shard=None):
    return f'muster/1/{shard_of(node) if shard is None else shard:02d}/{node}/{direction}/{channel}'


def now():
    return datetime.datetime.utcnow().isoformat() + 'Z'


def database(server, sql, args=None):
    """Runs one statement in the database of a standalone server; its rows, or None."""
    connection = psycopg2.connect(f'host={server.data}/run/pg user=muster dbname=muster')
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql, args)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def serial_number():
    """Of 16 bytes, as musterd makes them; random_serial_number has more."""
    return random.getrandbits(127) | 1


def certificate(keys, name, folder):
    """Writes a key and a client certificate of the authority in folder; returns both paths."""
    with open(f'{keys}/ca.key', 'rb') as file:
        ca_key = serialization.load_pem_private_key(file.read(), None)
    with open(f'{keys}/ca.crt', 'rb') as file:
        ca = x509.load_pem_x509_certificate(file.read())
    key = ec.generate_private_key(ec.SECP256R1())
    start = datetime.datetime.utcnow() - datetime.timedelta(hours=1)
    made = (x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(ca.subject).public_key(key.public_key())
            .serial_number(serial_number())
            .not_valid_before(start).not_valid_after(start + datetime.timedelta(days=2))
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
            .sign(ca_key, hashes.SHA256()))
    with open(f'{folder}/{name}.key', 'wb') as file:
        file.write(key.private_bytes(serialization.Encoding.PEM,
                                     serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
    with open(f'{folder}/{name}.crt', 'wb') as file:
        file.write(made.public_bytes(serialization.Encoding.PEM))
    return f'{folder}/{name}.key', f'{folder}/{name}.crt'


class FakeAgent:
    """One node. Received messages are kept; wait_* return the first that fits."""

    def __init__(self, server, name=None, insert=True):
        self.server = server
        self.node = node_id()
        self.name = name or self.node
        self.epoch = os.urandom(8).hex()
        self.seq = {}
        self.received = []
        self.arrived = threading.Condition()
        self.subscribed = threading.Event()
        self.folder = tempfile.TemporaryDirectory(prefix='fa')
        if insert:
            database(server,
                     'INSERT INTO node (id, project_id, name, shard)'
                     " SELECT %s, id, %s, %s FROM project WHERE name = 'default'",
                     (self.node, self.name, shard_of(self.node)))
        self.client = None

    # --- the connection ---

    def connect(self, hello=True, generation=0, digest='', **streams):
        key, crt = certificate(f'{self.server.data}/keys', self.node, self.folder.name)
        self.subscribed.clear()
        self.client = mqtt.Client(client_id=self.node, clean_session=True)
        context = ssl.create_default_context(cafile=f'{self.server.data}/keys/ca.crt')
        context.load_cert_chain(crt, key)
        self.client.tls_set_context(context)
        self.client.will_set(topic(self.node, 'up', 'health'),
                             json.dumps({'v': 1, 'offline': True}), qos=1)
        self.client.reconnect_delay_set(1, 2)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = self._on_message
        self.client.connect('127.0.0.1', self.server.mqtt_port, keepalive=10)
        self.client.loop_start()
        assert self.subscribed.wait(WAIT_S), 'no SUBACK'
        if hello:
            self.hello(generation, digest, **streams)
        return self

    def _on_connect(self, client, *_):
        client.subscribe(topic(self.node, 'down', '+'), qos=1)

    def _on_message(self, _client, _arg, message):
        with self.arrived:
            self.received.append((message.topic.rsplit('/', 1)[1], json.loads(message.payload)))
            self.arrived.notify_all()

    def drop(self):
        """The connection breaks: the broker sends the last will."""
        self.client.loop_stop()
        self.client.socket().close()
        self.client = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def disconnect(self):
        if self.client is not None:
            self.client.disconnect()
            self.client.loop_stop()
            self.client = None

    def close(self):
        self.disconnect()
        self.folder.cleanup()

    def row(self, columns):
        return database(self.server, f'SELECT {columns} FROM node JOIN node_beat ON node_id = id'
                        ' WHERE id = %s', (self.node,))[0]

    # --- sending ---

    def publish_raw(self, channel, payload, qos=1, to=None):
        info = self.client.publish(to or topic(self.node, 'up', channel), payload, qos=qos)
        info.wait_for_publish(WAIT_S)

    def publish(self, channel, message, **kwargs):
        self.publish_raw(channel, json.dumps({'v': 1, **message}), **kwargs)

    def hello(self, generation=0, digest='', ask_time=None, **streams):
        self.publish('hello', {
            **({'ask_time': ask_time} if ask_time else {}),
            'node': self.node, 'protocol': 1, 'agent_version': '0.1.0', 'platform': 'linux-amd64',
            'hostname': 'fake', 'boot_id': 'b', 'epoch': self.epoch, 'generation': generation,
            'digest': digest,
            'streams': {'reported': 0, 'logs': 0, 'events': 0, 'result': 0, **streams}})

    def health(self, generation=0, digest='', **extra):
        self.publish('health', {'node': self.node, 'generation': generation, 'digest': digest,
                                'at': now(), 'uptime_s': 5, **extra}, qos=0)

    def beat(self, mark, generation=0, figures=(0, 0, 0)):
        """Figures of processor, memory and disk in half percents."""
        assert generation < 128
        self.publish_raw('beat', bytes([0xb1, *figures, mark >> 8, mark & 0xff, generation]), qos=0)

    def stream(self, channel, message, seq=None, **place):
        """Sends the next message of a stream, or one with a seq of your own; returns its seq."""
        if seq is None:
            seq = self.seq[channel] = self.seq.get(channel, 0) + 1
        self.publish(channel, {'epoch': self.epoch, 'seq': seq, **place, **message})
        return seq

    def log(self, *lines, seq=None, service='collector', **place):
        return self.stream('logs', {
            'service': service,
            'lines': [{'at': now(), 'stream': 'stdout', 'text': line} for line in lines]},
            seq=seq, **place)

    def event(self, kind, text='something', severity='info', **extra):
        return self.stream('events', {'at': now(), 'events': [
            {'at': now(), 'kind': kind, 'severity': severity, 'text': text, **extra}]})

    def reported(self, services, generation=0, digest=''):
        return self.stream('reported', {'at': now(), 'generation': generation, 'digest': digest,
                                        'services': services})

    # --- receiving ---

    def wait(self, channel, fits=lambda message: True, timeout=WAIT_S):
        """Removes and returns the first message of the channel that fits."""
        deadline = time.monotonic() + timeout
        with self.arrived:
            while True:
                for index, (name, message) in enumerate(self.received):
                    if name == channel and fits(message):
                        del self.received[index]
                        return message
                left = deadline - time.monotonic()
                if left <= 0 or not self.arrived.wait(left):
                    raise AssertionError(f'no {channel} within {timeout} s: {self.received}')

    def wait_ack(self, stream, upto, epoch=None):
        return self.wait('ack', lambda ack: ack['stream'] == stream and ack['upto'] >= upto
                         and ack['epoch'] == (epoch or self.epoch))

    def open(self, envelope):
        """Checks the signature of an envelope and returns its payload."""
        with open(f'{self.server.data}/keys/signing.key', 'rb') as file:
            key = serialization.load_pem_private_key(file.read(), None).public_key()
        assert isinstance(key, ed25519.Ed25519PublicKey)
        payload = base64.b64decode(envelope['payload'])
        kind = envelope['payloadType'].encode()
        signed = b'DSSEv1 %d %s %d %s' % (len(kind), kind, len(payload), payload)
        key.verify(base64.b64decode(envelope['signatures'][0]['sig']), signed)
        return json.loads(payload)
