# SPDX-License-Identifier: Apache-2.0
"""musterd standalone: alone on its directory, through crashes of its children, gone without trace."""
import os
import signal
import stat
import subprocess

import pytest

from harness import FakeAgent, Server, database, program, wait_until


def gone(server):
    wait_until(lambda: not server.processes(), 'all processes to be gone')


@pytest.fixture(scope='module')
def shared():
    """Making a database takes its time, so one directory serves all tests that start it once."""
    made = Server(options=['--health-interval', '2s'])
    yield made
    made.close()


@pytest.fixture
def own(shared):
    """A server that runs and that the test may break."""
    if shared.process is None or not shared.process.running():
        shared.start()
    return shared


def test_second_start_on_the_same_directory_is_refused(own):
    second = subprocess.run(
        [program('musterd'), 'standalone', '--data', own.data, '--listen', '127.0.0.1:0',
         '--mqtt-listen', '127.0.0.1:0'], capture_output=True, text=True, timeout=60, check=False)
    assert second.returncode == 1
    assert 'in use' in second.stderr
    assert str(own.process.pid) in second.stderr
    assert own.ready()


def test_stop_leaves_nothing_and_the_next_start_finds_everything(own):
    ports, password, fingerprint = own.ports, own.password, own.fingerprint
    own.stop()
    gone(own)
    own.start()
    assert own.ports == ports
    assert own.fingerprint == fingerprint
    own.api().sign_in('admin', password)


def test_first_login_is_for_the_owner_only(own):
    login = own.data / 'first-login.txt'
    assert stat.S_IMODE(login.stat().st_mode) == 0o600
    assert 'login: admin' in login.read_text()
    assert f'password: {own.password}' in own.log()
    for key in (own.data / 'keys').glob('*.key'):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_stop_in_the_middle_of_the_first_start():
    server = Server()
    try:
        server.spawn()
        wait_until(lambda: server.pid_of('initdb') or server.pid_of('postgres'),
                   'the database to be made')
        server.stop()
        gone(server)
        server.start()
        assert server.ready()
    finally:
        server.close()


def test_kill_takes_the_children_along_and_the_next_start_recovers(own):
    own.kill()
    gone(own)
    own.start()
    assert own.ready()


def test_broker_that_crashes_comes_back_and_nothing_is_lost(own):
    connections = own.log().count('connected to the broker')
    with FakeAgent(own) as node:
        node.connect()
        node.log('before')
        node.wait_ack('logs', 1)
        os.kill(own.pid_of('mosquitto'), signal.SIGKILL)
        wait_until(lambda: 'mosquitto runs again' in own.log(), 'mosquitto to run again')
        wait_until(lambda: own.log().count('connected to the broker') > connections,
                   'the server to return')
        node.disconnect()
        node.connect()
        node.log('after')
        node.wait_ack('logs', 2)


def test_database_that_crashes_stops_acknowledgements_and_comes_back(own):
    with FakeAgent(own) as node:
        node.connect()
        node.log('before')
        node.wait_ack('logs', 1)
        os.kill(own.pid_of('postgres -D'), signal.SIGKILL)
        node.log('during')
        node.wait_ack('logs', 2)
        assert 'PostgreSQL runs again' in own.log()
        assert [text for (text,) in database(
            own, 'SELECT text FROM log_line WHERE node_id = %s ORDER BY id', (node.node,))] == [
                'before', 'during']
        wait_until(own.ready, 'the server to be ready again')


def test_silent_node_is_noticed_and_its_last_will_at_once(own):
    with FakeAgent(own) as node:
        node.connect()
        wait_until(lambda: node.row('status') == ('online',), 'the node to be online')
        node.drop()
        wait_until(lambda: node.row('status') == ('offline',), 'the last will')
        node.connect()
        wait_until(lambda: node.row('status') == ('online',), 'the node to return')
        # It stays connected and says nothing.
        wait_until(lambda: node.row('status') == ('offline',), 'the silence to be noticed')
        reasons = [text for (text,) in database(
            own, "SELECT text FROM node_event WHERE kind = 'node.offline' AND node_id = %s"
            ' ORDER BY id', (node.node,))]
        assert reasons == ['the agent has disconnected', 'no heartbeat from the agent']
