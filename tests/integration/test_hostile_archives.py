# SPDX-License-Identifier: Apache-2.0
"""Archives that are not what they should be: refused by server and agent, with nothing touched."""
import hashlib
import os
import stat
import subprocess

import pytest

from harness import hostile_archives, packages
from harness.process import program

LIMIT = 8 * hostile_archives.MIB


def picture(folder):
    """Every path below with what can be known of it."""
    seen = {}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            status = os.lstat(path)
            seen[os.path.relpath(path, folder)] = (status.st_mode, status.st_size, status.st_nlink,
                                                   status.st_mtime_ns)
    return seen


@pytest.fixture
def store(tmp_path):
    """A node's folder with a store of packages, an earlier version in it, and a neighbour."""
    for name, content in {"packages/older/bin/run": "older", "outside/secret": "secret"}.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def unpack(store, data, limit=LIMIT):
    """What the child of the agent answers, and the new folder."""
    sha256 = hashlib.sha256(data).hexdigest()
    part = store / "packages" / f"{sha256}.part"
    part.write_bytes(data)
    done = subprocess.run([program("muster-agent"), "unpack", part, sha256,
                           store / "packages" / sha256, str(limit)],
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False, timeout=120)
    part.unlink()
    return done.stdout.decode(errors="replace").strip(), store / "packages" / sha256


def test_the_agent_takes_every_good_format(store):
    for kind, data in hostile_archives.good().items():
        answer, folder = unpack(store, data)
        assert answer == "done", f"{kind}: {answer}"
        assert (folder / "share/text").read_bytes() == b"text" * 5000
        assert os.readlink(folder / "bin/also") == "run"
        # Neither set-id bits nor the archive's owner come along.
        assert stat.S_IMODE((folder / "bin/run").stat().st_mode) == 0o755
        assert (folder / "bin/run").stat().st_uid == os.geteuid()


def test_the_agent_refuses_and_touches_nothing(store):
    before = picture(store)
    for name, data in hostile_archives.hostile(LIMIT).items():
        answer, folder = unpack(store, data)
        assert answer.startswith("error "), f"{name}: {answer}"
        assert answer.split()[1] in ("archive", "size"), f"{name}: {answer}"
        assert not folder.exists(), name
        after = picture(store)
        # The store itself was written to; all else is as it was, to the nanosecond.
        after["packages"] = before["packages"]
        assert after == before, name
    assert not os.path.lexists("/tmp/muster-hostile")


def test_the_server_publishes_every_good_format_and_nothing_hostile(api):
    key = packages.ReleaseKey()
    api.post("/release-keys", {"name": "vendor", "public_key": key.public})

    def publish(version, kind, data):
        manifest = packages.manifest(data, version=version)
        manifest["archive"]["format"] = kind
        return packages.publish(api, data, key.sign(manifest))

    for kind, data in hostile_archives.good().items():
        response = publish(kind.replace("tar.", ""), kind, data)
        assert response.status_code == 201, f"{kind}: {response.text}"
    for name, data in hostile_archives.hostile(LIMIT).items():
        if name in ("bomb", "bomb behind the end", "empty"):
            continue  # within the server's limit of 4 GiB, and no body at all
        response = publish("9", "deb" if "Debian" in name else "tar.gz", data)
        assert response.status_code in (400, 413), f"{name}: {response.status_code} {response.text}"
    assert len(api.items("/packages")) == len(hostile_archives.good())


def test_a_manifest_may_name_the_tar_inside(api):
    key = packages.ReleaseKey()
    api.post("/release-keys", {"name": "vendor", "public_key": key.public})
    content = hostile_archives.tar(*hostile_archives.GOOD)
    data = hostile_archives.good()["tar.gz"]
    manifest = packages.manifest(data)
    for sha256, size, status in (("0" * 64, len(content), 400),
                                 (hashlib.sha256(content).hexdigest(), len(content) + 1, 400),
                                 (hashlib.sha256(content).hexdigest(), len(content), 201)):
        manifest["archive"]["tar"] = {"sha256": sha256, "size": size}
        response = packages.publish(api, data, key.sign(manifest))
        assert response.status_code == status, response.text
        if status == 400:
            assert response.json()["errors"][0]["field"].startswith("manifest.archive.tar"), response.text
