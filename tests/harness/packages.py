# SPDX-License-Identifier: Apache-2.0
"""Archives, manifests and release keys, as a vendor's build would make them."""
import base64
import gzip
import hashlib
import io
import json
import tarfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

PAYLOAD_TYPE = "application/vnd.muster.package+json"


class ReleaseKey:
    def __init__(self):
        self.private = ed25519.Ed25519PrivateKey.generate()
        self.raw = self.private.public_key().public_bytes(serialization.Encoding.Raw,
                                                          serialization.PublicFormat.Raw)
        self.public = base64.b64encode(self.raw).decode()
        self.id = hashlib.sha256(self.raw).hexdigest()[:16]

    def pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, payload, payload_type=PAYLOAD_TYPE):
        """The DSSE envelope of a manifest (a dict) or of bytes."""
        if not isinstance(payload, bytes):
            payload = json.dumps(payload).encode()
        kind = payload_type.encode()
        signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        return {"payloadType": payload_type, "payload": base64.b64encode(payload).decode(),
                "signatures": [{"keyid": self.id,
                                "sig": base64.b64encode(self.private.sign(signed)).decode()}]}


def archive(files=None, mode="w:gz"):
    """A tar of {path: text or bytes}; a tarfile.TarInfo among the values is added as it is."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for path, content in (files or {"bin/run": "#!/bin/sh\nexec sleep 1000\n"}).items():
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            body = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(body), 0o755
            tar.addfile(info, io.BytesIO(body))
    return out.getvalue()


def manifest(data, name="tool", version="1.0", **changes):
    return {"v": 1, "name": name, "version": version, "platform": "linux-amd64",
            "archive": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data),
                        "format": "tar.gz"},
            "service": {"driver": "generic", "command": ["${muster.package}/bin/run"]}, **changes}


def tar_of(data):
    """What a manifest says of the tar inside an archive in tar.gz."""
    tar = gzip.decompress(data)
    return {"sha256": hashlib.sha256(tar).hexdigest(), "size": len(tar)}


def header(envelope):
    return base64.b64encode(json.dumps(envelope).encode()).decode()


def publish(api, data, envelope):
    """One request: the archive as body, the manifest beside it. The bare response."""
    return api.request("POST", "/packages", data=data,
                       headers={"Content-Type": "application/octet-stream",
                                "Muster-Manifest": header(envelope)})
