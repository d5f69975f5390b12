/* SPDX-License-Identifier: Apache-2.0 */
#include "state/spool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "protocol/limits.h"
#include "state/sql.h"

static const char EPOCH_KEY[] = "epoch";

static bool renew_epoch(struct state *state, char out[SPOOL_EPOCH_SIZE], struct error *err)
{
	unsigned char bytes[(SPOOL_EPOCH_SIZE - 1) / 2];

	random_bytes(bytes, sizeof(bytes));
	hex_encode(bytes, sizeof(bytes), out);
	return state_set(state, EPOCH_KEY, out, err);
}

bool spool_epoch(struct state *state, char out[SPOOL_EPOCH_SIZE], struct error *err)
{
	struct arena *arena = arena_new();
	char *value = NULL;
	bool ok = state_get(state, EPOCH_KEY, arena, &value, err);

	if (ok && value && strlen(value) == SPOOL_EPOCH_SIZE - 1)
		memcpy(out, value, SPOOL_EPOCH_SIZE);
	else if (ok)
		ok = renew_epoch(state, out, err);
	arena_free(arena);
	return ok;
}

bool spool_counters(struct state *state, enum channel stream, struct spool_counters *out,
		    struct error *err)
{
	static const char SQL[] = "SELECT produced, acked FROM stream WHERE stream = ?1";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, channel_info(stream)->name);
	if (!sql_step(state, statement, &row, err))
		return false;
	out->produced = row ? sqlite3_column_int64(statement, 0) : 0;
	out->acked = row ? sqlite3_column_int64(statement, 1) : 0;
	sql_done(statement);
	return true;
}

static bool counters_update(struct state *state, const char *stream, int64_t produced,
			    int64_t acked, struct error *err)
{
	static const char SQL[] = "INSERT INTO stream(stream, produced, acked) VALUES(?1, ?2, ?3)"
				  " ON CONFLICT(stream) DO UPDATE SET produced = excluded.produced,"
				  " acked = excluded.acked";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, stream);
	sql_bind_int(statement, 2, produced);
	sql_bind_int(statement, 3, acked);
	return sql_run(state, statement, err);
}

struct addition {
	const char *stream;
	const char *body;
	int64_t items;
	int64_t dropped;
	int64_t bytes;
};

static bool message_insert(struct state *state, const struct addition *addition, int64_t seq,
			   struct error *err)
{
	static const char SQL[] =
		"INSERT INTO spool(stream, seq, first, items, dropped, bytes, body,"
		" boot, uptime, wall)"
		" VALUES(?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
	static const char COUNT[] = "UPDATE stream SET bytes = bytes + ?2 WHERE stream = ?1";
	sqlite3_stmt *statement;
	struct boot_stamp now;

	if (!boots_stamp(state, &now, err) || !sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, addition->stream);
	sql_bind_int(statement, 2, seq);
	sql_bind_int(statement, 3, addition->items);
	sql_bind_int(statement, 4, addition->dropped);
	sql_bind_int(statement, 5, addition->bytes);
	sql_bind_text(statement, 6, addition->body);
	sql_bind_int(statement, 7, now.boot);
	sql_bind_int(statement, 8, now.uptime);
	sql_bind_int(statement, 9, now.wall);
	if (!sql_run(state, statement, err) || !sql_prepare(state, COUNT, &statement, err))
		return false;
	sql_bind_text(statement, 1, addition->stream);
	sql_bind_int(statement, 2, addition->bytes);
	return sql_run(state, statement, err);
}

/* Removes the messages of a stream up to seq. */
static bool remove_upto(struct state *state, const char *stream, int64_t seq, struct error *err)
{
	static const char COUNT[] =
		"UPDATE stream SET bytes = bytes - (SELECT coalesce(sum(bytes), 0)"
		" FROM spool WHERE stream = ?1 AND seq <= ?2) WHERE stream = ?1";
	static const char DROP[] = "DELETE FROM spool WHERE stream = ?1 AND seq <= ?2";
	static const char *const BOTH[] = {COUNT, DROP};

	for (size_t i = 0; i < ARRAY_SIZE(BOTH); i++) {
		sqlite3_stmt *statement;

		if (!sql_prepare(state, BOTH[i], &statement, err))
			return false;
		sql_bind_text(statement, 1, stream);
		sql_bind_int(statement, 2, seq);
		if (!sql_run(state, statement, err))
			return false;
	}
	return true;
}

