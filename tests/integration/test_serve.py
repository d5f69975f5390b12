# SPDX-License-Identifier: Apache-2.0
"""musterd serve on its own: it waits for what is down, refuses a schema that is not its own, comes back."""
import os
import subprocess

import pytest

from harness import ApiError, Broker, Postgres, Process, program, Server, wait_until


def command(database_url, *argv, env=None):
    return subprocess.run([program("musterd"), *argv], capture_output=True, text=True, timeout=120,
                          check=False, env={**os.environ, "MUSTER_DATABASE_URL": database_url,
                                            **(env or {})})


def user(database_url, login="boss"):
    done = command(database_url, "user", "create", "--login", login, "--role", "admin",
                   "--system-admin", env={"MUSTER_NEW_PASSWORD": "a long password"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"login: {login}\n"


@pytest.fixture
def database(postgres, request):
    name = f"serve_{abs(hash(request.node.name)) % 10 ** 8}"
    postgres.drop_database(name)
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def migrated(database):
    done = command(database, "migrate")
    assert done.returncode == 0, done.stderr
    return database


class Served:
    """A server with a broker, which needs the server's keys first."""

    def __init__(self, database_url):
        self.server = Server(database_url)
        self.broker = None

    def __enter__(self):
        self.server.spawn()
        wait_until((self.server.data / "keys" / "mqtt-client.crt").exists, "the server's keys")
        self.server.stop()
        self.broker = Broker(self.server.data / "keys")
        self.server.mqtt_url = self.broker.url
        return self

    def __exit__(self, *_):
        try:
            self.server.close()
        finally:
            self.broker.close()


def test_commands_prepare_a_database(database):
    assert "musterd migrate" in command(database, "check").stderr
    assert command(database, "migrate").stdout.startswith("applied ")
    assert command(database, "migrate").stdout.startswith("applied 0 ")
    assert command(database, "check").returncode == 0
    user(database)
    again = command(database, "user", "create", "--login", "boss")
    assert again.returncode == 1 and "already" in again.stderr
    fresh = command(database, "user", "password", "--login", "boss")
    assert fresh.stdout.startswith("login: boss\npassword: "), fresh.stderr
    assert command(database, "user", "password", "--login", "nobody").returncode == 1
    assert "user password" in command(database, "user").stderr
    token = command(database, "token", "create", "--name", "ci", "--user", "boss", "--role",
                    "admin")
    assert token.stdout.startswith("mst_"), token.stderr
    assert command(database, "token", "create").returncode == 1
    assert command(database, "token").returncode == 2


def test_unknown_option_and_bad_value_are_named(database):
    assert "--nonsense" in command(database, "serve", "--nonsense", "1").stderr
    wrong = command(database, "serve", "--workers", "0")
    assert wrong.returncode == 2 and "workers" in wrong.stderr
    # It ends up in the line that people paste into a root shell.
    for url in ("https://x;reboot", "https://$(id)", "https://a b", "https://x'", "ftp://x", "https://", "x:8443"):
        wrong = command(database, "serve", "--public-url", url)
        assert wrong.returncode == 2 and "public-url is https://host:port" in wrong.stderr, url


def test_waits_for_database_and_broker(migrated, postgres):
    user(migrated)
    with Served(migrated) as served:
        server, broker = served.server, served.broker
        server.password = "a long password"
        postgres.stop()
        try:
            server.spawn()
            server.process.wait_log("waiting for PostgreSQL")
            assert server.api().request("GET", "/healthz").status_code == 200
            assert server.api().request("GET", "/readyz").status_code == 503
            refused = server.api().request("GET", "/users")
            assert refused.status_code == 503 and refused.headers["Retry-After"]
        finally:
            postgres.start()
        server.process.wait_log("serving url=")
        wait_until(lambda: "broker" in server.api().request("GET", "/readyz").json()["detail"],
                   "only the broker to be missing")
        broker.start()
        server.wait_ready()
        api = server.api()

        def sign_in():
            # Each worker finds the database by itself; until then it asks to be tried again.
            try:
                return api.sign_in("boss", "a long password")
            except ApiError as error:
                assert error.status == 503, error
                return None

        wait_until(sign_in, "a worker that has found the database")

        postgres.stop()
        try:
            assert api.request("GET", "/users").status_code == 503
            assert server.api().request("GET", "/healthz").status_code == 200
        finally:
            postgres.start()
        wait_until(lambda: api.request("GET", "/users").status_code == 200,
                   "the API to find the database again")
        wait_until(server.ready, "the server to be ready again")
        broker.stop()
        wait_until(lambda: api.request("GET", "/readyz").status_code == 503,
                   "the loss of the broker to be seen")
        broker.start()
        wait_until(server.ready, "the broker to be found again")


def test_foreign_schema_is_refused(migrated, postgres):
    name = migrated.split("dbname=")[1]
    postgres.execute("UPDATE schema_migration SET checksum = repeat('0', 64) WHERE version = 1",
                     database=name)
    server = Server(migrated).spawn()
    try:
        wait_until(lambda: not server.process.running(), "musterd to give up")
        assert server.process.child.returncode == 1
        assert "cannot serve" in server.log()
    finally:
        server.process = None
        server.close()


def test_second_server_on_the_same_folder_is_refused(migrated):
    with Served(migrated) as served:
        served.broker.start()
        served.server.start()
        second = Process(served.server.process.argv, served.server.folder / "second",
                         env=served.server.process.env).start()
        wait_until(lambda: not second.running(), "the second one to give up")
        assert second.child.returncode == 1
        assert str(served.server.process.pid) in second.log()
        assert served.server.ready()


def test_sign_in_fails_cleanly_while_the_database_is_away():
    with Postgres() as own:
        dsn = own.create_database()
        command(dsn, "migrate")
        user(dsn)
        with Served(dsn) as served:
            served.broker.start()
            served.server.start()
            own.stop()
            answer = served.server.api().request(
                "POST", "/session", json={"login": "boss", "password": "a long password"})
            assert answer.status_code == 503
            assert answer.json()["code"] == "unavailable"
