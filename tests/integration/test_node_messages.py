# SPDX-License-Identifier: Apache-2.0
"""What the server wants reaches the node, signed, and again when the node is behind."""
import hashlib
import json

import pytest

from harness import FakeAgent, database, wait_until

CONTENT = json.dumps({'v': 1, 'services': {'broker': {
    'driver': 'generic', 'run': True, 'package': {'name': 'p', 'sha256': 'a' * 64}}}})
DIGEST = 'sha256:' + hashlib.sha256(CONTENT.encode()).hexdigest()


@pytest.fixture
def node(server):
    with FakeAgent(server) as agent:
        yield agent


def want(agent, generation, wake=True):
    """A new generation as a rollout leaves it."""
    database(agent.server, 'INSERT INTO node_desired (node_id, generation, content, digest)'
             ' VALUES (%s, %s, %s, %s)', (agent.node, generation, CONTENT, DIGEST))
    database(agent.server, 'UPDATE node SET desired_generation = %s, desired_digest = %s'
             ' WHERE id = %s', (generation, DIGEST, agent.node))
    if wake:
        database(agent.server, "WITH row AS (INSERT INTO outbox (kind, node_id)"
                 " VALUES ('desired', %s)) SELECT pg_notify('muster_outbox', '')", (agent.node,))


def waiting(agent):
    return database(agent.server, 'SELECT count(*) FROM outbox WHERE node_id = %s',
                    (agent.node,))[0][0]


def test_desired_state_is_signed_and_leaves_the_outbox(server, node):
    node.connect()
    want(node, 1)
    desired = node.open(node.wait('desired'))
    assert desired['node'] == node.node
    assert desired['generation'] == 1
    assert desired['content'] == CONTENT
    assert desired['digest'] == DIGEST
    url = desired['fetch']['a' * 64]
    assert url.startswith(f'{server.url}/download/{"a" * 64}?node={node.node}&')
    wait_until(lambda: waiting(node) == 0, 'the outbox to be empty')


def test_node_that_was_away_gets_the_newest_state_on_return(node):
    want(node, 1)
    want(node, 2)
    wait_until(lambda: waiting(node) == 0, 'the outbox to be empty')
    node.connect(generation=0)
    assert node.open(node.wait('desired'))['generation'] == 2


def test_heartbeat_of_a_node_that_is_behind_brings_its_state(node):
    node.connect(generation=0)
    want(node, 1, wake=False)
    node.health(generation=0)
    assert node.open(node.wait('desired'))['generation'] == 1


def test_beat_keeps_what_was_told_and_brings_the_state_of_a_node_that_is_behind(node):
    node.connect(generation=0)
    node.health(generation=0, mark=5, host={'load1': 0.5})
    wait_until(lambda: node.row("health -> 'host' ->> 'load1'") == ('0.5',), 'the full message')
    seen, = node.row('last_seen_at')
    want(node, 1, wake=False)
    node.beat(5, figures=(25, 0, 0))
    assert node.open(node.wait('desired'))['generation'] == 1
    wait_until(lambda: node.row('last_seen_at')[0] > seen, 'the beat to count as a sign of life')
    assert node.row("health -> 'host' ->> 'load1'") == ('0.5',)
    host = node.server.admin.get(f'/nodes/{node.node}')['health']['host']
    assert host == {'load1': 0.5, 'cpu_percent': 12.5}


def test_beat_that_refers_to_what_is_not_there_asks_for_it(node):
    node.connect()
    node.log('one')
    assert node.wait_ack('logs', 1)['beats'] == 1
    node.beat(4711)
    asked = node.wait('ack', lambda ack: ack['stream'] == 'health')
    assert (asked['upto'], asked['beats']) == (0, 1)


def test_node_that_is_ahead_gets_a_higher_generation(node):
    want(node, 1)
    wait_until(lambda: waiting(node) == 0, 'the outbox to be empty')
    node.connect(generation=7, digest=DIGEST)
    assert node.open(node.wait('desired'))['generation'] == 8
    assert node.row('desired_generation, reported_generation') == (8, 7)


def test_retired_node_is_told_nothing(server, node):
    node.connect()
    database(server, "UPDATE node SET state = 'retired', retired_at = now() WHERE id = %s",
             (node.node,))
    want(node, 1)
    wait_until(lambda: waiting(node) == 0, 'the outbox to be empty')
    assert all(channel != 'desired' for channel, _ in node.received)


def command(agent, created='now()'):
    database(agent.server, f"WITH row AS (INSERT INTO outbox (kind, node_id, payload, created_at)"
             f" VALUES ('command', %s, %s, {created})) SELECT pg_notify('muster_outbox', '')",
             (agent.node, json.dumps({'id': 'c' * 20, 'kind': 'restart', 'service': 'broker'})))


def test_command_waits_for_its_node(node):
    command(node)
    node.connect()
    sent = node.open(node.wait('command'))
    assert (sent['node'], sent['kind'], sent['service']) == (node.node, 'restart', 'broker')
    wait_until(lambda: waiting(node) == 0, 'the outbox to be empty')


def test_command_that_nobody_took_expires_with_an_event(node):
    command(node, "now() - interval '1 hour'")
    wait_until(lambda: waiting(node) == 0, 'the outbox to be empty')
    assert database(node.server, 'SELECT kind FROM node_event WHERE node_id = %s',
                    (node.node,)) == [('command.failed',)]
