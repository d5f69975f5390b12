/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/node.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fields.h"
#include "sim/hear.h"
#include "sim/mqtt.h"
#include "sim/worker.h"

enum { KEEPALIVE_S = 900, PING_AFTER_S = 600, CONNECT_TIMEOUT_S = 30, BACKOFF_MIN_MS = 1000 };

/* --- timers --- */

void node_timer(struct worker *worker, struct node *node, enum node_timer timer, usec_t at)
{
	usec_t next = 0;

	node->due[timer] = at;
	for (int i = 0; i < TIMER_COUNT; i++)
		if (node->due[i] && (!next || node->due[i] < next))
			next = node->due[i];
	if (next == node->next_due)
		return;
	node->next_due = next;
	worker_reschedule(worker, node);
}

/* --- life --- */

void node_init(struct worker *worker, struct node *node, const struct identity *identity,
	       uint32_t number)
{
	node->identity = identity;
	node->draw = (struct draw){(uint64_t)worker->options->seed, number};
	node->shard = topic_shard(identity->id);
	node->conn.fd = -1;
	node->progress = identity->progress;
	/* What was being applied is begun again when the server repeats it. */
	node->progress.accepted = node->progress.generation;
	memcpy(node->progress.accepted_digest, node->progress.digest, DIGEST_SIZE);
	for (size_t i = 0; i < STREAM_COUNT; i++)
		node->streams[i].acked = node->streams[i].sent = node->progress.produced[i];
	if (!node->progress.epoch[0])
		snprintf(node->progress.epoch, EPOCH_SIZE, "%016" PRIx64,
			 draw_bits(&node->draw, DRAW_EPOCH, (uint64_t)worker->now_utc));
}

void node_release(struct worker *worker, struct node *node)
{
	conn_close(&node->conn, false);
	content_release(worker->contents, node->content);
	content_release(worker->contents, node->change.content);
	streams_release(node);
	free(node->held);
}

/* --- the connection --- */

static void forget_connection(struct worker *worker, struct node *node)
{
	enum node_phase phase = node->phase;

	node->phase = NODE_OFFLINE;
	if (phase > NODE_CONNACK)
		stats_add(worker->stats, COUNT_CONNECTED, -1);
	if (phase == NODE_ONLINE)
		stats_add(worker->stats, COUNT_ONLINE, -1);
	else if (phase > NODE_WAITING)
		worker_connected(worker);
	if (node->answered)
		stats_add(worker->stats, COUNT_ANSWERED, -1);
	node->answered = false;
	node->hello_at = 0;
	node->puback_id = 0;
	free(node->held);
	node->held = NULL;
	for (int i = 0; i < TIMER_COUNT; i++)
		if (i != TIMER_CHANGE)
			node_timer(worker, node, (enum node_timer)i, 0);
	strbuf_reset(&worker->out);
}

void node_cut(struct worker *worker, struct node *node, bool abrupt, usec_t pause_us)
{
	conn_close(&node->conn, abrupt);
	forget_connection(worker, node);
	node_timer(worker, node, TIMER_CONNECT, worker->now + (pause_us > 0 ? pause_us : 1));
}

/* Full jitter, as agents do. */
static usec_t backoff_us(const struct worker *worker, struct node *node)
{
	int64_t ceiling_ms = BACKOFF_MIN_MS;

	for (unsigned int i = 0; i < node->attempt && ceiling_ms < worker->options->reconnect_max;
	     i++)
		ceiling_ms *= 2;
	if (ceiling_ms > worker->options->reconnect_max)
		ceiling_ms = worker->options->reconnect_max;
	node->attempt++;
	return draw_between(&node->draw, DRAW_BACKOFF, node->attempts++, 1,
			    ceiling_ms * USEC_PER_MSEC);
}

/* Not by our will. */
static void lost(struct worker *worker, struct node *node)
{
	stats_add(worker->stats,
		  node->phase == NODE_ONLINE ? COUNT_CONNECTION_LOST : COUNT_CONNECT_FAILURES, 1);
	node_cut(worker, node, true, backoff_us(worker, node));
}

/* Of those that the server names, another one each time that it did not work. */
static size_t broker_of(const struct worker *worker, const struct node *node)
{
	const struct fleet *fleet = worker->fleet;

	return ((size_t)node->shard + (fleet->by_shard ? 0 : node->attempt)) % fleet->broker_count;
}

void node_connect(struct worker *worker, struct node *node)
{
	size_t broker = broker_of(worker, node);
	struct error err = {0};

	node->begun = worker->now;
	node->phase = NODE_CONNECTING;
	if (!conn_open(&node->conn, &worker->targets[broker], worker->epoll, node, &err)) {
		lost(worker, node);
		return;
	}
	node_timer(worker, node, TIMER_CONNECT, worker->now + CONNECT_TIMEOUT_S * USEC_PER_SEC);
}