/* Removes the messages before seq of a stream; the one of seq then covers them. */
static bool give_up_before(struct state *state, const char *stream, int64_t seq, struct error *err)
{
	static const char COVER[] =
		"UPDATE spool SET first = (SELECT min(first) FROM spool WHERE stream = ?1"
		" AND seq <= ?2), dropped = (SELECT sum(dropped) FROM spool WHERE stream = ?1"
		" AND seq <= ?2) + (SELECT coalesce(sum(items), 0) FROM spool WHERE stream = ?1"
		" AND seq < ?2) WHERE stream = ?1 AND seq = ?2";
	sqlite3_stmt *cover;

	if (!sql_prepare(state, COVER, &cover, err))
		return false;
	sql_bind_text(cover, 1, stream);
	sql_bind_int(cover, 2, seq);
	return sql_run(state, cover, err) && remove_upto(state, stream, seq - 1, err);
}

bool spool_bytes(struct state *state, int64_t *bytes, struct error *err)
{
	static const char SQL[] = "SELECT coalesce(sum(bytes), 0) FROM stream";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err) || !sql_step(state, statement, &row, err))
		return false;
	*bytes = sqlite3_column_int64(statement, 0);
	sql_done(statement);
	return true;
}

/*
 * The seq of a stream before which at least excess bytes lie, or the newest one: that stays, since
 * the gap needs a message that tells of it. 0 when there are fewer than two messages.
 */
static bool find_cut(struct state *state, const char *stream, int64_t excess, int64_t *seq,
		     struct error *err)
{
	static const char SQL[] = "SELECT seq, bytes FROM spool WHERE stream = ?1 ORDER BY seq";
	sqlite3_stmt *statement;
	int64_t before = 0, count = 0;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, stream);
	*seq = 0;
	for (;;) {
		if (!sql_step(state, statement, &row, err))
			return false;
		if (!row)
			break;
		*seq = sqlite3_column_int64(statement, 0);
		if (count++ > 0 && before >= excess)
			break;
		before += sqlite3_column_int64(statement, 1);
	}
	if (row)
		sql_done(statement);
	if (count < 2)
		*seq = 0;
	return true;
}

static bool make_room(struct state *state, int64_t budget_bytes, struct error *err)
{
	static const enum channel ORDER[] = {CHANNEL_LOGS, CHANNEL_RESULT, CHANNEL_EVENTS};
	int64_t bytes, seq;

	if (!spool_bytes(state, &bytes, err))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ORDER) && bytes > budget_bytes; i++) {
		const char *stream = channel_info(ORDER[i])->name;

		if (!find_cut(state, stream, bytes - budget_bytes, &seq, err))
			return false;
		if (seq > 0 &&
		    (!give_up_before(state, stream, seq, err) || !spool_bytes(state, &bytes, err)))
			return false;
	}
	return true;
}

static bool append(struct state *state, enum channel stream, struct addition *addition,
		   int64_t budget_bytes, struct error *err)
{
	struct spool_counters counters;

	addition->stream = channel_info(stream)->name;
	addition->bytes = (int64_t)strlen(addition->body) + SPOOL_MESSAGE_COST;
	if (!spool_counters(state, stream, &counters, err))
		return false;
	int64_t seq = counters.produced + 1;
	if (!counters_update(state, addition->stream, seq, counters.acked, err) ||
	    !message_insert(state, addition, seq, err))
		return false;
	if (stream == CHANNEL_REPORTED && !give_up_before(state, addition->stream, seq, err))
		return false;
	return make_room(state, budget_bytes, err);
}

bool spool_append(struct state *state, enum channel stream, json_t *body, int64_t items,
		  int64_t budget_bytes, struct error *err)
{
	/* spool_text writes them, each once: a reader refuses a member that comes twice. */
	static const char *const ADDED[] = {"v",     "node",	"epoch",       "seq",
					    "first", "dropped", "corrected_ms"};
	json_auto_t *bare = json_copy(body);
	struct addition addition = {
		.items = items, .dropped = json_integer_value(json_object_get(body, "dropped"))};

	assert(channel_info(stream)->stream);
	for (size_t i = 0; i < ARRAY_SIZE(ADDED); i++)
		json_object_del(bare, ADDED[i]);
	char *text = json_dumps(bare, JSON_COMPACT);
	if (!text)
		return error_set(err, ERR_INTERNAL, "cannot encode a message of the stream %s",
				 channel_info(stream)->name);
	addition.body = text;
	bool ok = state_begin(state, err);
	if (ok)
		ok = state_end(state, append(state, stream, &addition, budget_bytes, err), err);
	free(text);
	return ok;
}

