# SPDX-License-Identifier: Apache-2.0
"""The disk of the server is full: nothing acknowledged is lost, errors say what to do, and space is all that it needs."""
import hashlib
import os
import subprocess

import pytest

from harness import ApiError, FakeAgent, Server, database, wait_until

MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


class SmallDisk:
    """A file system of its own for a folder, that can be filled and emptied."""

    def __init__(self, path, mib):
        self.path = path
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "muster-test", path], check=True)

    def fill(self):
        with open(self.path / "ballast", "ab", buffering=0) as file:
            for size in (MIB, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def empty(self):
        (self.path / "ballast").unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=False)


@pytest.fixture
def server():
    server = Server()
    disk = SmallDisk(server.data, 400)
    try:
        server.start()
        server.disk = disk
        yield server
    finally:
        disk.empty()
        try:
            server.stop()
        finally:
            disk.close()
            server.close()


def test_database_without_room_loses_nothing_and_recovers_by_itself(server):
    done, failures = [], []

    def change():
        """One change; the text of the problem when it was refused."""
        name = f"c-{len(done) + len(failures)}"
        try:
            server.admin.post("/configs", {"name": name, "description": "x" * 1000})
        except ApiError as error:
            failures.append(error)
        else:
            done.append(name)
        return failures

    with FakeAgent(server) as node:
        node.connect()
        node.log("before")
        node.wait_ack("logs", 1)
        change()
        assert not failures
        server.disk.fill()
        wait_until(change, "a change to be refused")
        for _ in range(3):
            change()
        node.log("during")
        assert {error.status for error in failures} == {503}, [str(error) for error in failures]
        # The database may have ended of it, and is then what is missed.
        assert any("disk of the database is full" in str(error) for error in failures), [str(error) for error in failures]
        server.disk.empty()
        node.wait_ack("logs", 2)
        wait_until(server.ready, "the server to be ready again")
        change()
        assert done[-1] == f"c-{len(done) + len(failures) - 1}", failures[-1]
        kept = {item["name"] for item in server.admin.items("/configs")}
        assert kept >= set(done)
        assert [text for (text,) in database(
            server, "SELECT text FROM log_line WHERE node_id = %s ORDER BY id", (node.node,))] == ["before", "during"]


def test_upload_without_room_goes_on_where_it_was(server):
    data = os.urandom(2 * MIB)
    server.disk.empty()
    upload = server.admin.post("/uploads", {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})

    def send(offset, part):
        return server.admin.request("PATCH", f"/uploads/{upload['id']}", data=part, headers={
            "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"})

    assert send(0, data[:MIB]).status_code in (200, 204)
    server.disk.fill()
    full = send(MIB, data[MIB:])
    assert full.status_code == 503 and "disk is full" in full.text, full.text
    server.disk.empty()
    wait_until(server.ready, "the server to be ready again")
    assert server.admin.get(f"/uploads/{upload['id']}")["offset"] == MIB
    assert send(MIB, data[MIB:]).status_code in (200, 204)
