/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "store/db.h"
#include "store/rollouts.h"

static const char WAVES_INSERT[] =
	"INSERT INTO rollout_wave (rollout_id, no, size) VALUES ($1, $2, $3)";
static const char WAVES_LIST[] =
	"SELECT w.no, w.state, w.size, w.forgiven, w.started_at, w.finished_at, w.soak_until,"
	" count(s.node_id),"
	" count(*) FILTER (WHERE s.state = 'succeeded'),"
	" count(*) FILTER (WHERE s.state IN ('failed', 'rolled_back', 'rollback_failed',"
	" 'timed_out')),"
	" count(*) FILTER (WHERE s.state IN ('queued', 'sent', 'accepted', 'fetching', 'applying',"
	" 'verifying') AND n.online),"
	" count(*) FILTER (WHERE s.state IN ('queued', 'sent', 'accepted', 'fetching', 'applying',"
	" 'verifying') AND NOT n.online),"
	" count(*) FILTER (WHERE s.state = 'pending'),"
	" count(*) FILTER (WHERE s.state IN ('skipped', 'superseded')),"
	" coalesce(sum((s.progress ->> 'done_bytes')::bigint), 0)::bigint,"
	" coalesce(sum((s.progress ->> 'saved_bytes')::bigint), 0)::bigint"
	" FROM rollout_wave w"
	" LEFT JOIN rollout_step s ON s.rollout_id = w.rollout_id AND s.wave = w.no"
	" LEFT JOIN node n ON n.id = s.node_id"
	" WHERE w.rollout_id = $1 GROUP BY w.rollout_id, w.no ORDER BY w.no";
static const char WAVES_SET_STATE[] =
	"UPDATE rollout_wave SET state = $3, soak_until = $4,"
	" started_at = CASE WHEN $3 = 'running' THEN coalesce(started_at, clock_timestamp())"
	" ELSE started_at END,"
	" finished_at = CASE WHEN $3 IN ('succeeded', 'failed') THEN clock_timestamp() END"
	" WHERE rollout_id = $1 AND no = $2";
static const char WAVES_FORGIVE[] =
	"UPDATE rollout_wave SET forgiven = (SELECT count(*) FROM rollout_step s"
	" WHERE s.rollout_id = $1 AND s.wave = $2 AND s.state IN ('failed', 'rolled_back',"
	" 'rollback_failed', 'timed_out')), finished_at = NULL,"
	" state = CASE WHEN state = 'failed' THEN 'running' ELSE state END"
	" WHERE rollout_id = $1 AND no = $2";

bool rollout_waves_insert(struct ctx *ctx, const char *rollout_id, int64_t no, int64_t size,
			  struct error *err)
{
	return db_exec(ctx->db, WAVES_INSERT,
		       DB_ARGS(db_text(rollout_id), db_int(no), db_int(size)), NULL, err);
}

bool rollout_waves_list(struct ctx *ctx, const char *rollout_id, struct rollout_wave **out,
			size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, WAVES_LIST, DB_ARGS(db_text(rollout_id)), &rows, err))
		return false;

	struct rollout_wave *waves = arena_array(ctx->arena, rows.count + 1, sizeof(*waves));
	for (size_t i = 0; i < rows.count; i++)
		waves[i] = (struct rollout_wave){
			.no = db_get_int(&rows, i, 0),
			.state = db_get_text(&rows, i, 1),
			.size = db_get_int(&rows, i, 2),
			.forgiven = db_get_int(&rows, i, 3),
			.started_at = db_get_time(&rows, i, 4),
			.finished_at = db_get_time(&rows, i, 5),
			.soak_until = db_get_time(&rows, i, 6),
			.counts = {.total = db_get_int(&rows, i, 7),
				   .succeeded = db_get_int(&rows, i, 8),
				   .failed = db_get_int(&rows, i, 9),
				   .in_progress = db_get_int(&rows, i, 10),
				   .offline = db_get_int(&rows, i, 11),
				   .pending = db_get_int(&rows, i, 12),
				   .skipped = db_get_int(&rows, i, 13)},
			.fetched_bytes = db_get_int(&rows, i, 14),
			.saved_bytes = db_get_int(&rows, i, 15),
		};
	*out = waves;
	*count = rows.count;
	return true;
}

bool rollout_waves_set_state(struct ctx *ctx, const char *rollout_id, int64_t no, const char *state,
			     usec_t soak_until, struct error *err)
{
	return db_exec(
		ctx->db, WAVES_SET_STATE,
		DB_ARGS(db_text(rollout_id), db_int(no), db_text(state), db_time(soak_until)), NULL,
		err);
}

bool rollout_waves_forgive(struct ctx *ctx, const char *rollout_id, int64_t no, struct error *err)
{
	return db_exec(ctx->db, WAVES_FORGIVE, DB_ARGS(db_text(rollout_id), db_int(no)), NULL, err);
}
