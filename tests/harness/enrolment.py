# SPDX-License-Identifier: Apache-2.0
"""Enrolment by hand: keys and signing requests as a device makes them."""
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def csr(key, name="device"):
    request = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def body(token, key=None, **changes):
    return {"token": token, "csr": csr(key or new_key()), "hostname": "Plant-3.example",
            "platform": "linux-amd64", "agent_version": "0.1.0", **changes}


def enroll(api, labels=None, **changes):
    """A new node in api's project; the answer of the server."""
    token = api.post("/enroll-tokens", {"labels": labels or {}})["token"]
    return api.anonymous().post("/enroll", body(token, **changes))
