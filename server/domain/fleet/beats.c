/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/fleet/beats.h"

#include <stdlib.h>
#include <string.h>

#include "domain/fleet/memory.h"
#include "store/beats.h"
#include "store/db.h"
#include "store/leases.h"

enum {
	BEATS_MAX = 4096,
	SLOTS = 2 * BEATS_MAX, /* a power of two */
	ENOUGH = 1000,	       /* larger batches gain nothing */
	PATIENCE_MS = 200,
};

struct waiting {
	char node[LIMIT_NODE_ID + 1];
	int shard;
	int broker;
	usec_t at;
	struct msg_beat beat;
};

struct fleet_beats {
	size_t count;
	usec_t since; /* monotonic: the first was put aside */
	struct waiting waiting[BEATS_MAX];
	uint16_t slots[SLOTS]; /* index into waiting + 1, 0: free */
};

struct fleet_beats *fleet_beats_new(void)
{
	return xcalloc(1, sizeof(struct fleet_beats));
}

void fleet_beats_free(struct fleet_beats *beats)
{
	free(beats);
}

void fleet_beats_drop(struct fleet_beats *beats)
{
	beats->count = 0;
	memset(beats->slots, 0, sizeof(beats->slots));
}

/* The slot of the node, or the free one for it: there is always one, since there are more than beats. */
static uint16_t *find_slot(struct fleet_beats *beats, const char *node)
{
	size_t slot = fleet_memory_hash(node) % SLOTS;

	while (beats->slots[slot] != 0 &&
	       strcmp(beats->waiting[beats->slots[slot] - 1].node, node) != 0)
		slot = (slot + 1) % SLOTS;
	return &beats->slots[slot];
}

static bool is_waiting(struct fleet_beats *beats, const char *node)
{
	return beats->count > 0 && *find_slot(beats, node) != 0;
}

static void put_aside(struct fleet_beats *beats, const struct fleet_message *message, usec_t now)
{
	uint16_t *slot = find_slot(beats, message->at.node);

	if (beats->count == 0)
		beats->since = now;
	if (*slot == 0)
		*slot = (uint16_t)++beats->count;
	struct waiting *waiting = &beats->waiting[*slot - 1];
	memcpy(waiting->node, message->at.node, sizeof(waiting->node));
	waiting->shard = message->at.shard;
	waiting->broker = message->broker;
	waiting->at = message->received_at;
	waiting->beat = message->body.beat;
}

/* Nodes that have other messages in this batch; two may share a bit, which costs a detour only. */
struct others {
	uint64_t bits[64];
};

static bool others_have(const struct others *others, uint64_t hash)
{
	return (others->bits[hash / 64 % 64] >> hash % 64 & 1) != 0;
}

size_t fleet_beats_take_out(struct fleet_beats *beats, struct fleet_message *messages, size_t count,
			    usec_t now, bool *flush)
{
	struct others others = {{0}};
	size_t kept = 0;

	*flush = false;
	for (size_t i = 0; i < count; i++) {
		const struct fleet_message *message = &messages[i];
		uint64_t hash = message->topic_valid ? fleet_memory_hash(message->at.node) : 0;
		bool is_beat = message->topic_valid && message->at.channel == CHANNEL_BEAT &&
			       message->refusal == NULL && !message->elsewhere;

		if (is_beat && beats->count < BEATS_MAX && !others_have(&others, hash)) {
			put_aside(beats, message, now);
			continue;
		}
		if (message->topic_valid) {
			others.bits[hash / 64 % 64] |= UINT64_C(1) << hash % 64;
			*flush |= is_waiting(beats, message->at.node);
		}
		messages[kept++] = *message;
	}
	*flush |= fleet_beats_wait_ms(beats, now) == 0;
	return kept;
}

int fleet_beats_wait_ms(const struct fleet_beats *beats, usec_t now)
{
	usec_t left = beats->since + PATIENCE_MS * USEC_PER_MSEC - now;

	if (beats->count == 0)
		return -1;
	return beats->count >= ENOUGH || left <= 0 ? 0 : (int)(left / USEC_PER_MSEC) + 1;
}

struct flush {
	const char *owner;
	const struct fleet_beats *beats;
	struct beat_row *rows; /* of shards that are held */
	size_t row_count;
	size_t *others; /* indices of rows */
	size_t other_count;
};

static bool flush(struct ctx *ctx, void *arg, struct error *err)
{
	struct flush *work = arg;
	const struct fleet_beats *beats = work->beats;
	uint64_t shards = 0, held;

	for (size_t i = 0; i < beats->count; i++)
		shards |= UINT64_C(1) << beats->waiting[i].shard;
	if (!leases_hold(ctx, work->owner, shards, &held, err))
		return false;
	work->row_count = 0;
	for (size_t i = 0; i < beats->count; i++) {
		const struct waiting *waiting = &beats->waiting[i];

		if (((held >> waiting->shard) & 1) != 0)
			work->rows[work->row_count++] = (struct beat_row){
				.node_id = waiting->node,
				.broker = waiting->broker,
				.at = waiting->at,
				.beat = waiting->beat,
			};
	}
	work->other_count = 0;
	return work->row_count == 0 ||
	       beats_put(ctx, work->rows, work->row_count, work->others, &work->other_count, err);
}

/* As if it had not been put aside. */
static void restore(const struct beat_row *row, struct arena *arena, struct fleet_message *out)
{
	uint8_t *payload = arena_alloc(arena, BEAT_MAX_SIZE);
	char *topic = arena_alloc(arena, LIMIT_TOPIC);

	topic_format(topic, row->node_id, CHANNEL_BEAT);
	*out = (struct fleet_message){
		.topic = topic,
		.payload = payload,
		.size = msg_beat_encode(&row->beat, payload),
		.received_at = row->at,
		.broker = row->broker,
	};
	out->kept = out->size;
	fleet_decode(out, arena);
}

bool fleet_beats_flush(struct ctx *ctx, const char *owner, struct fleet_memory *memory,
		       struct fleet_beats *beats, struct fleet_outcome *outcome, struct error *err)
{
	struct flush work = {
		.owner = owner,
		.beats = beats,
		.rows = arena_array(ctx->arena, beats->count, sizeof(struct beat_row)),
		.others = arena_array(ctx->arena, beats->count, sizeof(size_t)),
	};

	*outcome = (struct fleet_outcome){0};
	if (beats->count == 0)
		return true;
	if (!db_transaction(ctx, flush, &work, err))
		return false;
	struct fleet_message *messages =
		arena_array(ctx->arena, work.other_count, sizeof(*messages));
	for (size_t i = 0; i < work.other_count; i++)
		restore(&work.rows[work.others[i]], ctx->arena, &messages[i]);
	if (work.other_count > 0 &&
	    !fleet_take(ctx, owner, memory, messages, work.other_count, outcome, err))
		return false;
	outcome->stored += work.row_count - work.other_count;
	outcome->foreign += beats->count - work.row_count;
	fleet_beats_drop(beats);
	return true;
}
