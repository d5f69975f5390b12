# SPDX-License-Identifier: Apache-2.0
"""Who gets in, and what is refused: every refusal is clear and leaves an audit line."""
import concurrent.futures
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from harness import enrolment, wait_until


def utcnow():
    return datetime.datetime.utcnow().isoformat() + "Z"


def post(api, body):
    return api.anonymous().request("POST", "/enroll", json=body)


def new_token(api, **options):
    return api.post("/enroll-tokens", options)


def audit(api, action):
    return [item for item in api.items("/audit") if item["action"] == action]


def test_token_is_shown_once(server, api):
    made = new_token(api, name="line 1", uses=2, labels={"site": "a"})
    assert made["token"].startswith("mse_") and made["uses_left"] == 2
    assert made["ca_fingerprint"] == server.fingerprint
    assert made["token"] in made["command"] and server.url == made["server_url"]
    listed = api.items("/enroll-tokens")
    assert [token["id"] for token in listed] == [made["id"]]
    assert "token" not in listed[0]
    assert made["token"] not in server.log()


def test_device_becomes_a_node(server, api):
    key = enrolment.new_key()
    token = new_token(api, labels={"site": "a"})["token"]
    answer = api.anonymous().post("/enroll", enrolment.body(token, key, labels={"site": "forged",
                                                                                "rack": "7"}))
    assert answer["name"] == "plant-3"
    certificate = x509.load_pem_x509_certificate(answer["certificate"].encode())
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert [name.value for name in names] == [answer["node_id"]]
    assert certificate.public_key().public_numbers() == key.public_key().public_numbers()
    assert answer["ca"] == server.ca_path.read_text()
    assert answer["brokers"][0].startswith("mqtts://") and answer["signing_keys"][0]["public"]
    node = api.get("/nodes/plant-3")
    assert node["labels"] == {"site": "a", "rack": "7"}
    assert node["status"] == "pending" and node["hostname"] == "Plant-3.example"
    assert audit(api, "node.enroll")[0]["actor_id"] == answer["node_id"]


def test_same_token_and_key_is_the_same_node(api):
    key = enrolment.new_key()
    token = new_token(api)["token"]
    first = api.anonymous().post("/enroll", enrolment.body(token, key))
    again = api.anonymous().post("/enroll", enrolment.body(token, key))
    assert again["node_id"] == first["node_id"] and again["certificate"] == first["certificate"]
    assert len(api.items("/nodes")) == 1


def test_names_get_numbers(api):
    token = new_token(api, uses=3)["token"]
    names = [api.anonymous().post("/enroll", enrolment.body(token))["name"] for _ in range(3)]
    assert names == ["plant-3", "plant-3-2", "plant-3-3"]


def all_at_once(api, bodies):
    with concurrent.futures.ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda body: post(api, body), bodies))


def test_many_at_once_share_a_token(api):
    """Nobody waits for anybody before the last step, and still there are as many nodes as uses."""
    token = new_token(api, uses=6)["token"]
    answers = all_at_once(api, [enrolment.body(token) for _ in range(10)])
    taken = [answer.json() for answer in answers if answer.status_code in (200, 201)]
    assert sorted(node["name"] for node in taken) == [
        "plant-3", "plant-3-2", "plant-3-3", "plant-3-4", "plant-3-5", "plant-3-6"]
    assert {answer.status_code for answer in answers} == {201, 401}
    assert len(api.items("/nodes")) == 6
    assert api.items("/enroll-tokens")[0]["uses_left"] == 0


def test_one_key_at_once_is_one_node(api):
    token = new_token(api, uses=5)["token"]
    answers = all_at_once(api, [enrolment.body(token, enrolment.new_key())] * 5)
    assert len({answer.json()["node_id"] for answer in answers}) == 1, [a.text for a in answers]
    assert api.items("/enroll-tokens")[0]["uses_left"] == 4


