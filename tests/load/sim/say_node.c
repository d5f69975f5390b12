/* SPDX-License-Identifier: Apache-2.0 */
/* What a node says, and how it gets lost on the way. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mqtt.h"
#include "sim/node.h"
#include "sim/worker.h"

enum {
	JITTER_PERCENT = 10,
	HELD_MS = 300,
	FULL_EVERY_S = 6 * 3600,
	/* More than a window: an agent's spool, in memory. */
	KEPT_MAX = 512,
};

static void write_packet(struct worker *worker, struct node *node, enum channel channel,
			 const char *text, size_t size)
{
	const struct channel_info *info = channel_info(channel);
	char topic[LIMIT_TOPIC];
	uint16_t id = 0;

	snprintf(topic, sizeof(topic), "muster/1/%02d/%s/up/%s", node->shard, node->identity->id,
		 info->name);
	if (info->qos > 0) {
		id = ++node->packet_id ? node->packet_id : ++node->packet_id;
		if (node->puback_id == 0) {
			node->puback_id = id;
			node->puback_since = worker->now;
		}
	}
	mqtt_write_publish(&worker->out, topic, text, size, info->qos, id);
	node->last_packet = worker->now;
}

void node_send_held(struct worker *worker, struct node *node)
{
	if (!node->held)
		return;
	strbuf_append(&worker->out, node->held, node->held_size);
	free(node->held);
	node->held = NULL;
	node_timer(worker, node, TIMER_HELD, 0);
}

/* Takes the packet that was just written back, to be sent behind the next one. */
static void hold(struct worker *worker, struct node *node, size_t begin)
{
	node->held_size = worker->out.length - begin;
	node->held = xcalloc(1, node->held_size);
	memcpy(node->held, worker->out.data + begin, node->held_size);
	worker->out.length = begin;
	worker->out.data[begin] = '\0';
	stats_add(worker->stats, COUNT_REORDERED, 1);
	node_timer(worker, node, TIMER_HELD, worker->now + HELD_MS * USEC_PER_MSEC);
}

void node_publish(struct worker *worker, struct node *node, enum channel channel, const char *text,
		  size_t size)
{
	const struct options *options = worker->options;
	uint64_t count = node->published++;
	size_t begin = worker->out.length;

	if (node->phase != NODE_ONLINE)
		return;
	stats_add(worker->stats, COUNT_PUBLISHED, 1);
	if (!worker->draining && draw_happens(&node->draw, DRAW_DROP, count, options->drop_share)) {
		stats_add(worker->stats, COUNT_DROPPED, 1);
		return;
	}
	write_packet(worker, node, channel, text, size);
	if (!node->held && draw_happens(&node->draw, DRAW_REORDER, count, options->reorder_share)) {
		hold(worker, node, begin);
		return;
	}
	if (draw_happens(&node->draw, DRAW_DUPLICATE, count, options->duplicate_share)) {
		write_packet(worker, node, channel, text, size);
		stats_add(worker->stats, COUNT_DUPLICATED, 1);
	}
	node_send_held(worker, node);
}

/* --- heartbeats --- */

static bool beats(const struct worker *worker, const struct node *node)
{
	enum health_kind kind = worker->options->health_kind;

	if (kind == HEALTH_FULL || node->full_health == 0)
		return false;
	if (kind == HEALTH_BEAT)
		return true;
	return node->beats_taken >= BEAT_VERSION &&
	       worker->now - node->full_health < FULL_EVERY_S * USEC_PER_SEC;
}

static int64_t interval_us(const struct worker *worker, const struct node *node)
{
	int64_t ms = worker->options->heartbeat;

	if (ms == 0 && node->content)
		ms = node->content->health_interval_ms;
	if (ms == 0)
		ms = worker->fleet->health_interval_ms;
	return ms * USEC_PER_MSEC;
}

static int cpu_percent(const struct node *node)
{
	return (int)draw_between(&node->draw, DRAW_FIGURES, node->beats, 1, 40);
}

static void say_short(struct worker *worker, struct node *node)
{
	const struct msg_beat beat = {
		.mark = node->mark,
		.generation = node->progress.generation,
		.cpu = beat_figure(cpu_percent(node), 100),
		.memory = BEAT_FULL / 2,
		.disk = BEAT_FULL / 2,
	};

	say_beat(&worker->text, &beat);
}

