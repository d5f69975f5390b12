# SPDX-License-Identifier: Apache-2.0
"""What nodes send is stored once, acknowledged after that, and refused when it is wrong."""
import json

import pytest

from harness import FakeAgent, database, wait_until
from harness.fake_agent import node_id, now, topic


@pytest.fixture
def node(server):
    with FakeAgent(server) as agent:
        yield agent.connect()


def lines(agent):
    return [text for (text,) in database(
        agent.server, 'SELECT text FROM log_line WHERE node_id = %s ORDER BY id', (agent.node,))]


def letters(agent, node=None):
    return database(agent.server,
                    'SELECT reason, octet_length(payload) FROM dead_letter WHERE node_id = %s'
                    ' ORDER BY id', (node or agent.node,))


def refused_total(server):
    text = server.admin.get('/metrics')
    return int(next(line.split()[1] for line in text.splitlines()
                    if line.startswith('muster_dead_letters_total ')))


def test_lines_are_acknowledged_and_stored_once(node):
    node.log('one', 'two')
    node.wait_ack('logs', 1)
    node.log('one', 'two', seq=1)
    assert node.wait_ack('logs', 1)['upto'] == 1
    node.log('three')
    node.wait_ack('logs', 2)
    assert lines(node) == ['one', 'two', 'three']


def test_message_after_a_gap_waits_for_what_is_missing(node):
    node.log('three', seq=3)
    assert node.wait_ack('logs', 0)['upto'] == 0
    node.log('one', seq=1)
    node.log('two', seq=2)
    node.log('three', seq=3)
    node.wait_ack('logs', 3)
    assert lines(node) == ['one', 'two', 'three']


def test_gap_marker_stands_for_what_the_node_dropped(node):
    node.log('nine', seq=9, first=1, dropped=8)
    node.wait_ack('logs', 9)
    assert lines(node)[-1] == 'nine'
    assert any('8 earlier lines' in line for line in lines(node))


def test_lost_events_and_results_are_told_as_an_event(node):
    node.stream('events', {'at': now(), 'events': []}, seq=7, first=1, dropped=6)
    node.wait_ack('events', 7)
    told = [e['text'] for e in node.server.admin.items(f'/nodes/{node.name}/timeline')
            if e['kind'] == 'stream.gap']
    assert told == ['6 earlier events were given up on the node: no room left']


def test_times_that_a_node_has_put_right_are_marked(node):
    node.log('plain')
    node.log('put right', corrected_ms=-86400000)
    node.stream('events', {'at': now(), 'events': [
        {'at': now(), 'kind': 'agent.note', 'severity': 'info', 'text': 'x', 'data': {'a': 1}}]},
        corrected_ms=5000)
    node.wait_ack('events', 1)
    node.wait_ack('logs', 2)
    marks = {line['text']: line['corrected']
             for line in node.server.admin.get('/logs', node=node.name)['items']}
    assert marks == {'plain': False, 'put right': True}
    note = [e for e in node.server.admin.items(f'/nodes/{node.name}/timeline') if e['kind'] == 'agent.note']
    assert note[0]['data'] == {'a': 1, 'clock_corrected_ms': 5000}


def test_node_that_asks_is_told_the_time(node):
    node.received.clear()
    node.hello(ask_time='0123456789abcdef')
    payload = node.open(node.wait('command'))
    assert payload['kind'] == 'time' and payload['args'] == {'ask_time': '0123456789abcdef'}
    assert not [e for e in node.server.admin.items(f'/nodes/{node.name}/timeline')
                if e['kind'].startswith('command.')]


def test_new_epoch_begins_again(node):
    node.log('old')
    node.wait_ack('logs', 1)
    node.epoch = 'f' * 16
    node.log('new', seq=1)
    node.wait_ack('logs', 1)
    assert lines(node) == ['old', 'new']


def test_hello_tells_what_is_stored(server, node):
    node.log('one')
    node.wait_ack('logs', 1)
    node.received.clear()
    node.hello()
    assert node.wait_ack('logs', 1)['upto'] == 1


