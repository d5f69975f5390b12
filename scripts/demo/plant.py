# SPDX-License-Identifier: Apache-2.0
"""The demo plant: a Muster server, five gateways with an agent each, and a simulated machine beside each gateway."""

import os
import random
import re
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

from processes import DemoError, start, stop, sweep, tail, wait_for

GATEWAYS = {
    "gw-1": {"site": "plant-1", "line": "press"},
    "gw-2": {"site": "plant-1", "line": "press"},
    "gw-3": {"site": "plant-1", "line": "paint"},
    "gw-4": {"site": "plant-2", "line": "press"},
    "gw-5": {"site": "plant-2", "line": "paint"},
}


def free_port():
    """A port that is free and that the kernel does not hand to outgoing connections meanwhile."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    for _ in range(1000):
        port = random.randrange(10240, max(first, 10241 + 10000))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise DemoError("no free port on 127.0.0.1")


class Gateway:
    """One gateway: its folder, its ports, its machine and its agent."""

    def __init__(self, plant, name, labels, seed):
        self.name = name
        self.labels = labels
        self.folder = os.path.join(plant.folder, "gateways", name)
        self.log = os.path.join(plant.folder, "log", name + ".log")
        self.broker_port = free_port()
        self.analytics_port = free_port()
        self.modbus_port = free_port()
        self.agent = None
        self.machine = start(
            [plant.program("muster-modsim"), "--port", str(self.modbus_port), "--seed", str(seed)],
            os.path.join(plant.folder, "log", f"machine-{seed}.log"),
        )
        self._plant = plant

    def enroll(self, token, fingerprint):
        command = [self._plant.program("muster-agent"), "enroll", "--dir", self.folder, "--name", self.name]
        command += ["--server", self._plant.url, "--token", token, "--ca-fingerprint", fingerprint]
        for label in self.labels.items():
            command += ["--label", "=".join(label)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DemoError(f"{self.name} could not enrol: {done.stderr.strip() or done.stdout.strip()}")

    def start(self):
        self.agent = start([self._plant.program("muster-agent"), "run", "--dir", self.folder], self.log)

    def shut_down(self):
        """The whole gateway goes: services first, in order, then the agent."""
        if self.agent is None or self.agent.poll() is not None:
            return
        command = [self._plant.program("muster-agent"), "shutdown", "--dir", self.folder]
        try:
            subprocess.run(command, capture_output=True, timeout=60, check=False)
            self.agent.wait(30)
        except subprocess.TimeoutExpired:
            pass
        stop(self.agent)

    def readings(self, topic, count, timeout_s=60):
        """That many messages from the gateway's own broker, as (topic, payload)."""
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.broker_port), "-t", topic]
        command += ["-C", str(count), "-W", str(timeout_s), "-F", "%t %p"]
        done = subprocess.run(command, capture_output=True, check=False)
        lines = done.stdout.replace(b"\0", b"").decode("utf-8", "replace").splitlines()
        return [tuple(line.split(" ", 1)) for line in lines if " " in line]


class Plant:
    """All of it. Everything is in one folder; close() ends everything that was started."""

    def __init__(self, folder, programs, health_interval="5s"):
        # Short, so that what happens on the plant is seen soon.
        self.folder = folder
        self.programs = programs
        self.health_interval = health_interval
        self.data = os.path.join(folder, "server")
        self.gateways = []
        self.server = None
        self.token = None
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        os.makedirs(os.path.join(folder, "log"))
        os.makedirs(os.path.join(folder, "gateways"))

    def program(self, name):
        return os.path.join(self.programs, name)

    @property
    def ca(self):
        return os.path.join(self.data, "keys", "ca.crt")

    def start_server(self):
        log = os.path.join(self.folder, "log", "musterd.log")
        command = [self.program("musterd"), "standalone", "--data", self.data]
        command += ["--listen", f"127.0.0.1:{self.port}", "--mqtt-listen", f"127.0.0.1:{free_port()}"]
        # The demo's webhook receiver is on loopback.
        command += ["--health-interval", self.health_interval, "--webhook-allow", "127.0.0.0/8"]
        self.server = start(command, log)
        wait_for("musterd standalone to be ready", lambda: self._ready(log), timeout_s=120)

    def _ready(self, log):
        if self.server.poll() is not None:
            raise DemoError(f"musterd ended with {self.server.returncode}; the end of {log}:\n{tail(log)}")
        if not os.path.exists(self.ca):
            return False
        try:
            context = ssl.create_default_context(cafile=self.ca)
            with urllib.request.urlopen(self.url + "/readyz", context=context, timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def make_token(self):
        """An API token for the muster command, made on the server's own machine."""
        command = [self.program("musterd"), "token", "create", "--data", self.data, "--project", "default"]
        command += ["--user", "admin", "--role", "admin", "--name", "demo"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"mst_[A-Za-z0-9_-]{43}", done.stdout)
        if not found:
            raise DemoError(f"musterd token create: {done.stderr.strip() or done.stdout.strip()}")
        self.token = found.group()

    def first_login(self):
        """What musterd wrote for the first administrator."""
        with open(os.path.join(self.data, "first-login.txt"), encoding="utf-8") as file:
            return file.read().strip()

    def add_gateways(self):
        for seed, (name, labels) in enumerate(GATEWAYS.items(), 1):
            self.gateways.append(Gateway(self, name, labels, seed))

    def gateway(self, name):
        return next(gateway for gateway in self.gateways if gateway.name == name)

    def died(self):
        """What ended although nobody asked it to, or None."""
        if self.server and self.server.poll() is not None:
            return f"musterd (exit {self.server.returncode}, see {self.folder}/log/musterd.log)"
        for gateway in self.gateways:
            if gateway.agent and gateway.agent.poll() is not None:
                return f"the agent of {gateway.name} (exit {gateway.agent.returncode}, see {gateway.log})"
        return None

    def close(self):
        """Ends everything. Returns how many processes did not end by themselves."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for gateway in self.gateways:
            gateway.shut_down()
            stop(gateway.machine)
        stop(self.server, grace_s=60)
        return sweep(self.folder)