static void say_full(struct worker *worker, struct node *node)
{
	node->mark = node->mark % UINT16_MAX + 1;
	const struct say_health health = {
		.node = node->identity->id,
		.boot_id = "00000000-0000-4000-8000-000000000000",
		.mark = node->mark,
		.generation = node->progress.generation,
		.digest = node->progress.digest,
		.at = worker->now_utc,
		.uptime_s = (worker->now - worker->begun) / USEC_PER_SEC,
		.cpu_percent = cpu_percent(node),
		.services = node->content ? node->content->health : "{}",
	};

	say_health(&worker->text, &health);
}

void node_beat(struct worker *worker, struct node *node)
{
	bool first = node->beats == 0;
	int64_t interval = interval_us(worker, node);
	uint64_t count = node->beats++;
	int64_t spread = interval * JITTER_PERCENT / 100;

	bool is_short = beats(worker, node);

	strbuf_reset(&worker->text);
	if (is_short) {
		say_short(worker, node);
		stats_add(worker->stats, COUNT_BEATS, 1);
	} else {
		say_full(worker, node);
		node->full_health = worker->now;
		stats_add(worker->stats, COUNT_HEALTHS, 1);
	}
	node_publish(worker, node, is_short ? CHANNEL_BEAT : CHANNEL_HEALTH, worker->text.data,
		     worker->text.length);
	/* A fleet has been running for long when it is first seen; later its nodes speak as agents do. */
	node_timer(worker, node, TIMER_BEAT,
		   worker->now + (first ? draw_between(&node->draw, DRAW_BEAT, count, 0, interval)
					: interval + draw_between(&node->draw, DRAW_BEAT, count,
								  -spread, spread)));
}

/* --- logs and events --- */

static bool may_produce(struct worker *worker, const struct node *node, enum channel channel)
{
	return !worker->draining && node->streams[stream_index(channel)].kept < KEPT_MAX;
}

void node_log(struct worker *worker, struct node *node)
{
	const struct options *options = worker->options;
	int lines = (int)options->log_batch;
	int64_t pause = (int64_t)((double)lines / options->log_per_s * (double)USEC_PER_SEC);

	node_timer(worker, node, TIMER_LOG,
		   worker->now + draw_between(&node->draw, DRAW_LOG, node->logs++, pause * 8 / 10,
					      pause * 12 / 10));
	if (!may_produce(worker, node, CHANNEL_LOGS))
		return;
	const struct say_place place = stream_next(worker, node, CHANNEL_LOGS);
	strbuf_reset(&worker->text);
	say_logs(&worker->text, &place,
		 node->content && node->content->service[0] ? node->content->service : "sim",
		 node->identity->id, lines, (int)options->log_bytes);
	stream_put(worker, node, CHANNEL_LOGS, &worker->text)->lines = lines;
	stats_add(worker->stats, COUNT_LOG_LINES, lines);
	record_line(worker->record, worker->now_utc, node->identity->id, "logs %" PRId64 " %s %d",
		    place.seq, place.epoch, lines);
	stream_send(worker, node, CHANNEL_LOGS);
}

void node_tell_event(struct worker *worker, struct node *node)
{
	if (!may_produce(worker, node, CHANNEL_EVENTS))
		return;
	const struct say_place place = stream_next(worker, node, CHANNEL_EVENTS);
	strbuf_reset(&worker->text);
	say_event(&worker->text, &place, node->identity->id);
	stream_put(worker, node, CHANNEL_EVENTS, &worker->text);
	stats_add(worker->stats, COUNT_EVENTS, 1);
	record_line(worker->record, worker->now_utc, node->identity->id, "events %" PRId64 " %s",
		    place.seq, place.epoch);
	stream_send(worker, node, CHANNEL_EVENTS);
}

void node_tell_reported(struct worker *worker, struct node *node)
{
	const struct content *content = node->content;
	const struct say_place place = stream_next(worker, node, CHANNEL_REPORTED);

	strbuf_reset(&worker->text);
	say_reported(&worker->text, &place, node->progress.generation, node->progress.digest,
		     content ? content->reported : "{}");
	stream_put(worker, node, CHANNEL_REPORTED, &worker->text);
	stats_add(worker->stats, COUNT_REPORTED, 1);
	record_line(worker->record, worker->now_utc, node->identity->id,
		    "reported %" PRId64 " %s %" PRId64 " %s %s", place.seq, place.epoch,
		    node->progress.generation,
		    node->progress.digest[0] ? node->progress.digest : "-",
		    content ? content->runs : "-");
	stream_send(worker, node, CHANNEL_REPORTED);
}