static void say_connect(struct worker *worker, struct node *node)
{
	char topic[LIMIT_TOPIC];
	const struct mqtt_will will = {topic, SAY_FAREWELL};

	topic_format(topic, node->identity->id, CHANNEL_HEALTH);
	node->phase = NODE_CONNACK;
	mqtt_write_connect(&worker->out, node->identity->id,
			   node->conn.tls ? NULL : node->identity->id, KEEPALIVE_S, &will);
	conn_watch(&node->conn, worker->epoll, node, EPOLLIN);
}

static void handshake(struct worker *worker, struct node *node)
{
	struct error err = {0};

	switch (tls_handshake(node->conn.tls, &err)) {
	case TLS_DONE:
		say_connect(worker, node);
		break;
	case TLS_WANTS_READ:
		conn_watch(&node->conn, worker->epoll, node, EPOLLIN);
		break;
	case TLS_WANTS_WRITE:
		conn_watch(&node->conn, worker->epoll, node, EPOLLOUT);
		break;
	case TLS_FAILED:
		lost(worker, node);
		break;
	}
}

/* The socket is connected, or will not be. */
static void begin(struct worker *worker, struct node *node)
{
	const struct broker *broker = &worker->fleet->brokers[broker_of(worker, node)];
	struct error err = {0};

	if (conn_failure(&node->conn) != 0) {
		lost(worker, node);
	} else if (!broker->tls) {
		say_connect(worker, node);
	} else if (!tls_new(worker->tls, node->conn.fd, broker->host, node->identity->certificate,
			    node->identity->key, &node->conn.tls, &err)) {
		lost(worker, node);
	} else {
		node->phase = NODE_HANDSHAKE;
		handshake(worker, node);
	}
}

static void subscribe(struct worker *worker, struct node *node)
{
	char filter[LIMIT_TOPIC];

	snprintf(filter, sizeof(filter), "muster/1/%02d/%s/down/+", node->shard,
		 node->identity->id);
	stats_add(worker->stats, COUNT_CONNECTED, 1);
	stats_add(worker->stats, COUNT_CONNECTS, 1);
	node->phase = NODE_SUBACK;
	mqtt_write_subscribe(&worker->out, filter, ++node->packet_id ? node->packet_id : 1);
}

void node_hello(struct worker *worker, struct node *node)
{
	const struct say_hello hello = {
		.node = node->identity->id,
		.hostname = node->identity->name,
		.boot_id = "00000000-0000-4000-8000-000000000000",
		.epoch = node->progress.epoch,
		.generation = node->progress.generation,
		.digest = node->progress.digest,
		.produced = node->progress.produced,
	};

	strbuf_reset(&worker->text);
	say_hello(&worker->text, &hello);
	stats_add(worker->stats, COUNT_HELLOS, 1);
	node_publish(worker, node, CHANNEL_HELLO, worker->text.data, worker->text.length);
}

/* The server answers a hello by what it has of our streams: there must be something. */
static void tell_first(struct worker *worker, struct node *node)
{
	for (size_t i = 0; i < STREAM_COUNT; i++)
		if (node->progress.produced[i] > 0)
			return;
	if (node->content || node->progress.generation == 0)
		node_tell_reported(worker, node);
	else
		node_tell_event(worker, node);
}

static void online(struct worker *worker, struct node *node)
{
	node->phase = NODE_ONLINE;
	node->attempt = 0;
	node->seen = true;
	node->full_health = 0;
	worker_connected(worker);
	stats_add(worker->stats, COUNT_ONLINE, 1);
	stats_lag(worker->stats, LAG_CONNECT, worker->now - node->begun);
	node_timer(worker, node, TIMER_CONNECT, 0);
	node_timer(worker, node, TIMER_PING, worker->now + PING_AFTER_S * USEC_PER_SEC);
	node_hello(worker, node);
	node->hello_at = worker->now;
	streams_connect(worker, node);
	tell_first(worker, node);
	node_beat(worker, node);
	if (worker->running)
		node_arm(worker, node);
}