def test_events_and_services_reach_the_inventory(node):
    node.event('service.exited', 'exit 1', 'error', service='broker', data={'status': 1})
    node.wait_ack('events', 1)
    node.reported({'broker': {
        'state': 'running', 'reason': '', 'since': now(), 'ready': True, 'pid': 7, 'restarts': 1,
        'run': True, 'driver': 'generic', 'drift': False, 'package': None, 'config': None}})
    node.wait_ack('reported', 1)
    (kind, severity, data), = database(
        node.server, "SELECT kind, severity, data FROM node_event WHERE node_id = %s"
        " AND service = 'broker'", (node.node,))
    assert (kind, severity, data) == ('service.exited', 'error', {'status': 1})
    state, pid = database(node.server, 'SELECT reported_state, pid FROM node_service'
                          ' WHERE node_id = %s', (node.node,))[0]
    assert (state, pid) == ('running', 7)


def test_health_is_kept_with_the_node(node):
    node.health(host={'cpu_percent': 12.5, 'load1': 0.5},
                services={'broker': {'state': 'running', 'ready': True, 'pid': 7, 'restarts': 0,
                                     'cpu_percent': 1.5, 'mem_bytes': 4096}})
    health = wait_until(lambda: node.row('health')[0], 'health of the node')
    assert health['host']['cpu_percent'] == 12.5
    assert health['services']['broker']['mem_bytes'] == 4096


def test_malformed_message_is_a_dead_letter_and_the_stream_goes_on(server, node):
    before = refused_total(server)
    node.log('one')
    node.publish_raw('logs', 'nonsense')
    node.publish_raw('logs', b'\x00\xff\xfe')
    node.stream('logs', {'service': 5, 'lines': []})
    node.log('three')
    node.wait_ack('logs', 3)
    assert lines(node) == ['one', 'three']
    assert len(wait_until(lambda: len(letters(node)) == 3 and letters(node))) == 3
    assert refused_total(server) - before == 3


def test_oversize_message_is_a_dead_letter_cut_short(node):
    node.publish_raw('logs', json.dumps({'v': 1, 'pad': 'x' * 300_000}))
    (reason, size), = wait_until(lambda: letters(node))
    assert 'limit' in reason
    assert size == 4096
    node.log('after')
    node.wait_ack('logs', 1)


def test_message_in_the_name_of_another_node_is_refused(node):
    node.publish('health', {'node': node_id(), 'offline': True}, qos=1)
    (reason, _), = wait_until(lambda: letters(node))
    assert 'another node' in reason
    assert node.row('online')[0]


def test_broker_keeps_nodes_apart(server, node):
    with FakeAgent(server) as other:
        other.connect(hello=False)
        node.publish('health', {'offline': True}, qos=1,
                     to=topic(other.node, 'up', 'health'))
        # By the time its own message is through, the one before would be, too.
        node.log('mine')
        node.wait_ack('logs', 1)
        assert letters(node, other.node) == []
        assert other.row('last_seen_at')[0] is None


def test_unknown_node_is_refused(server):
    with FakeAgent(server, insert=False) as stranger:
        stranger.connect()
        (reason, _), = wait_until(lambda: letters(stranger))
        assert reason == 'unknown node'


def test_retired_node_is_refused(server, node):
    database(server, "UPDATE node SET state = 'retired', retired_at = now() WHERE id = %s",
             (node.node,))
    node.log('still here')
    (reason, _), = wait_until(lambda: letters(node))
    assert 'retired' in reason
    assert lines(node) == []


def test_log_lines_can_be_read_through_the_api(server, node):
    node.log('the pump is hot', 'the pump is cold')
    node.wait_ack('logs', 1)
    found = server.admin.get('/logs', node=node.name, service='collector', text='PUMP IS HOT')
    assert [line['text'] for line in found['items']] == ['the pump is hot']
    last = server.admin.get('/logs', node=node.node, limit=1)['items'][0]
    assert last['text'] == 'the pump is cold'
    node.log('the pump is off')
    node.wait_ack('logs', 2)
    tail = wait_until(lambda: server.admin.get('/logs', node=node.node, after=last['id'])['items'])
    assert [line['text'] for line in tail] == ['the pump is off']
