/* SPDX-License-Identifier: Apache-2.0 */
/* The numbered streams: as agent/link does it, with a queue in memory instead of a spool on disk. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/node.h"
#include "sim/worker.h"

enum { RETRY_DOUBLINGS_MAX = 3 };

/* What runs before how a change went, which tells people to look; bulk last. */
static const enum channel ORDER[STREAM_COUNT] = {CHANNEL_REPORTED, CHANNEL_RESULT, CHANNEL_EVENTS,
						 CHANNEL_LOGS};

struct say_place stream_next(const struct worker *worker, const struct node *node,
			     enum channel channel)
{
	return (struct say_place){.epoch = node->progress.epoch,
				  .seq = node->progress.produced[stream_index(channel)] + 1,
				  .at = worker->now_utc};
}

struct message *stream_put(struct worker *worker, struct node *node, enum channel channel,
			   const struct strbuf *text)
{
	struct stream *stream = &node->streams[stream_index(channel)];
	struct message *message = xcalloc(1, sizeof(*message) + text->length);

	message->seq = ++node->progress.produced[stream_index(channel)];
	message->size = text->length;
	memcpy(message->text, text->data, text->length);
	if (stream->tail)
		stream->tail->next = message;
	else
		stream->head = message;
	stream->tail = message;
	stream->kept++;
	stats_add(worker->stats, COUNT_UNACKED, 1);
	return message;
}

static void watch(struct worker *worker, struct node *node)
{
	if (node->due[TIMER_RETRY] == 0)
		node_timer(worker, node, TIMER_RETRY,
			   worker->now + worker->options->retry * USEC_PER_MSEC / 2);
}

void stream_send(struct worker *worker, struct node *node, enum channel channel)
{
	struct stream *stream = &node->streams[stream_index(channel)];

	if (node->phase != NODE_ONLINE)
		return;
	for (struct message *message = stream->head; message; message = message->next) {
		if (message->seq <= stream->sent)
			continue;
		if (stream->sent - stream->acked >= LIMIT_STREAM_WINDOW)
			break;
		if (stream->sent == stream->acked)
			stream->since = worker->now;
		if (message->sent_at)
			stats_add(worker->stats, COUNT_RESENT, 1);
		else
			message->sent_at = worker->now;
		stream->sent = message->seq;
		node_publish(worker, node, channel, message->text, message->size);
	}
	if (stream->sent > stream->acked)
		watch(worker, node);
}

static void send_all(struct worker *worker, struct node *node)
{
	for (size_t i = 0; i < STREAM_COUNT; i++)
		stream_send(worker, node, ORDER[i]);
}

void streams_connect(struct worker *worker, struct node *node)
{
	for (size_t i = 0; i < STREAM_COUNT; i++) {
		node->streams[i].sent = node->streams[i].acked;
		node->streams[i].retries = 0;
	}
	send_all(worker, node);
}

void streams_retry(struct worker *worker, struct node *node)
{
	bool waits = false;

	for (size_t i = 0; i < STREAM_COUNT; i++) {
		struct stream *stream = &node->streams[i];
		usec_t patience = worker->options->retry * USEC_PER_MSEC
				  << (worker->draining ? 0 : stream->retries);

		if (stream->sent == stream->acked)
			continue;
		waits = true;
		if (worker->now - stream->since < patience)
			continue;
		stream->retries += stream->retries < RETRY_DOUBLINGS_MAX;
		stream->sent = stream->acked;
	}
	send_all(worker, node);
	if (waits)
		watch(worker, node);
}

/* What the acknowledgement of one message means. */
static void settle(struct worker *worker, const struct message *message)
{
	if (message->sent_at)
		stats_lag(worker->stats, LAG_ACK, worker->now - message->sent_at);
	stats_add(worker->stats, COUNT_LOG_LINES_ACKED, message->lines);
	stats_add(worker->stats, COUNT_UNACKED, -1);
	if (!message->received_at)
		return;
	stats_lag(worker->stats, LAG_CONVERGE, worker->now - message->received_at);
	if (message->rollout)
		rollout_confirmed(message->rollout, message->succeeded, worker->now_utc);
}

void stream_ack(struct worker *worker, struct node *node, const struct msg_ack *ack)
{
	enum channel channel = channel_find(ack->stream);

	node->beats_taken = ack->beats;
	if (channel == CHANNEL_HEALTH) {
		node->full_health = 0;
		return;
	}
	struct stream *stream = &node->streams[stream_index(channel)];
	if (strcmp(ack->epoch, node->progress.epoch) != 0)
		return;
	record_line(worker->record, worker->now_utc, node->identity->id, "ack %s %" PRId64 " %s",
		    ack->stream, ack->upto, ack->epoch);
	if (ack->upto > node->progress.produced[stream_index(channel)] ||
	    ack->upto < stream->acked) {
		/* One that is late repeats what was true; one that is ahead never was. */
		stats_add(worker->stats,
			  ack->upto > stream->acked ? COUNT_BAD_MESSAGE : COUNT_ACKS_LATE, 1);
		return;
	}
	if (ack->upto > stream->acked) {
		stream->since = worker->now;
		stream->retries = 0;
	}
	stream->acked = ack->upto;
	if (stream->sent < stream->acked)
		stream->sent = stream->acked;
	while (stream->head && stream->head->seq <= stream->acked) {
		struct message *message = stream->head;

		settle(worker, message);
		stream->head = message->next;
		stream->kept--;
		free(message);
	}
	if (!stream->head)
		stream->tail = NULL;
	stream_send(worker, node, channel);
}

void streams_release(struct node *node)
{
	for (size_t i = 0; i < STREAM_COUNT; i++)
		while (node->streams[i].head) {
			struct message *message = node->streams[i].head;

			node->streams[i].head = message->next;
			free(message);
		}
}
