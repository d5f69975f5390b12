# SPDX-License-Identifier: Apache-2.0
import os
import socket

from .process import Process, free_port, remove_folder, temporary_folder
from .wait import wait_until

CONFIG = """\
per_listener_settings false
listener {port} 127.0.0.1
cafile {keys}/ca.crt
certfile {keys}/server.crt
keyfile {keys}/server.key
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {folder}/acl
persistence false
"""

ACL = """\
user muster-server
topic readwrite muster/#

pattern write muster/1/+/%u/up/#
pattern read muster/1/+/%u/down/#
"""


# For benches: nodes come without TLS to a listener of their own, and are whom they say.
PLAIN = """\
allow_anonymous true
listener {port} 127.0.0.1
max_queued_messages 20000
"""


class Broker:
    """A mosquitto with mutual TLS as docker/ and standalone configure it. keys is the keys folder of
    the server's data directory, whose authority it trusts. plain: a second listener without TLS."""

    def __init__(self, keys, port=None, plain=False):
        self.folder = temporary_folder()
        self.port = port or free_port()
        self.url = f"mqtts://127.0.0.1:{self.port}"
        self.plain_port = free_port() if plain else None
        config = CONFIG.format(port=self.port, keys=keys, folder=self.folder)
        if plain:
            config = config.replace("allow_anonymous false\n", "")
            config += PLAIN.format(port=self.plain_port)
        if os.geteuid() == 0:
            config += "user root\n"
        (self.folder / "mosquitto.conf").write_text(config)
        acl = self.folder / "acl"
        acl.write_text(ACL)
        acl.chmod(0o600)
        self.process = None

    def start(self):
        path = "/usr/sbin/mosquitto" if os.path.exists("/usr/sbin/mosquitto") else "mosquitto"
        self.process = Process([path, "-c", self.folder / "mosquitto.conf"],
                               self.folder / "log").start()
        wait_until(self._answers, "mosquitto to listen")
        return self

    def _answers(self):
        if not self.process.running():
            raise AssertionError(f"mosquitto ended:\n{self.process.log_tail()}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        if self.process is not None:
            self.process.stop(expect=None)
            self.process = None

    def kill(self):
        """No farewell: not even the wills of its clients are told."""
        self.process.kill()
        self.process = None

    def close(self):
        self.stop()
        remove_folder(self.folder)
