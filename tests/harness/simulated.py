# SPDX-License-Identifier: Apache-2.0
"""A server with its own PostgreSQL and mosquitto, and a fleet that muster-sim plays."""
import json
import os
import subprocess

from .broker import Broker
from .postgres import Postgres
from .process import Process, program
from .server import Server
from .wait import wait_until

PASSWORD = "a long password"


class Simulated:
    """plain: nodes reach the brokers without TLS, for benches and for quick tests.
    brokers: how many; broker i of n has the nodes with shard % n == i.
    postgres: settings of the cluster that override the harness's.

    with Simulated() as place:
        sim = place.play(nodes=200)
        place.finish(sim)
    """

    def __init__(self, plain=True, brokers=1, postgres=None, env=None, options=()):
        self.postgres = Postgres(postgres)
        self.server = None
        self.brokers, self.broker_count = [], brokers
        self.plain, self.env, self.options = plain, env, options
        self.sims = []

    def __enter__(self):
        try:
            self.postgres.start()
            url = self.postgres.create_database()
            self.command("migrate")
            self.server = Server(url, env={"MUSTER_LOG_LEVEL": "info", **(self.env or {})},
                                 options=self.options)
            self.server.spawn()
            keys = self.server.data / "keys"
            wait_until((keys / "mqtt-client.crt").exists, "the server's keys")
            self.server.stop()
            for _ in range(self.broker_count):
                self.brokers.append(Broker(keys, plain=self.plain).start())
            self.server.mqtt_url = ",".join(broker.url for broker in self.brokers)
            self.server.start()
            self.command("user", "create", "--login", "boss", "--role", "admin", "--system-admin",
                         env={"MUSTER_NEW_PASSWORD": PASSWORD})
            self.api = self.server.api()
            self.api.sign_in("boss", PASSWORD)
            self.api = self.api.in_project("default")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for sim in self.sims:
            if sim.running():
                sim.kill()
        if self.server is not None:
            self.server.close()
        for broker in self.brokers:
            broker.close()
        self.postgres.close()

    def command(self, *argv, env=None):
        return subprocess.run(
            [program("musterd"), *argv], check=True, capture_output=True, text=True, timeout=120,
            env={**os.environ, "MUSTER_DATABASE_URL": self.postgres.dsn(), **(env or {})}).stdout

    def options_of(self, nodes, **options):
        """The command line of a simulator: duration="0s" becomes --duration 0s."""
        if not os.path.exists(f"{options.get('state')}/fleet.json"):
            token = self.api.post("/enroll-tokens", {"uses": nodes})["token"]
            options = {"url": self.server.url, "token": token,
                       "ca_fingerprint": self.server.fingerprint, **options}
        if self.plain or self.broker_count > 1:
            options.setdefault("broker", ",".join(
                f"mqtt://127.0.0.1:{broker.plain_port}" if self.plain else broker.url
                for broker in self.brokers))
        found = ["--nodes", str(nodes), "--json"]
        for name, value in options.items():
            found.append(f"--{name.replace('_', '-')}={value}")
        return found

    def play(self, nodes, **options):
        """Starts a simulator."""
        sim = Process([program("muster-sim"), *self.options_of(nodes, **options)],
                      self.server.folder / f"sim{len(self.sims)}.log").start()
        self.sims.append(sim)
        return sim

    @property
    def broker(self):
        """The first broker, where there is only one."""
        return self.brokers[0]

    def wait_online(self, nodes, timeout=None):
        options = {} if timeout is None else {"timeout": timeout}
        wait_until(lambda: self.postgres.execute(
            "SELECT count(*) FROM node WHERE online")[0][0] >= nodes, f"{nodes} nodes online",
            **options)

    def finish(self, sim, number=None, timeout=120, status=0):
        """Waits for the end of a simulator, sends it a signal before if one is given; its figures."""
        if number is not None:
            sim.send_signal(number)
        assert sim.child.wait(timeout) == status, sim.log_tail()
        return json.loads(sim.log().splitlines()[-1])
