/* SPDX-License-Identifier: Apache-2.0 */
/* One batch, one transaction: load what is known, decide message by message, write sets of rows. */
#include <stdlib.h>
#include <string.h>

#include "domain/alert/event.h"
#include "domain/fleet/dedupe.h"
#include "domain/fleet/fleet.h"
#include "domain/fleet/memory.h"
#include "domain/fleet/presence.h"
#include "domain/fleet/rows.h"
#include "domain/inventory/brokers.h"
#include "domain/rollout/result.h"
#include "signer/client.h"
#include "store/beats.h"
#include "store/certificates.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/dead_letters.h"
#include "store/events.h"
#include "store/health.h"
#include "store/leases.h"
#include "store/logs.h"
#include "store/outbox.h"
#include "store/streams.h"

/* What the batch says about one node; the newest message wins. */
struct said {
	const struct health_node *node;
	const struct msg_hello *hello;
	const struct msg_reported *reported;
	json_t *health; /* owned by the arena */
	int mark;	/* of that; -1: none came */
	const struct msg_beat *beat;
	usec_t seen_at;
	bool online;
	int broker; /* where it was heard last */
	int64_t generation;
	const char *digest; /* NULL: not said */
	bool may_be_behind;
	bool begins;  /* a stream in a new epoch */
	bool changed; /* something that people look at */
};

struct taking {
	const char *owner; /* NULL: carried by hand */
	const struct fleet_memory *memory;
	const struct fleet_message *messages;
	size_t count;
	usec_t fresh; /* what was received before says nothing about the present */
	struct fleet_outcome *outcome;

	uint64_t held; /* shards */
	struct health_node *nodes;
	struct said *said; /* parallel to nodes */
	size_t node_count;
	struct stream_place *places;
	size_t place_count;
	bool *acked; /* parallel to places */
	struct dead_letter *letters;
	size_t letter_count;
	json_t *events; /* kept by the arena */
	struct log_rows logs;
};

/* --- loading --- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **distinct_nodes(const struct taking *taking, struct arena *arena, size_t *count,
				   uint64_t *shards)
{
	const char **ids = arena_array(arena, taking->count, sizeof(*ids));
	size_t found = 0, kept = 0;

	*shards = 0;
	for (size_t i = 0; i < taking->count; i++)
		if (taking->messages[i].topic_valid) {
			ids[found++] = taking->messages[i].at.node;
			*shards |= UINT64_C(1) << taking->messages[i].at.shard;
		}
	qsort(ids, found, sizeof(*ids), compare_texts);
	for (size_t i = 0; i < found; i++)
		if (kept == 0 || strcmp(ids[kept - 1], ids[i]) != 0)
			ids[kept++] = ids[i];
	*count = kept;
	return ids;
}

static bool load(struct ctx *ctx, struct taking *taking, struct error *err)
{
	struct stream_place *loaded;
	uint64_t shards;
	size_t id_count;
	const char **ids = distinct_nodes(taking, ctx->arena, &id_count, &shards);

	if (!(taking->owner ? leases_hold(ctx, taking->owner, shards, &taking->held, err)
			    : leases_block(ctx, shards, &taking->held, err)) ||
	    !health_nodes_load(ctx, ids, id_count, &taking->nodes, &taking->node_count, err) ||
	    !streams_load(ctx, ids, id_count, &loaded, &taking->place_count, err))
		return false;
	taking->said = arena_array(ctx->arena, taking->node_count, sizeof(*taking->said));
	for (size_t i = 0; i < taking->node_count; i++)
		taking->said[i] = (struct said){
			.node = &taking->nodes[i],
			.online = taking->nodes[i].online,
			.mark = -1,
			.broker = taking->nodes[i].broker,
		};
	/* Room for the streams that this batch begins. */
	size_t room = taking->place_count + taking->count;
	taking->places = arena_array(ctx->arena, room, sizeof(*taking->places));
	if (taking->place_count > 0)
		memcpy(taking->places, loaded, taking->place_count * sizeof(*loaded));
	taking->acked = arena_array(ctx->arena, room, sizeof(*taking->acked));
	taking->letters = arena_array(ctx->arena, taking->count, sizeof(*taking->letters));
	taking->events = json_keep(json_array(), ctx->arena);
	return true;
}

static struct said *find_said(struct taking *taking, const char *id)
{
	size_t low = 0, high = taking->node_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(taking->nodes[middle].id, id);

