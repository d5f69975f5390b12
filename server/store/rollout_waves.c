/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "store/db.h"
#include "store/rollouts.h"

static const char WAVES_INSERT[] =
	"INSERT INTO rollout_wave (rollout_id, no, size, label) VALUES ($1, $2, $3, $4)";
#define IN_FLIGHT "s.state IN ('queued', 'sent', 'accepted', 'fetching', 'applying', 'verifying')"
#define BEGUN "(w.state <> 'pending' OR w.no <= r.current_wave)"
#define UNREACHABLE                                                  \
	"NOT n.online AND s.deadline_at IS NOT NULL AND (" IN_FLIGHT \
	" OR s.state IN ('succeeded', 'timed_out'))"
/* A failure that a node has told is not unreachable; one that went silent is. */
static const char WAVES_LIST[] =
	"SELECT w.no, w.state, w.size, w.forgiven, w.started_at, w.finished_at, w.soak_until,"
	" count(s.node_id),"
	" count(*) FILTER (WHERE s.state = 'succeeded'),"
	" count(*) FILTER (WHERE s.state IN ('failed', 'rolled_back', 'rollback_failed',"
	" 'timed_out')),"
	" count(*) FILTER (WHERE " IN_FLIGHT " AND n.online),"
	" count(*) FILTER (WHERE NOT n.online AND (" IN_FLIGHT " OR s.state = 'pending' AND " BEGUN
	")),"
	" count(*) FILTER (WHERE s.state = 'pending' AND (n.online OR NOT " BEGUN ")),"
	" count(*) FILTER (WHERE s.state IN ('skipped', 'superseded')),"
	" coalesce(sum((s.progress ->> 'done_bytes')::bigint), 0)::bigint,"
	" coalesce(sum((s.progress ->> 'saved_bytes')::bigint), 0)::bigint, w.label,"
	" count(*) FILTER (WHERE s.state = 'pending'),"
	" count(*) FILTER (WHERE s.state = 'pending' AND NOT n.online),"
	" count(*) FILTER (WHERE " IN_FLIGHT " AND NOT n.online AND s.deadline_at IS NULL),"
	" count(*) FILTER (WHERE " UNREACHABLE "), w.forgiven_unreachable,"
	" count(*) FILTER (WHERE s.state = 'superseded'),"
	" count(*) FILTER (WHERE s.state = 'pending' AND n.online AND s.opens_at IS NOT NULL)"
	" FROM rollout_wave w JOIN rollout r ON r.id = w.rollout_id"
	" LEFT JOIN rollout_step s ON s.rollout_id = w.rollout_id AND s.wave = w.no"
	" LEFT JOIN node n ON n.id = s.node_id"
	" WHERE w.rollout_id = $1 GROUP BY w.rollout_id, w.no, r.current_wave ORDER BY w.no";
static const char WAVES_SET_STATE[] =
	"UPDATE rollout_wave SET state = $3, soak_until = $4,"
	" started_at = CASE WHEN $3 = 'running' THEN coalesce(started_at, clock_timestamp())"
	" ELSE started_at END,"
	" finished_at = CASE WHEN $3 IN ('succeeded', 'failed') THEN clock_timestamp() END"
	" WHERE rollout_id = $1 AND no = $2";
static const char WAVES_ALERT[] =
	"SELECT a.summary, n.name FROM rollout_wave w"
	" JOIN rollout_step s ON s.rollout_id = w.rollout_id AND s.wave = w.no"
	" JOIN node n ON n.id = s.node_id JOIN alert a ON a.node_id = s.node_id"
	" WHERE w.rollout_id = $1 AND w.no = $2 AND s.state NOT IN ('pending', 'skipped', 'superseded')"
	" AND a.severity = ANY ($3::text[]) AND a.firing_at >= w.started_at"
	" AND a.firing_at > coalesce($4, '-infinity'::timestamptz)"
	" ORDER BY a.firing_at LIMIT 1";
