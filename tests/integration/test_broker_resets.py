# SPDX-License-Identifier: Apache-2.0
"""A broker that resets connections in the middle of the handshake is tried again, not waited for."""
import os
import socket
import struct
import subprocess
import threading

import pytest

from harness import Server, program, wait_until


@pytest.fixture
def resetting_port():
    """A listener that resets whoever has sent the first bytes; yields its port and a counter."""
    counted = []
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        listener.listen(5)

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.recv(1)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      struct.pack('ii', 1, 0))
                connection.close()
                counted.append(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], counted
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_server_tries_again(postgres, resetting_port):
    port, counted = resetting_port
    postgres.drop_database('resets')
    url = postgres.create_database('resets')
    subprocess.run([program('musterd'), 'migrate'], check=True, timeout=120,
                   env={**os.environ, 'MUSTER_DATABASE_URL': url})
    server = Server(url, f'mqtts://127.0.0.1:{port}')
    try:
        server.spawn()
        wait_until(lambda: len(counted) >= 3, 'the third attempt')
        assert 'lost the broker' in server.log()
        assert 'does not answer' not in server.log()
    finally:
        server.close()
        postgres.drop_database('resets')
