/* SPDX-License-Identifier: Apache-2.0 */
#include "store/beats.h"

#include <string.h>

#include "base/arena.h"
#include "store/db.h"

/* Touches one narrow row per beat; nobody waits for a lock on table node. */
static const char BEATS_PUT[] =
	"UPDATE node_beat b SET cpu = r.cpu, memory = r.memory, disk = r.disk, last_seen_at ="
	" greatest(b.last_seen_at, timestamptz 'epoch' + r.at * interval '1 microsecond')"
	" FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::integer[], $5::smallint[],"
	"  $6::smallint[], $7::smallint[], $8::smallint[])"
	"  AS r (id, at, generation, mark, cpu, memory, disk, broker)"
	" JOIN node n ON n.id = r.id AND n.state = 'active' AND n.online"
	"  AND n.desired_generation = r.generation AND n.reported_generation = r.generation"
	"  AND n.broker = r.broker"
	" WHERE b.node_id = r.id AND b.mark = r.mark";

/* The very opposite of its conditions. */
static const char BEATS_OTHERS[] =
	"SELECT r.number - 1 FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::smallint[])"
	" WITH ORDINALITY AS r (id, generation, mark, broker, number)"
	" LEFT JOIN node n ON n.id = r.id AND n.state = 'active' AND n.online"
	"  AND n.desired_generation = r.generation AND n.reported_generation = r.generation"
	"  AND n.broker = r.broker"
	" LEFT JOIN node_beat b ON b.node_id = r.id AND b.mark = r.mark"
	" WHERE n.id IS NULL OR b.node_id IS NULL ORDER BY r.number";

static const char BEATS_SEEN[] =
	"UPDATE node_beat b SET last_seen_at = greatest(b.last_seen_at, r.seen_at),"
	" told_at = CASE WHEN r.mark IS NULL THEN b.told_at ELSE r.seen_at END,"
	" mark = coalesce(r.mark, b.mark),"
	" cpu = CASE WHEN r.mark IS NULL AND r.cpu IS NULL THEN b.cpu ELSE r.cpu END,"
	" memory = CASE WHEN r.mark IS NULL AND r.cpu IS NULL THEN b.memory ELSE r.memory END,"
	" disk = CASE WHEN r.mark IS NULL AND r.cpu IS NULL THEN b.disk ELSE r.disk END"
	" FROM json_to_recordset($1::json) AS r (id text, seen_at timestamptz, mark integer,"
	" cpu smallint, memory smallint, disk smallint) WHERE b.node_id = r.id";

struct columns {
	const char **ids;
	int64_t *at, *generations, *marks, *cpu, *memory, *disk, *brokers;
};

static struct columns columns_of(const struct beat_row *rows, size_t count, struct arena *arena)
{
	struct columns columns = {
		.ids = arena_array(arena, count, sizeof(char *)),
		.at = arena_array(arena, count, sizeof(int64_t)),
		.generations = arena_array(arena, count, sizeof(int64_t)),
		.marks = arena_array(arena, count, sizeof(int64_t)),
		.cpu = arena_array(arena, count, sizeof(int64_t)),
		.memory = arena_array(arena, count, sizeof(int64_t)),
		.disk = arena_array(arena, count, sizeof(int64_t)),
		.brokers = arena_array(arena, count, sizeof(int64_t)),
	};

	for (size_t i = 0; i < count; i++) {
		columns.ids[i] = rows[i].node_id;
		columns.at[i] = rows[i].at;
		columns.generations[i] = rows[i].beat.generation;
		columns.marks[i] = rows[i].beat.mark;
		columns.cpu[i] = rows[i].beat.cpu;
		columns.memory[i] = rows[i].beat.memory;
		columns.disk[i] = rows[i].beat.disk;
		columns.brokers[i] = rows[i].broker;
	}
	return columns;
}

bool beats_put(struct ctx *ctx, const struct beat_row *rows, size_t count, size_t *others,
	       size_t *other_count, struct error *err)
{
	const struct columns columns = columns_of(rows, count, ctx->arena);
	const struct db_value ids = db_texts(columns.ids, count);
	const struct db_value generations = db_ints(columns.generations, count);
	const struct db_value marks = db_ints(columns.marks, count);
	const struct db_value brokers = db_ints(columns.brokers, count);
	struct db_rows found;
	int64_t stored;

	*other_count = 0;
	if (!db_exec(ctx->db, BEATS_PUT,
		     DB_ARGS(ids, db_ints(columns.at, count), generations, marks,
			     db_ints(columns.cpu, count), db_ints(columns.memory, count),
			     db_ints(columns.disk, count), brokers),
		     &stored, err))
		return false;
	if ((size_t)stored == count)
		return true;
	if (!db_query(ctx->db, ctx->arena, BEATS_OTHERS, DB_ARGS(ids, generations, marks, brokers),
		      &found, err))
		return false;
	for (size_t i = 0; i < found.count; i++)
		others[i] = (size_t)db_get_int(&found, i, 0);
	*other_count = found.count;
	return true;
}

bool beats_seen(struct ctx *ctx, const json_t *rows, struct error *err)
{
	return json_array_size(rows) == 0 ||
	       db_exec(ctx->db, BEATS_SEEN, DB_ARGS(db_json(rows)), NULL, err);
}