def test_used_up_token(api):
    token = new_token(api)
    api.anonymous().post("/enroll", enrolment.body(token["token"]))
    response = post(api, enrolment.body(token["token"]))
    assert response.status_code == 401 and "used up" in response.json()["detail"]
    assert audit(api, "node.enroll_refused")[0]["object_id"] == token["id"]
    assert len(api.items("/nodes")) == 1


def test_revoked_token(api):
    token = new_token(api)
    api.delete(f"/enroll-tokens/{token['id']}")
    response = post(api, enrolment.body(token["token"]))
    assert response.status_code == 401 and "revoked" in response.json()["detail"]
    assert api.request("DELETE", f"/enroll-tokens/{token['id']}").status_code == 404


def test_expired_token(api):
    token = new_token(api, expires_in_s=1)
    wait_until(lambda: utcnow() > token["expires_at"], "the token to expire")
    response = post(api, enrolment.body(token["token"]))
    assert response.status_code == 401 and "expired" in response.json()["detail"]
    assert audit(api, "node.enroll_refused")
    assert not api.items("/nodes")


def test_unknown_token(api):
    response = post(api, enrolment.body("mse_" + "A" * 43))
    assert response.status_code == 401 and "not known" in response.json()["detail"]


def test_key_of_another_node(api):
    """A stolen request, shown with a token of the thief's own."""
    key = enrolment.new_key()
    api.anonymous().post("/enroll", enrolment.body(new_token(api)["token"], key))
    response = post(api, enrolment.body(new_token(api)["token"], key))
    assert response.status_code == 403 and "another node" in response.json()["detail"]
    assert audit(api, "node.enroll_refused")
    assert len(api.items("/nodes")) == 1


def test_token_of_a_retired_node(api):
    key = enrolment.new_key()
    token = new_token(api)["token"]
    api.anonymous().post("/enroll", enrolment.body(token, key))
    api.post("/nodes/plant-3/retire")
    response = post(api, enrolment.body(token, key))
    assert response.status_code == 403 and "retired" in response.json()["detail"]


def broken_csr(key):
    text = enrolment.csr(key)
    lines = text.splitlines()
    lines[3] = lines[3][::-1]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("make", [
    lambda: "", lambda: "nonsense", lambda: broken_csr(enrolment.new_key()),
    lambda: enrolment.csr(ec.generate_private_key(ec.SECP384R1())),
    lambda: enrolment.csr(rsa.generate_private_key(65537, 2048)), lambda: "x" * 20000,
], ids=["empty", "nonsense", "damaged", "curve", "short rsa", "long"])
def test_unfit_request(api, make):
    response = post(api, enrolment.body(new_token(api)["token"], csr=make()))
    assert response.status_code in (400, 413), response.text
    assert response.json()["code"] in ("invalid", "too_large")
    assert not api.items("/nodes")


@pytest.mark.parametrize("change, field", [
    ({"name": "No Name"}, "name"), ({"labels": {"a b": ""}}, "labels.a b"),
    ({"hostname": 5}, "hostname"), ({"platform": "x" * 99}, "platform"), ({"csr": None}, "csr"),
])
def test_wrong_field_is_named(api, change, field):
    response = post(api, enrolment.body(new_token(api)["token"], **change))
    assert response.status_code in (400, 413)
    assert [e["field"] for e in response.json()["errors"]] == [field]


def test_newer_agents_may_say_more(api):
    assert post(api, enrolment.body(new_token(api)["token"], tpm=True)).status_code == 201


@pytest.mark.parametrize("body, field", [
    ({"uses": 0}, "uses"), ({"uses": 100001}, "uses"), ({"expires_in_s": 0}, "expires_in_s"),
    ({"labels": {"a": {}}}, "labels.a"), ({"extra": 1}, "extra"),
])
def test_wrong_token_is_named(api, body, field):
    response = api.request("POST", "/enroll-tokens", json=body)
    assert response.status_code == 400
    assert [e["field"] for e in response.json()["errors"]] == [field]
