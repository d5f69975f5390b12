# SPDX-License-Identifier: Apache-2.0
"""A node with an older version fetches a patch; whatever is wrong with it, the archive comes instead."""
import base64
import hashlib
import hmac
import http.server
import os
import threading
import time

import pytest
import requests

from harness import Agent, wait_until
from harness.changes import Vendor, roll_out, steps

LOOP = "while :; do sleep 0.2; done\n"
NOISE = os.urandom(400 << 10).hex()


def change(version):
    return [{"service": "app", "driver": "generic", "run": True,
             "package": {"name": "app", "version": version}}]


@pytest.fixture
def vendor(api):
    return Vendor(api)


def release(vendor, version):
    """Mostly the same as every other version."""
    files = {"share/noise": NOISE, "share/version": version, "share/more": version * 1000}
    return vendor.release("app", version, LOOP, files=files, tar=True)


def saved(api, version):
    done = roll_out(api, change(version))
    assert done["state"] == "succeeded", done
    return {step["name"]: step["progress"]["saved_bytes"] for step in steps(api, done)}


def patch_of(server, old, new):
    names = [hashlib.sha256(data).hexdigest() for data in (old, new)]
    return server.data / "patches" / "-".join(names)


class Asker:
    """What a node would ask, with the addresses that the server would have given it."""

    def __init__(self, server):
        self.server = server
        text = (server.data / "keys/url.key").read_text(encoding="utf-8")
        self.key = bytes.fromhex(text.strip())

    def __call__(self, old, new, key=None):
        names = [hashlib.sha256(data).hexdigest() for data in (old, new)]
        expires = int(time.time()) + 600
        text = f"muster download v1\n{names[1]}\nnode\n{expires}".encode()
        code = hmac.new(key or self.key, text, hashlib.sha256).digest()
        sig = base64.urlsafe_b64encode(code).decode().rstrip("=")
        return requests.get(f"{self.server.url}/download/{names[1]}/from/{names[0]}",
                            params={"node": "node", "expires": expires, "sig": sig},
                            verify=self.server.data / "keys/ca.crt", timeout=60).status_code

    def wait(self, old, new):
        wait_until(lambda: self(old, new) == 200, "the patch to be made")


def test_an_upgrade_fetches_the_difference_only(server, api, vendor, new_agent):
    one, two, three = (release(vendor, version) for version in ("1", "2", "3"))
    agents = [new_agent("a"), new_agent("b")]
    assert saved(api, "1") == {"a": 0, "b": 0}
    # On a machine with much to do a node would not wait for it to be made.
    Asker(server).wait(one, two)
    Asker(server).wait(two, three)

    for count in saved(api, "2").values():
        assert count > len(two) * 9 // 10
    for agent in agents:
        folder = agent.dir / "packages" / hashlib.sha256(two).hexdigest()
        assert (folder / "share/noise").read_text() == NOISE
        assert (folder / "share/version").read_text() == "2"
        # Neither the patch nor the archive stays.
        assert not [path for path in folder.parent.iterdir() if path.suffix]
    patch = patch_of(server, one, two)
    assert 0 < patch.stat().st_size < len(two) // 10
    made = patch.stat().st_ino

    # What runs there was changed by hand on one of them: it gets the archive, and no word is lost.
    noise = agents[0].dir / "packages" / hashlib.sha256(two).hexdigest() / "share/noise"
    noise.write_text(NOISE.replace("0", "1"))
    count = saved(api, "3")
    assert count["a"] == 0 and count["b"] > len(three) * 9 // 10
    assert patch.stat().st_ino == made


def test_a_damaged_patch_costs_nothing_but_time(server, api, vendor, new_agent):
    one, two = release(vendor, "1"), release(vendor, "2")
    new_agent("a")
    saved(api, "1")
    patch = patch_of(server, one, two)
    patch.parent.mkdir(exist_ok=True)
    patch.write_bytes(b"MSTPTCH1" + os.urandom(5000))
    assert saved(api, "2") == {"a": 0}


def test_only_versions_of_one_package_have_patches(server, api, vendor):
    one, two = release(vendor, "1"), release(vendor, "2")
    other = vendor.release("other", "1", LOOP, files={"share/noise": NOISE}, tar=True)
    ask = Asker(server)
    assert ask(one, two, key=bytes(32)) == 403
    assert ask(other, two) == 404
    assert ask(b"absent", two) == 404
    ask.wait(one, two)
    api.request("DELETE", "/packages/app/1")
    assert not patch_of(server, one, two).exists()


def test_a_site_cache_is_asked_first(server, api, vendor, tmp_path):
    """A folder behind any web server will do; its owner is not trusted with anything."""
    one, two = (vendor.release("app", version, LOOP + f"# {version}\n") for version in ("1", "2"))
    folder = tmp_path / "download"
    folder.mkdir()
    asked = []

    class Cache(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=tmp_path)

        def log_request(self, code="-", size="-"):
            asked.append((self.path.split("?")[0], int(code)))

    (folder / hashlib.sha256(one).hexdigest()).write_bytes(one)
    (folder / hashlib.sha256(two).hexdigest()).write_bytes(b"x" * len(two))
    cache = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cache)
    threading.Thread(target=cache.serve_forever, daemon=True).start()
    agent = Agent(server, api, "gw")
    try:
        agent.dir.mkdir()
        (agent.dir / "agent.conf").write_text(
            f"cache_urls = http://127.0.0.1:1, http://127.0.0.1:{cache.server_port}/\n")
        agent.enroll()
        agent.start().wait_online()
        for version in ("1", "2"):
            assert roll_out(api, change(version))["state"] == "succeeded"
        assert [status for _, status in asked] == [200, 200]
    finally:
        agent.close()
        cache.shutdown()
        cache.server_close()