		if (order == 0)
			return &taking->said[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* --- deciding --- */

static void refuse(struct taking *taking, const struct fleet_message *message, const char *reason)
{
	taking->letters[taking->letter_count++] = (struct dead_letter){
		.at = message->received_at,
		.topic = message->topic,
		.node_id = message->topic_valid ? message->at.node : NULL,
		.reason = reason,
		.payload = message->payload,
		.size = message->kept,
	};
	taking->outcome->refused++;
}

/* Index of the place of a stream; one that is new begins at 0. */
static size_t find_place(struct taking *taking, const struct health_node *node, const char *stream,
			 const char *epoch)
{
	size_t i;

	for (i = 0; i < taking->place_count; i++) {
		const struct stream_place *place = &taking->places[i];

		if (strcmp(place->node_id, node->id) == 0 && strcmp(place->stream, stream) == 0 &&
		    strcmp(place->epoch, epoch) == 0)
			return i;
	}
	taking->places[taking->place_count++] = (struct stream_place){
		.node_id = node->id,
		.stream = stream,
		.epoch = epoch,
	};
	return i;
}

static void take_hello(struct taking *taking, struct said *said, const struct msg_hello *hello)
{
	said->hello = hello;
	said->generation = hello->generation;
	said->digest = hello->digest;
	said->may_be_behind = said->changed = true;
	/* The agent learns at once what it need not send again. */
	for (size_t i = 0; i < taking->place_count; i++)
		if (strcmp(taking->places[i].node_id, said->node->id) == 0 &&
		    strcmp(taking->places[i].epoch, hello->epoch) == 0)
			taking->acked[i] = true;
}

static void take_health(struct ctx *ctx, struct said *said, const struct msg_health *health)
{
	if (health->offline) {
		said->online = false;
		return;
	}
	said->generation = health->generation;
	said->may_be_behind = true;
	said->mark = health->mark;
	said->beat = NULL;
	said->health = json_keep(row_health_body(health), ctx->arena);
	said->digest = health->digest;
}

static void take_beat(struct said *said, const struct msg_beat *beat)
{
	said->generation = beat->generation;
	said->may_be_behind = true;
	said->beat = beat;
}

struct result_call {
	const char *node_id;
	const struct msg_result *result;
};

static bool call_result(struct ctx *ctx, void *arg, struct error *err)
{
	const struct result_call *call = arg;

	return rollout_on_result(ctx, call->node_id, call->result, err);
}

/* What a rollout cannot digest must not stop the stream; a database that is away must. */
static bool take_result(struct ctx *ctx, struct taking *taking, struct said *said,
			const struct fleet_message *message, struct error *err)
{
	struct ctx inside = *ctx;
	struct result_call call = {said->node->id, &message->body.result};

	inside.project_id = said->node->project_id;
	said->changed = true;
	if (db_savepoint(&inside, call_result, &call, err))
		return true;
	if (err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT)
		return false;
	refuse(taking, message, arena_strdup(ctx->arena, err->text));
	error_clear(err);
	return true;
}

static bool take_body(struct ctx *ctx, struct taking *taking, struct said *said,
		      const struct fleet_message *message, struct error *err)
{
	taking->outcome->stored++;
	switch (message->at.channel) {
	case CHANNEL_HELLO:
		take_hello(taking, said, &message->body.hello);
		return true;
	case CHANNEL_HEALTH:
		take_health(ctx, said, &message->body.health);
		return true;
	case CHANNEL_BEAT:
		take_beat(said, &message->body.beat);
		return true;
	case CHANNEL_REPORTED:
		said->reported = &message->body.reported;
		said->generation = message->body.reported.generation;
		said->digest = message->body.reported.digest;
		said->changed = true;
		return true;
	case CHANNEL_EVENTS:
		rows_events(taking->events, said->node, &message->body.events);
		said->changed = true;
		return true;
	case CHANNEL_LOGS:
		rows_logs(&taking->logs, ctx->arena, said->node, &message->body.logs);
		return true;
	case CHANNEL_RESULT:
		return take_result(ctx, taking, said, message, err);
	case CHANNEL_DESIRED:
	case CHANNEL_COMMAND:
	case CHANNEL_ACK:
	case CHANNEL_COUNT:
		break;
	}
	return error_set(err, ERR_INTERNAL, "message of an unknown channel was not refused");
}

/* The will of a connection that the node has left for another broker says nothing of the node. */
static bool is_stale_will(const struct said *said, const struct fleet_message *message)
{
	return message->refusal == NULL && message->at.channel == CHANNEL_HEALTH &&
	       message->body.health.offline && said->broker >= 0 && message->broker != said->broker;
}

static bool take_one(struct ctx *ctx, struct taking *taking, const struct fleet_message *message,
		     struct error *err)
{
	struct said *said = NULL;

	if (message->topic_valid && ((taking->held >> message->at.shard) & 1) == 0) {
		taking->outcome->foreign++;
		return true;
	}
	if (message->topic_valid)
		said = find_said(taking, message->at.node);
	if (message->topic_valid && said == NULL)
		refuse(taking, message, "unknown node");
	else if (said != NULL && strcmp(said->node->state, "retired") == 0)
		refuse(taking, message, "node is retired");
	else if (said == NULL)
		refuse(taking, message, message->refusal);
	if (said == NULL || strcmp(said->node->state, "retired") == 0)
		return true;

	if (taking->owner && is_stale_will(said, message)) {
		taking->outcome->stored++;
		return true;
	}
	if (taking->owner)
		said->broker = message->broker;
	if (taking->owner && said->seen_at < message->received_at)
		said->seen_at = message->received_at;
	if (taking->owner && message->received_at >= taking->fresh)
		said->online = true;
	if (message->place_valid) {
		size_t i = find_place(taking, said->node, channel_info(message->at.channel)->name,
				      message->place.epoch);
		enum dedupe verdict = dedupe_judge(taking->places[i].last_seq, message->place.first,
						   message->place.seq);

		taking->acked[i] = true;
		taking->outcome->repeated += verdict == DEDUPE_REPEATED;
		taking->outcome->early += verdict == DEDUPE_EARLY;
		if (verdict != DEDUPE_NEW)
			return true;
		said->begins |= taking->places[i].last_seq == 0;
		taking->places[i].last_seq = message->place.seq;
		taking->places[i].changed = true;
		/* Lost log lines are told among the lines. */
		if (message->place.dropped > 0 && message->at.channel != CHANNEL_LOGS)
			json_array_append_new(taking->events,
					      row_gap(said->node, message->received_at,
						      channel_info(message->at.channel)->name,
						      message->place.dropped));
	}
	if (message->refusal != NULL) {
		refuse(taking, message, message->refusal);
		return true;
	}
	return take_body(ctx, taking, said, message, err);
}

/* --- writing --- */

struct sets {
	json_t *hellos, *times, *seen, *healths, *presences, *generations, *services, *certificates,
		*renewals, *keys, *brokers;
	const char **begun_ids, **reported_ids, **behind_ids, **untold_ids, **hello_ids,
		**moved_ids;
	size_t begun_count, reported_count, behind_count, untold_count, hello_count, moved_count;
};

static void sets_init(struct sets *sets, const struct taking *taking, struct arena *arena)
{
	*sets = (struct sets){
		.hellos = json_keep(json_array(), arena),
		.times = json_keep(json_array(), arena),
		.seen = json_keep(json_array(), arena),
		.healths = json_keep(json_array(), arena),
		.presences = json_keep(json_array(), arena),
		.generations = json_keep(json_array(), arena),
		.services = json_keep(json_array(), arena),
		.certificates = json_keep(json_array(), arena),
		.renewals = json_keep(json_array(), arena),
		.keys = json_keep(json_array(), arena),
		.brokers = json_keep(json_array(), arena),
		.begun_ids = arena_array(arena, taking->node_count, sizeof(char *)),
		.reported_ids = arena_array(arena, taking->node_count, sizeof(char *)),
		.behind_ids = arena_array(arena, taking->node_count, sizeof(char *)),
		.hello_ids = arena_array(arena, taking->node_count, sizeof(char *)),
		.untold_ids = arena_array(arena, taking->node_count, sizeof(char *)),
		.moved_ids = arena_array(arena, taking->node_count, sizeof(char *)),
	};
}

static bool same_generation(const struct said *said)
{
	const struct health_node *node = said->node;

	return said->digest == NULL ||
	       (said->generation == node->reported_generation && node->reported_digest != NULL &&
		strcmp(said->digest, node->reported_digest) == 0);
}

/* An agent that says nothing of it knows no statements. */
static bool lacks_keys(const struct ctx *ctx, const struct msg_hello *hello)
{
	return hello->trust >= 0 && ctx->server != NULL && ctx->server->signer != NULL &&
	       hello->trust < signer_public(ctx->server->signer)->trust;
}

/* One word answers both: what time it is, and where the node belongs. */
static void collect_place(struct ctx *ctx, struct taking *taking, struct said *said,
			  struct sets *sets)
{
	const char *id = said->node->id;
	const char *ask_time = said->hello != NULL ? said->hello->ask_time : NULL;
	bool moves = said->seen_at != 0 && ctx->server != NULL &&
		     inventory_broker_is_foreign(ctx->server, said->node->shard, said->broker) &&
		     (said->hello != NULL ||
		      fleet_memory_allows(taking->memory, id, TELLING_PLACE, ctx->now));

	if (moves)
		sets->moved_ids[sets->moved_count++] = id;
	if (moves || ask_time != NULL)
		json_array_append_new(
			sets->times,
			row_time(id, ask_time,
				 moves ? inventory_brokers(ctx->server, said->node->shard) : NULL));
	if (said->broker != said->node->broker)
		json_array_append_new(sets->brokers,
				      json_pack("{s:s, s:i}", "id", id, "broker", said->broker));
}

static void collect(struct ctx *ctx, struct taking *taking, struct said *said, struct sets *sets)
{
	const char *id = said->node->id;

	if (said->hello != NULL) {
		json_array_append_new(sets->hellos, row_hello(said->hello, id));
		sets->hello_ids[sets->hello_count++] = id;
		if (said->hello->certificate != NULL)
			json_array_append_new(sets->certificates,
					      json_pack("{s:s, s:s}", "id", id, "serial",
							said->hello->certificate));
		if (lacks_keys(ctx, said->hello))
			json_array_append_new(sets->keys, row_keys(id));
		if (said->hello->csr != NULL)
			json_array_append_new(sets->renewals, row_renewal(id, said->hello->csr));
	}
	collect_place(ctx, taking, said, sets);
	if (said->begins)
		sets->begun_ids[sets->begun_count++] = id;
	if (said->seen_at != 0)
		json_array_append_new(sets->seen,
				      row_seen(id, said->seen_at, said->mark, said->beat));
	if (said->seen_at != 0 && said->health != NULL)
		json_array_append_new(sets->healths,
				      json_pack("{s:s, s:O}", "id", id, "health", said->health));
	if (said->beat != NULL &&
	    said->beat->mark != (said->mark >= 0 ? said->mark : said->node->mark) &&
	    fleet_memory_allows(taking->memory, id, TELLING_HEALTH, ctx->now))
		sets->untold_ids[sets->untold_count++] = id;
	if (said->online != said->node->online) {
		json_array_append_new(sets->presences,
				      json_pack("{s:s, s:b}", "id", id, "online", said->online));
	}
	if (!same_generation(said)) {
		json_array_append_new(sets->generations,
				      json_pack("{s:s, s:I, s:s}", "id", id, "generation",
						(json_int_t)said->generation, "digest",
						said->digest));
		said->changed = true;
	}
	if (said->reported != NULL) {
		rows_reported(sets->services, said->node, said->reported);
		sets->reported_ids[sets->reported_count++] = id;
	}
	/* Behind, or ahead of a database that was restored from a backup. */
	if (said->may_be_behind && said->online &&
	    said->generation != said->node->desired_generation &&
	    fleet_memory_allows(taking->memory, id, TELLING_DESIRED, ctx->now))
		sets->behind_ids[sets->behind_count++] = id;
}

static bool tell(struct ctx *ctx, struct taking *taking, struct error *err)
{
	json_auto_t *changes = json_array();

	for (size_t i = 0; i < taking->node_count; i++) {
		const struct said *said = &taking->said[i];
		const bool moves = said->online != said->node->online;

		if (moves && !presence_tell(ctx, said->node, said->online,
					    said->online ? "the agent has connected"
							 : "the agent has disconnected",
					    taking->events, err))
			return false;
		if (moves || said->changed)
			json_array_append_new(changes, row_change(said->node));
	}
	return changes_insert_set(ctx, "node", changes, err);
}

/* Whoever has a copied key could have the true gateway cut off, so it is told and not cut off. */
static bool tell_copies(struct ctx *ctx, struct taking *taking, const struct sets *sets,
			struct error *err)
{
	struct health_copy *copies;
	struct ctx inside = *ctx;
	size_t count;

	if (!health_copied(ctx, sets->hello_ids, sets->hello_count, &copies, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct health_node *node = find_said(taking, copies[i].node_id)->node;

		inside.project_id = node->project_id;
		json_array_append_new(taking->events, row_event(node, ctx->now, "node.copied",
								"error", copies[i].text));
		if (!event_emit(&inside, "node.copied",
				json_pack("{s:s, s:s, s:s}", "node", node->id, "name", node->name,
					  "reason", copies[i].text),
				err))
			return false;
	}
	return true;
}

static bool write_all(struct ctx *ctx, struct taking *taking, struct error *err)
{
	struct sets sets;

	sets_init(&sets, taking, ctx->arena);
	for (size_t i = 0; i < taking->node_count; i++)
		collect(ctx, taking, &taking->said[i], &sets);
	taking->outcome->behind = sets.behind_ids;
	taking->outcome->behind_count = sets.behind_count;
	taking->outcome->untold = sets.untold_ids;
	taking->outcome->untold_count = sets.untold_count;
	taking->outcome->moved = sets.moved_ids;
	taking->outcome->moved_count = sets.moved_count;
	return health_hello(ctx, sets.hellos, err) && tell_copies(ctx, taking, &sets, err) &&
	       beats_seen(ctx, sets.seen, err) && health_told(ctx, sets.healths, err) &&
	       health_presence(ctx, sets.presences, err) && health_broker(ctx, sets.brokers, err) &&
	       health_generation(ctx, sets.generations, err) &&
	       certificates_used(ctx, sets.certificates, err) &&
	       outbox_replace_commands(ctx, "renew", sets.renewals, err) &&
	       outbox_replace_commands(ctx, "keys", sets.keys, err) &&
	       health_services(ctx, sets.reported_ids, sets.reported_count, sets.services, err) &&
	       health_jump(ctx, sets.behind_ids, sets.behind_count, err) &&
	       (sets.behind_count == 0 ||
		outbox_insert_desired(ctx, sets.behind_ids, sets.behind_count, err)) &&
	       outbox_replace_commands(ctx, "time", sets.times, err) && tell(ctx, taking, err) &&
	       events_insert(ctx, taking->events, err) &&
	       logs_insert(ctx, taking->logs.rows, taking->logs.count, err) &&
	       streams_save(ctx, taking->places, taking->place_count, err) &&
	       (sets.begun_count == 0 ||
		streams_prune(ctx, sets.begun_ids, sets.begun_count, err)) &&
	       dead_letters_insert(ctx, taking->letters, taking->letter_count, err);
}

static void collect_acks(struct taking *taking, struct arena *arena)
{
	struct fleet_outcome *outcome = taking->outcome;

	outcome->acks = arena_array(arena, taking->place_count + outcome->untold_count,
				    sizeof(*outcome->acks));
	for (size_t i = 0; i < taking->place_count; i++)
		if (taking->acked[i])
			outcome->acks[outcome->ack_count++] = (struct fleet_ack){
				.node = taking->places[i].node_id,
				.broker = find_said(taking, taking->places[i].node_id)->broker,
				.stream = taking->places[i].stream,
				.epoch = taking->places[i].epoch,
				.upto = taking->places[i].last_seq,
			};
	for (size_t i = 0; i < outcome->untold_count; i++)
		outcome->acks[outcome->ack_count++] = (struct fleet_ack){
			.node = outcome->untold[i],
			.broker = find_said(taking, outcome->untold[i])->broker,
			.stream = channel_info(CHANNEL_HEALTH)->name,
			.epoch = MSG_NO_EPOCH,
		};
}

static bool take(struct ctx *ctx, void *arg, struct error *err)
{
	/* A copy, since a transaction that is tried again begins from the start. */
	struct taking taking = *(const struct taking *)arg;

	*taking.outcome = (struct fleet_outcome){0};
	if (!load(ctx, &taking, err))
		return false;
	for (size_t i = 0; i < taking.count; i++)
		if (!take_one(ctx, &taking, &taking.messages[i], err))
			return false;
	if (!write_all(ctx, &taking, err))
		return false;
	collect_acks(&taking, ctx->arena);
	return true;
}

bool fleet_take(struct ctx *ctx, const char *owner, struct fleet_memory *memory,
		const struct fleet_message *messages, size_t count, struct fleet_outcome *outcome,
		struct error *err)
{
	struct taking taking = {
		.owner = owner,
		.memory = memory,
		.messages = messages,
		.count = count,
		.fresh = ctx->now - fleet_patience(ctx),
		.outcome = outcome,
	};

	if (!db_transaction(ctx, take, &taking, err))
		return false;
	for (size_t i = 0; i < outcome->behind_count; i++)
		fleet_memory_mark(memory, outcome->behind[i], TELLING_DESIRED, ctx->now);
	for (size_t i = 0; i < outcome->untold_count; i++)
		fleet_memory_mark(memory, outcome->untold[i], TELLING_HEALTH, ctx->now);
	for (size_t i = 0; i < outcome->moved_count; i++)
		fleet_memory_mark(memory, outcome->moved[i], TELLING_PLACE, ctx->now);
	return true;
}

bool fleet_take_carried(struct ctx *ctx, const struct fleet_message *messages, size_t count,
			struct fleet_outcome *outcome, struct error *err)
{
	struct taking taking = {.messages = messages, .count = count, .outcome = outcome};

	return db_transaction(ctx, take, &taking, err);
}