void node_arm(struct worker *worker, struct node *node)
{
	const struct options *options = worker->options;
	double share = options->offline_share;

	if (node->phase != NODE_ONLINE)
		return;
	if (options->log_per_s > 0)
		node_timer(worker, node, TIMER_LOG,
			   worker->now + draw_between(&node->draw, DRAW_LOG, node->logs++, 1,
						      (int64_t)((double)options->log_batch /
								options->log_per_s *
								(double)USEC_PER_SEC)));
	if (options->events_per_min > 0)
		node_timer(worker, node, TIMER_EVENT,
			   worker->now + 1 +
				   draw_wait(&node->draw, DRAW_EVENT, node->events++,
					     (int64_t)((double)USEC_PER_MINUTE /
						       options->events_per_min)));
	if (share > 0)
		node_timer(worker, node, TIMER_OUTAGE,
			   worker->now + 1 +
				   draw_wait(&node->draw, DRAW_OUTAGE, node->outages,
					     (int64_t)((double)(options->outage * USEC_PER_MSEC) *
						       (1 - share) / share)));
}

/* --- what comes --- */

static void take_ack(struct worker *worker, struct node *node, const struct mqtt_packet *packet)
{
	struct error err = {0};
	struct msg_ack ack;
	json_t *json;

	if (!message_parse(packet->payload, packet->payload_size, LIMIT_UP_MESSAGE, worker->arena,
			   &json, &err) ||
	    !msg_ack_decode(json, worker->arena, &ack, &err)) {
		stats_add(worker->stats, COUNT_BAD_MESSAGE, 1);
		return;
	}
	stats_add(worker->stats, COUNT_ACKS, 1);
	if (node->hello_at) {
		stats_lag(worker->stats, LAG_ANSWER, worker->now - node->hello_at);
		node->hello_at = 0;
	}
	if (!node->answered)
		stats_add(worker->stats, COUNT_ANSWERED, 1);
	node->answered = true;
	stream_ack(worker, node, &ack);
}

static void take_command(struct worker *worker, struct node *node, const struct mqtt_packet *packet)
{
	const struct hearing hearing = {
		.keys = worker->fleet->keys,
		.key_count = worker->fleet->key_count,
		.contents = worker->contents,
		.arena = worker->arena,
		.now = worker->now_utc,
	};
	bool verify = draw_happens(&node->draw, DRAW_VERIFY, node->heard++,
				   worker->options->verify_share);
	const char *addressed, *kind;
	struct error err = {0};

	if (!hear_command(&hearing, packet->payload, packet->payload_size, verify, &addressed,
			  &kind, &err)) {
		stats_add(worker->stats,
			  err.code == ERR_FORBIDDEN ? COUNT_BAD_SIGNATURE : COUNT_BAD_MESSAGE, 1);
		return;
	}
	stats_add(worker->stats, COUNT_COMMANDS, 1);
	if (addressed && strcmp(addressed, node->identity->id) != 0)
		stats_add(worker->stats, COUNT_FOREIGN, 1);
	else if (strcmp(kind, "resend") == 0)
		node_hello(worker, node);
}

static void take_publish(struct worker *worker, struct node *node, const struct mqtt_packet *packet)
{
	char text[LIMIT_TOPIC];
	struct error err = {0};
	struct topic topic;

	if (packet->qos > 0)
		mqtt_write_puback(&worker->out, packet->id);
	snprintf(text, sizeof(text), "%.*s", (int)packet->topic_length, packet->topic);
	if (!topic_parse(text, &topic, &err)) {
		stats_add(worker->stats, COUNT_BAD_MESSAGE, 1);
		return;
	}
	arena_reset(worker->arena);
	if (strcmp(topic.node, node->identity->id) != 0)
		stats_add(worker->stats, COUNT_FOREIGN, 1);
	else if (topic.channel == CHANNEL_ACK)
		take_ack(worker, node, packet);
	else if (topic.channel == CHANNEL_DESIRED)
		change_desired(worker, node, packet->payload, packet->payload_size);
	else if (topic.channel == CHANNEL_COMMAND)
		take_command(worker, node, packet);
	else
		stats_add(worker->stats, COUNT_BAD_MESSAGE, 1);
}

/* False: the connection is over. */
static bool take_packet(struct worker *worker, struct node *node, const struct mqtt_packet *packet)
{
	switch (packet->type) {
	case MQTT_CONNACK:
		if (packet->code != 0 || node->phase != NODE_CONNACK)
			return false;
		subscribe(worker, node);
		return true;
	case MQTT_SUBACK:
		if (packet->code > 1 || node->phase != NODE_SUBACK)
			return false;
		online(worker, node);
		return true;
	case MQTT_PUBACK:
		if (node->puback_id && packet->id == node->puback_id) {
			stats_lag(worker->stats, LAG_PUBLISH, worker->now - node->puback_since);
			node->puback_id = 0;
		}
		return true;
	case MQTT_PUBLISH:
		if (node->phase < NODE_SUBACK)
			return false;
		take_publish(worker, node, packet);
		return true;
	default:
		return true;
	}
}

