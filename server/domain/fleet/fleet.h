/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nodes say, and what it means. mqtt/ingest hands over what the broker delivered, in order per
 * node; everything a batch means is written in one transaction, and only what that transaction has
 * stored is acknowledged. Nothing is believed because it came from the broker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "protocol/beat.h"
#include "protocol/messages.h"
#include "protocol/topics.h"

/* One delivery. The first part is the caller's, borrowed; fleet_decode fills in the rest. */
struct fleet_message {
	const char *topic;
	const void *payload;
	size_t size; /* as it was sent */
	size_t kept; /* bytes of payload that are there; less than size when it was too large */
	usec_t received_at;
	int broker; /* number of the one that has brought it */

	const char *refusal; /* why it will be a dead letter, or NULL */
	bool topic_valid;
	bool elsewhere; /* brought by another broker than the node belongs to; set by the caller */
	bool place_valid; /* a message of a stream, and its place is known */
	struct topic at;
	struct msg_place place;
	union {
		struct msg_hello hello;
		struct msg_health health;
		struct msg_beat beat;
		struct msg_reported reported;
		struct msg_events events;
		struct msg_logs logs;
		struct msg_result result;
	} body; /* by at.channel, when there is no refusal */
};

/* Takes the message apart: pure, and total: what is wrong with it becomes its refusal. */
void fleet_decode(struct fleet_message *message, struct arena *arena);

/* To be sent after the commit: everything of the stream up to this seq is stored, or of "health" nothing is. */
struct fleet_ack {
	const char *node;
	int broker; /* where the node was heard last */
	const char *stream;
	const char *epoch;
	int64_t upto;
};

struct fleet_outcome {
	struct fleet_ack *acks; /* one per stream of a node, in the arena */
	size_t ack_count;
	const char *const *behind; /* nodes that were told their desired state again */
	size_t behind_count;
	const char *const *untold; /* nodes that are to tell all: among the acks */
	size_t untold_count;
	const char *const *moved; /* nodes that were told that they belong to another broker */
	size_t moved_count;
	size_t stored;
	size_t repeated; /* were stored before */
	size_t early;	 /* came before what precedes them */
	size_t refused;	 /* became dead letters */
	size_t foreign;	 /* of shards that another replica holds by now: dropped */
};

/* Which nodes were lately told something again, so that nobody is told too often. Belongs
 * to one ingest worker. */
struct fleet_memory;
struct fleet_memory *fleet_memory_new(void);
void fleet_memory_free(struct fleet_memory *memory);

/*
 * Takes a batch of decoded messages in one transaction. owner is the name under which this replica
 * holds its shards. ctx->project_id is not used. On failure nothing is stored and nothing may be
 * acknowledged; the batch can be taken again.
 */
MUST_CHECK bool fleet_take(struct ctx *ctx, const char *owner, struct fleet_memory *memory,
			   const struct fleet_message *messages, size_t count,
			   struct fleet_outcome *outcome, struct error *err);

/*
 * The same for messages of one node that came by hand, in a report that was checked: they say nothing of
 * whether the node is online, nothing is acknowledged, and it does not matter which replica holds the
 * shard, since what the link brings for it waits meanwhile.
 */
MUST_CHECK bool fleet_take_carried(struct ctx *ctx, const struct fleet_message *messages,
				   size_t count, struct fleet_outcome *outcome, struct error *err);

/*
 * Puts nodes offline that have missed three heartbeats, by the server's clock, while somebody was
 * listening. For the scheduler, about once a second; one statement when there is nothing to do.
 */
MUST_CHECK bool fleet_mark_offline(struct ctx *ctx, bool *busy, struct error *err);

/* Drops the oldest log lines of projects that have very many, and dead letters, some at a time; ends what
 * was said about copied certificates when nothing is seen of it any more. For the scheduler, about once a minute; what is too old is retention.h's.
 * busy says that there is more to do right now. */
MUST_CHECK bool fleet_retention(struct ctx *ctx, bool *busy, struct error *err);