bool spool_next(struct state *state, enum channel stream, int64_t seq, struct arena *arena,
		struct spool_message *out, bool *found, struct error *err)
{
	static const char SQL[] = "SELECT seq, first, dropped, body, boot, uptime, wall FROM spool"
				  " WHERE stream = ?1 AND seq > ?2 ORDER BY seq LIMIT 1";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, channel_info(stream)->name);
	sql_bind_int(statement, 2, seq);
	if (!sql_step(state, statement, &row, err))
		return false;
	*found = row;
	if (row) {
		out->seq = sqlite3_column_int64(statement, 0);
		out->first = sqlite3_column_int64(statement, 1);
		out->dropped = sqlite3_column_int64(statement, 2);
		out->body = sql_text(statement, 3, arena);
		out->made = (struct boot_stamp){
			.boot = sqlite3_column_int64(statement, 4),
			.uptime = sqlite3_column_int64(statement, 5),
			.wall = sqlite3_column_int64(statement, 6),
		};
	}
	sql_done(statement);
	return true;
}

bool spool_ack(struct state *state, enum channel stream, int64_t upto, struct error *err)
{
	const char *name = channel_info(stream)->name;
	struct spool_counters counters;

	if (!spool_counters(state, stream, &counters, err))
		return false;
	if (upto <= counters.acked || upto > counters.produced)
		return true;
	if (!state_begin(state, err))
		return false;
	bool ok = remove_upto(state, name, upto, err) &&
		  counters_update(state, name, counters.produced, upto, err);
	ok = state_end(state, ok, err);
	if (ok)
		sql_shrink(state);
	return ok;
}

static bool run_plain(struct state *state, const char *text, struct error *err)
{
	sqlite3_stmt *statement;

	return sql_prepare(state, text, &statement, err) && sql_run(state, statement, err);
}

bool spool_renumber(struct state *state, struct error *err)
{
	/* Through negative numbers, since each row must be unique at every moment. */
	static const char NEGATE[] =
		"UPDATE spool SET seq = -ranked.place FROM (SELECT stream AS name, seq AS old,"
		" row_number() OVER (PARTITION BY stream ORDER BY seq) AS place FROM spool)"
		" AS ranked WHERE ranked.name = stream AND ranked.old = seq";
	static const char TURN[] = "UPDATE spool SET seq = -seq, first = -seq WHERE seq < 0";
	static const char COUNT[] =
		"UPDATE stream SET acked = 0, produced = (SELECT count(*) FROM spool"
		" WHERE spool.stream = stream.stream)";
	char epoch[SPOOL_EPOCH_SIZE];

	if (!state_begin(state, err))
		return false;
	bool ok = run_plain(state, NEGATE, err) && run_plain(state, TURN, err) &&
		  run_plain(state, COUNT, err) && renew_epoch(state, epoch, err);
	return state_end(state, ok, err);
}

/* Moves every time of an object and what is in it: they are called at and since. */
static void move_times(json_t *json, usec_t by)
{
	const char *key;
	size_t index;
	json_t *value;

	json_array_foreach (json, index, value)
		move_times(value, by);
	json_object_foreach (json, key, value) {
		usec_t time;

		if ((strcmp(key, "at") == 0 || strcmp(key, "since") == 0) &&
		    json_is_string(value) &&
		    time_parse(json_string_value(value), json_string_length(value), &time)) {
			char text[TIME_TEXT_SIZE];

			time_format(time + by, text);
			json_string_set(value, text);
		} else {
			move_times(value, by);
		}
	}
}

/* The body with its times put right; as it is when it cannot be read. */
static const char *corrected(struct arena *arena, const char *body, usec_t correction)
{
	struct error ignored = {0};
	json_t *json;

	if (!json_parse_limited(body, strlen(body), LIMIT_JSON_DEPTH, &json, &ignored))
		return body;
	json_keep(json, arena);
	move_times(json, correction);
	json_object_set_new(json, "corrected_ms", json_integer(correction / USEC_PER_MSEC));
	return json_text(json, arena);
}

char *spool_text(struct arena *arena, const struct spool_message *message, const char *node,
		 const char *epoch, int64_t first, usec_t correction)
{
	const char *body = correction ? corrected(arena, message->body, correction) : message->body;
	char *head = arena_printf(arena, "{\"v\":1,\"node\":\"%s\",\"epoch\":\"%s\",\"seq\":%lld",
				  node, epoch, (long long)message->seq);

	if (first < message->seq)
		head = arena_printf(arena, "%s,\"first\":%lld", head, (long long)first);
	if (message->dropped > 0)
		head = arena_printf(arena, "%s,\"dropped\":%lld", head,
				    (long long)message->dropped);
	bool empty = strcmp(body, "{}") == 0;
	return arena_printf(arena, "%s%s%s", head, empty ? "" : ",", body + 1);
}
