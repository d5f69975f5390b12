# SPDX-License-Identifier: Apache-2.0
"""Packages: published when signature, manifest and archive agree, refused with the place otherwise."""
import base64
import hashlib
import hmac
import tarfile
import time
import urllib.parse

import pytest

from harness import packages


@pytest.fixture
def key(api):
    key = packages.ReleaseKey()
    api.post("/release-keys", {"name": "vendor", "public_key": key.public})
    return key


def stored(server):
    folder = server.data / "packages"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def link(path, target):
    info = tarfile.TarInfo(path)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def test_one_request(server, api, key):
    data = packages.archive()
    response = packages.publish(api, data, key.sign(packages.manifest(data)))
    assert response.status_code == 201, response.text
    release = response.json()
    assert release["sha256"] == hashlib.sha256(data).hexdigest()
    assert release["key_id"] == key.id and release["nodes"] == 0
    assert release["sha256"] in stored(server)
    assert [r["version"] for r in api.items("/packages")] == ["1.0"]
    assert [r["version"] for r in api.items("/packages/tool")] == ["1.0"]
    assert api.request("GET", "/packages/absent").status_code == 404
    again = packages.publish(api, data, key.sign(packages.manifest(data)))
    assert again.status_code == 409


def test_in_parts(server, api, key):
    data = packages.archive({"bin/run": "#!/bin/sh\n", "blob": "x" * 50000})
    upload = api.post("/uploads", {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
    path, half = f"/uploads/{upload['id']}", len(data) // 2

    def part(offset, chunk):
        return api.request("PATCH", path, data=chunk, headers={
            "Content-Type": "application/octet-stream", "Upload-Offset": str(offset)})

    assert part(0, data[:half]).json()["offset"] == half
    assert part(0, data[:half]).status_code == 409
    early = api.request("POST", "/packages", json={
        "upload_id": upload["id"], "manifest": key.sign(packages.manifest(data))})
    assert early.status_code == 409 and "not complete" in early.json()["detail"]
    assert api.get(path)["offset"] == half
    assert part(half, data[half:] + b"more").status_code == 413
    assert part(half, data[half:]).json()["offset"] == len(data)
    release = api.post("/packages", {"upload_id": upload["id"],
                                     "manifest": key.sign(packages.manifest(data))})
    assert release["size"] == len(data)
    assert api.request("GET", path).status_code == 404
    assert not list((server.data / "uploads").iterdir())


@pytest.mark.parametrize("headers", [{}, {"Upload-Offset": "x"}, {"Upload-Offset": "-1"}])
def test_part_without_offset(api, headers):
    upload = api.post("/uploads", {"size": 10, "sha256": "a" * 64})
    response = api.request("PATCH", f"/uploads/{upload['id']}", data=b"x", headers={
        "Content-Type": "application/octet-stream", **headers})
    assert response.status_code == 400


@pytest.mark.parametrize("body, field", [
    ({"size": 0, "sha256": "a" * 64}, "size"), ({"size": 1 << 50, "sha256": "a" * 64}, "size"),
    ({"size": 5, "sha256": "A" * 64}, "sha256"), ({"sha256": "a" * 64}, "size"),
])
def test_wrong_upload_is_named(api, body, field):
    response = api.request("POST", "/uploads", json=body)
    assert response.status_code in (400, 413)
    assert [e["field"] for e in response.json()["errors"]] == [field]


def test_upload_with_other_content(api, key):
    data = packages.archive()
    upload = api.post("/uploads", {"size": len(data), "sha256": "a" * 64})
    api.request("PATCH", f"/uploads/{upload['id']}", data=data, headers={
        "Content-Type": "application/octet-stream", "Upload-Offset": "0"})
    response = api.request("POST", "/packages", json={
        "upload_id": upload["id"], "manifest": key.sign(packages.manifest(data))})
    assert response.status_code == 400 and "sha256" in response.json()["detail"]


def refused(server, api, data, envelope, part, field=None):
    before = stored(server)
    response = packages.publish(api, data, envelope)
    assert response.status_code == 400, response.text
    problem = response.json()
    assert part in problem["detail"]
    if field:
        assert problem["errors"][0]["field"] == field
    assert not api.items("/packages") and stored(server) == before


def test_without_release_key(server, api):
    data = packages.archive()
    refused(server, api, data, packages.ReleaseKey().sign(packages.manifest(data)),
            "no release key", "manifest")


def test_signature_of_a_stranger(server, api, key):
    data = packages.archive()
    refused(server, api, data, packages.ReleaseKey().sign(packages.manifest(data)),
            "no release key of the project", "manifest")


def test_changed_after_signing(server, api, key):
    data = packages.archive()
    envelope = key.sign(packages.manifest(data))
    envelope["payload"] = key.sign(packages.manifest(data, version="6.6"))["payload"]
    refused(server, api, data, envelope, "no release key of the project", "manifest")


def test_revoked_key(server, api, key):
    api.delete(f"/release-keys/{api.items('/release-keys')[0]['id']}")
    data = packages.archive()
    refused(server, api, data, key.sign(packages.manifest(data)), "no release key", "manifest")


def test_envelope_of_another_kind(server, api, key):
    data = packages.archive()
    envelope = key.sign(packages.manifest(data), "application/vnd.muster.desired+json")
    refused(server, api, data, envelope, "", "manifest")


@pytest.mark.parametrize("changes, field", [
    ({"name": "Tool"}, "manifest.name"), ({"version": "../1"}, "manifest.version"),
    ({"platform": "windows"}, "manifest.platform"), ({"surprise": 1}, "manifest.surprise"),
    ({"service": {"command": []}}, "manifest.service.command"),
    ({"service": {"command": ["x"], "driver": "magic"}}, "manifest.service.driver"),
    ({"service": {"command": ["x"], "probes": [{"kind": "tcp"}, {"kind": "?"}]}},
     "manifest.service.probes[1].kind"),
])
def test_wrong_manifest_is_named(server, api, key, changes, field):
    data = packages.archive()
    refused(server, api, data, key.sign({**packages.manifest(data), **changes}), "", field)


def test_archive_other_than_its_manifest(server, api, key):
    data, other = packages.archive(), packages.archive({"bin/other": "other content"})
    same_size = data[:-1] + bytes([data[-1] ^ 1])
    refused(server, api, other, key.sign(packages.manifest(data)), "bytes", "manifest.archive.size")
    refused(server, api, same_size, key.sign(packages.manifest(data)), "sha256",
            "manifest.archive.sha256")


@pytest.mark.parametrize("files, part", [
    ({"../outside": "x"}, "../outside"), ({"/etc/passwd": "x"}, "/etc/passwd"),
    ({"link": link("link", "/etc/passwd")}, "link"),
    ({"link": link("link", "../../x")}, "link"),
    ({"dir": link("dir", "elsewhere"), "dir/file": "x"}, "dir/file"),
])
def test_dangerous_archive_is_named(server, api, key, files, part):
    data = packages.archive(files)
    refused(server, api, data, key.sign(packages.manifest(data)), part, "archive")


def test_not_an_archive(server, api, key):
    for data in (b"nonsense" * 100, packages.archive(mode="w:")):
        refused(server, api, data, key.sign(packages.manifest(data)), "archive", "archive")


def test_broken_header(server, api, key):
    for value in (None, "!", "e30", "W10=", "bm8="):
        headers = {"Content-Type": "application/octet-stream"}
        if value:
            headers["Muster-Manifest"] = value
        response = api.request("POST", "/packages", data=packages.archive(), headers=headers)
        assert response.status_code == 400, value


def test_delete_removes_the_archive(server, api, key):
    data = packages.archive({"bin/run": "to be deleted"})
    release = packages.publish(api, data, key.sign(packages.manifest(data))).json()
    second = packages.publish(api, data, key.sign(packages.manifest(data, version="2.0")))
    assert second.status_code == 201
    api.delete("/packages/tool/1.0")
    assert release["sha256"] in stored(server)
    api.delete("/packages/tool/2.0")
    assert release["sha256"] not in stored(server)
    assert api.request("DELETE", "/packages/tool/2.0").status_code == 404


@pytest.mark.parametrize("body, field", [
    ({"name": "k"}, "public_key"), ({"name": "k", "public_key": "short"}, "public_key"),
    ({"name": "", "public_key": packages.ReleaseKey().public}, "name"),
    ({"name": "k", "public_key": "-----BEGIN PUBLIC KEY-----\nx\n"}, "public_key"),
])
def test_wrong_release_key_is_named(api, body, field):
    response = api.request("POST", "/release-keys", json=body)
    assert response.status_code == 400
    assert [e["field"] for e in response.json()["errors"]] == [field]


def test_release_key_as_pem(api, key):
    other = packages.ReleaseKey()
    made = api.post("/release-keys", {"name": "pem", "public_key": other.pem()})
    assert made["key_id"] == other.id and made["public_key"] == other.public
    again = api.request("POST", "/release-keys", json={"name": "x", "public_key": key.public})
    assert again.status_code == 409


def test_download_needs_a_signature(server, api, key):
    data = packages.archive()
    release = packages.publish(api, data, key.sign(packages.manifest(data))).json()
    path = f"/download/{release['sha256']}"
    anonymous = api.anonymous()
    assert anonymous.request("GET", path).status_code == 403
    query = urllib.parse.urlencode({"node": "n", "expires": int(time.time()) + 60, "sig": "A" * 43})
    assert anonymous.request("GET", f"{path}?{query}").status_code == 403
    assert anonymous.request("GET", "/download/../keys/ca.key").status_code in (400, 404)
    assert anonymous.request("GET", "/download/" + "z" * 64).status_code == 404


def signed(server, sha256, node="nx", expires=None):
    """The address as the server makes it for a node, with the key out of its data directory."""
    expires = int(time.time()) + 60 if expires is None else expires
    secret = bytes.fromhex((server.data / "keys" / "url.key").read_text().strip())
    text = f"muster download v1\n{sha256}\n{node}\n{expires}".encode()
    code = hmac.new(secret, text, hashlib.sha256).digest()
    query = {"node": node, "expires": expires,
             "sig": base64.urlsafe_b64encode(code).rstrip(b"=").decode()}
    return f"/download/{sha256}?{urllib.parse.urlencode(query)}"


def test_download_in_ranges(server, api, key):
    data = packages.archive({"bin/run": "#!/bin/sh\n", "blob": "x" * 100000})
    release = packages.publish(api, data, key.sign(packages.manifest(data))).json()
    path, anonymous = signed(server, release["sha256"]), api.anonymous()
    whole = anonymous.request("GET", path)
    assert whole.status_code == 200 and whole.content == data
    assert whole.headers["ETag"] == f'"{release["sha256"]}"'
    rest = anonymous.request("GET", path, headers={"Range": f"bytes={len(data) // 2}-"})
    assert rest.status_code == 206 and rest.content == data[len(data) // 2:]
    beyond = anonymous.request("GET", path, headers={"Range": f"bytes={len(data)}-"})
    assert beyond.status_code == 416
    same = anonymous.request("GET", path, headers={"If-None-Match": whole.headers["ETag"]})
    assert same.status_code == 304
    expired = signed(server, release["sha256"], expires=int(time.time()) - 1)
    assert anonymous.request("GET", expired).status_code == 403
    assert anonymous.request("GET", signed(server, "a" * 64)).status_code == 404


def test_viewers_may_only_look(server, api, key):
    token = api.post("/tokens", {"name": "viewer", "role": "viewer"})["token"]
    viewer = api.with_token(token)
    assert viewer.request("GET", "/packages").status_code == 200
    assert viewer.request("GET", "/release-keys").status_code == 403
    data = packages.archive()
    response = packages.publish(viewer, data, key.sign(packages.manifest(data)))
    assert response.status_code == 403