static const char WAVES_GROW[] =
	"UPDATE rollout_wave w SET size = (SELECT count(*) FROM rollout_step s"
	" WHERE s.rollout_id = w.rollout_id AND s.wave = w.no) WHERE w.rollout_id = $1 AND w.no = $2";
static const char LABEL_VALUES[] =
	"SELECT n.labels ->> $3 FROM unnest($2::text[]) WITH ORDINALITY u (id, place)"
	" LEFT JOIN node n ON n.id = u.id AND n.project_id = $1 ORDER BY u.place";
/* Waves before the current one go on as passed. */
static const char WAVES_FORGIVE[] =
	"UPDATE rollout_wave w SET forgiven = c.failed, forgiven_unreachable = c.unreachable,"
	" finished_at = CASE WHEN w.no < $2 THEN coalesce(w.finished_at, clock_timestamp()) END,"
	" state = CASE WHEN w.state <> 'failed' THEN w.state WHEN w.no < $2 THEN 'succeeded'"
	"  ELSE 'running' END"
	" FROM (SELECT v.no, count(*) FILTER (WHERE s.state IN ('failed', 'rolled_back',"
	"  'rollback_failed', 'timed_out')) AS failed, count(*) FILTER (WHERE " UNREACHABLE ")"
	"  AS unreachable FROM rollout_wave v"
	"  LEFT JOIN rollout_step s ON s.rollout_id = v.rollout_id AND s.wave = v.no"
	"  LEFT JOIN node n ON n.id = s.node_id"
	"  WHERE v.rollout_id = $1 AND v.no <= $2 GROUP BY v.no) c"
	" WHERE w.rollout_id = $1 AND w.no = c.no";

bool rollout_waves_insert(struct ctx *ctx, const char *rollout_id, int64_t no, int64_t size,
			  const char *label, struct error *err)
{
	return db_exec(ctx->db, WAVES_INSERT,
		       DB_ARGS(db_text(rollout_id), db_int(no), db_int(size), db_text(label)), NULL,
		       err);
}

bool rollout_waves_grow(struct ctx *ctx, const char *rollout_id, int64_t no, struct error *err)
{
	return db_exec(ctx->db, WAVES_GROW, DB_ARGS(db_text(rollout_id), db_int(no)), NULL, err);
}

bool rollout_label_values(struct ctx *ctx, const char *label, const char *const *nodes,
			  size_t count, const char *const **out, struct error *err)
{
	const char **values = arena_array(ctx->arena, count + 1, sizeof(*values));
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, LABEL_VALUES,
		      DB_ARGS(db_text(ctx->project_id), db_texts(nodes, count), db_text(label)),
		      &rows, err))
		return false;
	for (size_t i = 0; i < count; i++)
		values[i] = db_get_text(&rows, i, 0);
	*out = values;
	return true;
}

bool rollout_waves_alert(struct ctx *ctx, const char *rollout_id, int64_t no,
			 const char *const *severities, size_t count, usec_t after,
			 const char **summary, const char **node, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, WAVES_ALERT,
		      DB_ARGS(db_text(rollout_id), db_int(no), db_texts(severities, count),
			      db_time(after)),
		      &rows, err))
		return false;
	*summary = rows.count > 0 ? db_get_text(&rows, 0, 0) : NULL;
	*node = rows.count > 0 ? db_get_text(&rows, 0, 1) : NULL;
	return true;
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
				   .skipped = db_get_int(&rows, i, 13),
				   .superseded = db_get_int(&rows, i, 22),
				   .window = db_get_int(&rows, i, 23)},
			.fetched_bytes = db_get_int(&rows, i, 14),
			.saved_bytes = db_get_int(&rows, i, 15),
			.label = db_get_text(&rows, i, 16),
			.waiting = db_get_int(&rows, i, 17),
			.waiting_offline = db_get_int(&rows, i, 18),
			.told_offline = db_get_int(&rows, i, 19),
			.unreachable = db_get_int(&rows, i, 20),
			.forgiven_unreachable = db_get_int(&rows, i, 21),
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
