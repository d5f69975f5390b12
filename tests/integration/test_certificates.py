# SPDX-License-Identifier: Apache-2.0
"""Certificates of nodes: renewed in time, saved after their end, and worth nothing once retired."""
import base64
import os
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from harness import Agent, Server, enrolment, wait_until
from harness.fake_agent import database

PREFIX = b"muster-renew-1\n"
LIFETIME_S = 24


@pytest.fixture(scope="module")
def hasty():
    """A server whose certificates for nodes live for seconds."""
    with Server(options=["--certificate-lifetime", f"{LIFETIME_S}s"]) as running:
        yield running


def serial(agent):
    pem = (agent.dir / "keys" / "node.crt").read_bytes()
    return x509.load_pem_x509_certificate(pem).serial_number


def files(agent):
    return sorted(path.name for path in (agent.dir / "keys").iterdir())


def age(server, node, days):
    """As if all certificates of the node had been given that many days earlier."""
    database(server, "UPDATE node_certificate SET issued_at = issued_at - make_interval(days => %s),"
             " not_after = not_after - make_interval(days => %s) WHERE node_id = %s",
             (days, days, node))


def test_renewed_over_the_link_before_its_end(hasty):
    with Agent(hasty, name="gw") as agent:
        agent.wait_online()
        first = serial(agent)
        key = (agent.dir / "keys" / "node.key").read_bytes()
        wait_until(lambda: serial(agent) != first, "another certificate")
        assert (agent.dir / "keys" / "node.key").read_bytes() != key
        assert stat.S_IMODE((agent.dir / "keys" / "node.key").stat().st_mode) == 0o600
        assert files(agent) == ["ca.crt", "identity.json", "node.crt", "node.key"]
        used = "SELECT count(*) FROM node_certificate WHERE serial = %s AND used_at IS NOT NULL"
        second = f"{serial(agent):032x}"
        wait_until(lambda: database(hasty, used, (second,)) == [(1,)], "its use")
        assert agent.wait_status()["online"]
        audited = [a for a in hasty.admin.items("/audit") if a["action"] == "node.certificate"]
        assert audited and audited[-1]["actor_id"] == agent.node()["id"]


def test_node_that_slept_through_the_end_proves_its_old_key(hasty):
    agent = Agent(hasty, name="sleeper")
    agent.enroll()
    first = serial(agent)
    end = x509.load_pem_x509_certificate(
        (agent.dir / "keys" / "node.crt").read_bytes()).not_valid_after
    over = "SELECT now() AT TIME ZONE 'UTC' > %s"
    wait_until(lambda: database(hasty, over, (end,)) == [(True,)], "the end of the certificate")
    (agent.dir / "agent.conf").write_text("renew_after_ms = 1s\nreconnect_max_ms = 2s\n")
    agent.start()
    wait_until(lambda: serial(agent) != first, "another certificate")
    agent.wait_online()
    agent.close()


class Device:
    """An enrolled node of which the test has the key."""

    def __init__(self, api):
        self.api = api
        self.key = enrolment.new_key()
        token = api.post("/enroll-tokens", {})["token"]
        answer = api.anonymous().post("/enroll", enrolment.body(token, self.key))
        self.id, self.certificate = answer["node_id"], answer["certificate"]

    def renew(self, key=None, csr=None, **changes):
        csr = csr or enrolment.csr(enrolment.new_key())
        proof = (key or self.key).sign(PREFIX + csr.encode(), ec.ECDSA(hashes.SHA256()))
        body = {"certificate": self.certificate, "csr": csr,
                "proof": base64.b64encode(proof).decode(), **changes}
        return self.api.anonymous().request("POST", "/enroll/renew", json=body)


def refused(response, status, text):
    assert response.status_code == status, response.text
    assert text in response.json()["detail"]


def test_renewal_gives_the_same_node_a_certificate_for_another_key(server, api):
    device = Device(api)
    age(server, device.id, 100)
    csr = enrolment.csr(enrolment.new_key())
    answer = device.renew(csr=csr)
    assert answer.status_code == 201, answer.text
    made = x509.load_pem_x509_certificate(answer.json()["certificate"].encode())
    assert made.subject.rfc4514_string() == f"CN={device.id}"
    # The answer may be lost: the same key gets the same certificate.
    assert device.renew(csr=csr).json()["certificate"] == answer.json()["certificate"]


def test_renewal_wants_the_old_key(server, api):
    device, other = Device(api), Device(api)
    age(server, device.id, 100)
    refused(device.renew(key=other.key), 401, "not signed with the key")
    refused(device.renew(proof="AAAA"), 401, "not signed with the key")
    taken = enrolment.csr(other.key)
    refused(device.renew(csr=taken), 403, "belongs to another node")
    same = enrolment.csr(device.key)
    refused(device.renew(csr=same), 409, "new key")
    assert device.renew(certificate="nonsense").status_code == 400
    # Refusals that belong to no project, of other tests too, are in everybody's list.
    audits = [a for a in api.items("/audit")
              if a["action"] == "node.enroll_refused" and a["object_id"] == device.id]
    assert len(audits) == 3 and all(a["detail"]["of"] == "renewal" for a in audits)


def test_renewal_is_for_those_who_need_it(server, api):
    device = Device(api)
    refused(device.renew(), 409, "it is good")
    age(server, device.id, 365)
    refused(device.renew(), 403, "too long ago")
    late = Device(api)
    age(server, late.id, 100)
    api.post(f"/nodes/{late.id}/retire")
    refused(late.renew(), 403, "retired")
    copied = Device(api)
    age(server, copied.id, 100)
    csr = enrolment.csr(enrolment.new_key())
    assert copied.renew(csr=csr).status_code == 201
    database(server, "UPDATE node_certificate SET used_at = now() WHERE node_id = %s"
             " AND not_after > now()", (copied.id,))
    refused(copied.renew(), 403, "a newer certificate")


@pytest.mark.parametrize("done", [0, 1], ids=["before the key", "between key and certificate"])
def test_power_cut_during_the_switch(server, api, done):
    agent = Agent(server, api, "gw")
    agent.enroll()
    first = serial(agent)
    age(server, agent.node()["id"], 80)
    agent.run_command("renew", "--dir", agent.dir)
    assert serial(agent) == first and "next.crt" in files(agent)
    if done:
        os.rename(agent.dir / "keys" / "next.key", agent.dir / "keys" / "node.key")
    agent.start()
    agent.wait_online()
    assert serial(agent) != first
    assert files(agent) == ["ca.crt", "identity.json", "node.crt", "node.key"]
    agent.close()


def test_retiring_cuts_the_session_and_keeps_the_node_out(server, api, new_agent):
    leaving, staying = new_agent("leaving"), new_agent("staying")
    (leaving.dir / "agent.conf").write_text("reconnect_max_ms = 1s\n")
    leaving.stop()
    leaving.start().wait_online()
    seen = len(leaving.log())
    api.post("/nodes/leaving/retire")
    wait_until(lambda: "connection to the broker is lost" in leaving.log()[seen:],
               "the end of the session")
    wait_until(lambda: "was cut" in server.process.log(), "the word of the server")
    broker = server.data / "log" / "mosquitto.log"
    wait_until(lambda: "certificate verify failed" in broker.read_text(errors="replace"),
               "the broker to refuse it")
    # It says so for hours: never in again, and its services run on.
    assert not leaving.wait_status()["online"]
    assert staying.log().count("connected to the broker") == 1
    assert staying.node()["status"] == "online"
