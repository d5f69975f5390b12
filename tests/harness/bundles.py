# SPDX-License-Identifier: Apache-2.0
"""Bundles as docs/bundles.md describes them: read, and made wrong in every way."""
import base64
import datetime
import hashlib
import io
import json
import tarfile

from cryptography.hazmat.primitives import serialization

from .packages import ReleaseKey

DESIRED = "application/vnd.muster.desired+json"
HEAD = b'{"v": 1}\n'


def read(data):
    """name -> content, in order."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {entry.name: tar.extractfile(entry).read() for entry in tar}


def header(name, size):
    """The one way in which a header may be written."""
    block = bytearray(512)
    for at, text in ((0, name), (100, "0000644"), (108, "0000000"), (116, "0000000"),
                     (124, f"{size:011o}"), (136, "00000000000"), (156, "0"), (257, "ustar"),
                     (263, "00"), (148, " " * 8)):
        block[at:at + len(text)] = text.encode()
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    return bytes(block)


def entry(name, content):
    return header(name, len(content)) + content + bytes(-len(content) % 512)


def write(entries, head=HEAD):
    """entries: pairs of name and content, in the order given."""
    return (entry("muster-bundle", head) + b"".join(entry(*pair) for pair in entries)
            + bytes(1024))


def payload(envelope):
    return json.loads(base64.b64decode(json.loads(envelope)["payload"]))


def server_key(server):
    """The signing key of a server, for envelopes that are rightly signed and wrong otherwise."""
    key = ReleaseKey()
    key.private = serialization.load_pem_private_key(
        (server.data / "keys" / "signing.key").read_bytes(), None)
    raw = key.private.public_key().public_bytes(serialization.Encoding.Raw,
                                                serialization.PublicFormat.Raw)
    key.id = hashlib.sha256(raw).hexdigest()[:16]
    return key


def seal(key, desired):
    """An envelope around a payload, whatever it says."""
    return json.dumps(key.sign(desired, DESIRED)).encode()


def time_text(**offset):
    when = datetime.datetime.utcnow() + datetime.timedelta(**offset)
    return when.isoformat() + "Z"