static void receive(struct worker *worker, struct node *node)
{
	size_t got, at = 0, used = 1;
	struct mqtt_packet packet;
	struct error err = {0};
	bool open = conn_read(&node->conn, worker->input, worker->input_size, &got);

	while (at < got && used > 0) {
		if (!mqtt_read(worker->input + at, got - at, worker->input_size / 2, &packet, &used,
			       &err)) {
			stats_add(worker->stats, COUNT_BAD_MESSAGE, 1);
			open = false;
			break;
		}
		if (used > 0 && !take_packet(worker, node, &packet)) {
			open = false;
			break;
		}
		at += used;
	}
	if (!open) {
		lost(worker, node);
		return;
	}
	conn_keep(&node->conn, worker->input + at, got - at);
}

void node_event(struct worker *worker, struct node *node, uint32_t events)
{
	if (node->conn.fd < 0)
		return;
	if (node->phase == NODE_CONNECTING)
		begin(worker, node);
	else if (node->phase == NODE_HANDSHAKE)
		handshake(worker, node);
	else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(worker, node);
	node_flush(worker, node);
}

void node_flush(struct worker *worker, struct node *node)
{
	struct strbuf *out = &worker->out;

	if (node->conn.fd >= 0 && node->phase > NODE_HANDSHAKE &&
	    (out->length > 0 || node->conn.out_size > 0) &&
	    !conn_write(&node->conn, worker->epoll, node, out->data, out->length))
		lost(worker, node);
	strbuf_reset(out);
}

/* --- what is due --- */

static void outage(struct worker *worker, struct node *node)
{
	uint64_t count = node->outages++;
	usec_t pause;

	node_timer(worker, node, TIMER_OUTAGE, 0);
	if (worker->draining)
		return;
	pause = draw_wait(&node->draw, DRAW_RETURN, count, worker->options->outage * USEC_PER_MSEC);

	stats_add(worker->stats, COUNT_OUTAGES, 1);
	if (draw_happens(&node->draw, DRAW_CLEAN, count, 0.5)) {
		node_leave(worker, node);
		node_flush(worker, node);
	}
	if (node->conn.fd >= 0)
		node_cut(worker, node, false, pause);
}

static void ping(struct worker *worker, struct node *node)
{
	if (worker->now - node->last_packet >= PING_AFTER_S * USEC_PER_SEC) {
		mqtt_write_pingreq(&worker->out);
		node->last_packet = worker->now;
	}
	node_timer(worker, node, TIMER_PING, node->last_packet + PING_AFTER_S * USEC_PER_SEC);
}

static void event_due(struct worker *worker, struct node *node)
{
	node_timer(worker, node, TIMER_EVENT,
		   worker->now + 1 +
			   draw_wait(&node->draw, DRAW_EVENT, node->events++,
				     (int64_t)((double)USEC_PER_MINUTE /
					       worker->options->events_per_min)));
	node_tell_event(worker, node);
}

static void timer_due(struct worker *worker, struct node *node, enum node_timer timer)
{
	switch (timer) {
	case TIMER_CONNECT:
		node_timer(worker, node, TIMER_CONNECT, 0);
		if (node->phase == NODE_OFFLINE)
			worker_queue(worker, node);
		else
			lost(worker, node);
		break;
	case TIMER_BEAT:
		node_beat(worker, node);
		break;
	case TIMER_PING:
		ping(worker, node);
		break;
	case TIMER_CHANGE:
		change_due(worker, node);
		break;
	case TIMER_LOG:
		node_log(worker, node);
		break;
	case TIMER_EVENT:
		event_due(worker, node);
		break;
	case TIMER_OUTAGE:
		outage(worker, node);
		break;
	case TIMER_RETRY:
		node_timer(worker, node, TIMER_RETRY, 0);
		streams_retry(worker, node);
		break;
	case TIMER_HELD:
		node_send_held(worker, node);
		break;
	case TIMER_COUNT:
		break;
	}
}

void node_due(struct worker *worker, struct node *node)
{
	for (int i = 0; i < TIMER_COUNT; i++)
		if (node->due[i] && node->due[i] <= worker->now)
			timer_due(worker, node, (enum node_timer)i);
	node_flush(worker, node);
}

void node_leave(struct worker *worker, struct node *node)
{
	char topic[LIMIT_TOPIC];

	if (node->phase != NODE_ONLINE)
		return;
	topic_format(topic, node->identity->id, CHANNEL_HEALTH);
	mqtt_write_publish(&worker->out, topic, SAY_FAREWELL, strlen(SAY_FAREWELL), 1,
			   ++node->packet_id ? node->packet_id : 1);
	mqtt_write_disconnect(&worker->out);
}
