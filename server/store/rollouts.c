/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rollouts.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

#define COLUMNS                                                                               \
	"id, project_id, number, name, kind, state, changes, resolved, targets, strategy, "   \
	"plan_hash, rollback_of, undo, current_wave, reason, created_by, created_by_user, "   \
	"approved_by, created_at, started_at, finished_at, state_since, revision, priority, " \
	"forced, deadline_at"

static const struct field ROLLOUT_FIELDS[] = {
	FIELD_STRING(struct rollout, id, 0, 64),
	FIELD_STRING(struct rollout, project_id, 0, 64),
	FIELD_INT64(struct rollout, number, 0, 0, INT64_MAX),
	FIELD_STRING(struct rollout, name, 0, 256),
	FIELD_STRING(struct rollout, kind, 0, 64),
	FIELD_STRING(struct rollout, state, 0, 64),
	FIELD_JSON(struct rollout, changes, 0),
	FIELD_JSON(struct rollout, resolved, 0),
	FIELD_JSON(struct rollout, targets, 0),
	FIELD_JSON(struct rollout, strategy, 0),
	FIELD_STRING(struct rollout, plan_hash, 0, 128),
	FIELD_STRING(struct rollout, rollback_of, 0, 64),
	FIELD_JSON(struct rollout, undo, 0),
	FIELD_INT64(struct rollout, current_wave, 0, 0, INT64_MAX),
	FIELD_STRING(struct rollout, reason, 0, 4096),
	FIELD_STRING(struct rollout, created_by, 0, 256),
	FIELD_STRING(struct rollout, created_by_user, 0, 64),
	FIELD_STRING(struct rollout, approved_by, 0, 256),
	FIELD_TIME(struct rollout, created_at, 0),
	FIELD_TIME(struct rollout, started_at, 0),
	FIELD_TIME(struct rollout, finished_at, 0),
	FIELD_TIME(struct rollout, state_since, 0),
	FIELD_INT64(struct rollout, revision, 0, 0, INT64_MAX),
	FIELD_INT64(struct rollout, priority, 0, INT32_MIN, INT32_MAX),
	FIELD_BOOL(struct rollout, forced, 0),
	FIELD_TIME(struct rollout, deadline_at, 0),
	FIELD_END,
};

static const char ROLLOUTS_GET[] = "SELECT " COLUMNS " FROM rollout"
				   " WHERE project_id = $1 AND (id = $2 OR number = $3)";
static const char ROLLOUTS_LOCK[] = "SELECT " COLUMNS " FROM rollout"
				    " WHERE project_id = $1 AND id = $2 FOR UPDATE";
static const char ROLLOUTS_LIST[] =
	"SELECT " COLUMNS " FROM rollout WHERE project_id = $1"
	" AND ($2::text IS NULL OR state = ANY (string_to_array($2, ','))) AND ($3 = 0 OR number < $3)"
	" ORDER BY number DESC LIMIT $4";
static const char ROLLOUTS_COUNT[] =
	"SELECT count(*) FROM rollout WHERE project_id = $1"
	" AND ($2::text IS NULL OR state = ANY (string_to_array($2, ',')))";
static const char ROLLOUTS_UNSETTLED[] =
	"SELECT " COLUMNS " FROM rollout WHERE NOT settled"
	" AND state NOT IN ('draft', 'awaiting_approval') ORDER BY priority DESC, created_at, id";
static const char ROLLOUTS_SETTLE[] =
	"UPDATE rollout SET settled = true WHERE project_id = $1 AND id = $2 AND NOT EXISTS ("
	" SELECT FROM rollout_step WHERE rollout_id = $2 AND state = ANY ($3::text[]))";
static const char ROLLOUTS_UNSETTLE[] =
	"UPDATE rollout SET settled = false WHERE project_id = $1 AND id = $2 AND settled";
static const char ROLLOUTS_SET_DEADLINE[] =
	"UPDATE rollout SET deadline_at = $3 WHERE project_id = $1 AND id = $2";
static const char ROLLOUTS_TAKE_FOLLOW[] =
	"UPDATE rollout SET followed_at = clock_timestamp() WHERE project_id = $1 AND id = $2"
	" AND (followed_at IS NULL OR followed_at <= clock_timestamp() - $3::bigint * interval '1 ms')";
static const char ROLLOUTS_SET_FORCED[] =
	"UPDATE rollout SET forced = true, settled = false, revision = revision + 1"
	" WHERE project_id = $1 AND id = $2";
static const char ROLLOUTS_INSERT[] =
	"INSERT INTO rollout (id, project_id, number, name, kind, state, changes, resolved,"
	" targets, strategy, plan_hash, rollback_of, reason, created_by, created_by_user,"
	" priority, started_at, undo)"
	" SELECT $1, $2, n.number, coalesce($3, 'Rollout ' || n.number), $4, $5, $6, $7, $8, $9,"
	" $10, $11, $12, $13, $14, $15, CASE WHEN $5 = 'running' THEN clock_timestamp() END, $16"
	" FROM (SELECT coalesce(max(number), 0) + 1 AS number FROM rollout"
	" WHERE project_id = $2) n RETURNING number, name";
/* Numbers are given one after the other within a project. */
static const char ROLLOUTS_NUMBER_LOCK[] =
	"SELECT pg_advisory_xact_lock(hashtextextended('rollout number ' || $1, 0))";
static const char ROLLOUTS_SET_STATE[] =
	"UPDATE rollout SET state = $3, reason = $4, state_since = clock_timestamp(),"
	" revision = revision + 1, settled = false,"
	" started_at = CASE WHEN $3 = 'running' THEN coalesce(started_at, clock_timestamp())"
	" ELSE started_at END,"
	" finished_at = CASE WHEN $5 THEN clock_timestamp() END"
	" WHERE project_id = $1 AND id = $2";
static const char ROLLOUTS_SET_REASON[] =
	"UPDATE rollout SET reason = $3 WHERE project_id = $1 AND id = $2"
	" AND reason IS DISTINCT FROM $3";
static const char ROLLOUTS_SET_APPROVED[] =
	"UPDATE rollout SET approved_by = $3 WHERE project_id = $1 AND id = $2";
static const char ROLLOUTS_SET_WAVE[] =
	"UPDATE rollout SET current_wave = $3 WHERE project_id = $1 AND id = $2";
static const char ROLLOUTS_FIND_ROLLBACK[] =
	"SELECT 1 FROM rollout WHERE project_id = $1 AND rollback_of = $2"
	" AND state NOT IN ('succeeded', 'failed', 'aborted', 'rolled_back')";

static bool scan(const struct db_rows *rows, size_t row, struct ctx *ctx, struct rollout *out,
		 struct error *err)
{
	memset(out, 0, sizeof(*out));
	return db_scan(rows, row, ctx->arena, ROLLOUT_FIELDS, out, err);
}

static bool scan_all(const struct db_rows *rows, struct ctx *ctx, struct rollout **out,
		     size_t *count, struct error *err)
{
	struct rollout *found = arena_array(ctx->arena, rows->count + 1, sizeof(*found));

	for (size_t i = 0; i < rows->count; i++)
		if (!scan(rows, i, ctx, &found[i], err))
			return false;
	*out = found;
	*count = rows->count;
	return true;
}

bool rollouts_get(struct ctx *ctx, const char *id_or_number, struct rollout *out, struct error *err)
{
	size_t digits = strspn(id_or_number, "0123456789");
	bool numeric = digits > 0 && digits < 10 && id_or_number[digits] == '\0';
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ROLLOUTS_GET,
		      DB_ARGS(db_text(ctx->project_id), db_text(id_or_number),
			      db_int(numeric ? strtoll(id_or_number, NULL, 10) : -1)),
		      &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_NOT_FOUND, "there is no rollout %s", id_or_number);
	return scan(&rows, 0, ctx, out, err);
}

bool rollouts_lock(struct ctx *ctx, const char *id, struct rollout *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ROLLOUTS_LOCK,
		      DB_ARGS(db_text(ctx->project_id), db_text(id)), &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_NOT_FOUND, "there is no rollout %s", id);
	return scan(&rows, 0, ctx, out, err);
}

bool rollouts_list(struct ctx *ctx, const char *state, int64_t before, int64_t limit,
		   struct rollout **out, size_t *count, int64_t *total, struct error *err)
{
	struct db_rows rows, counted;

	if (!db_query(ctx->db, ctx->arena, ROLLOUTS_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(state), db_int(before),
			      db_int(limit)),
		      &rows, err) ||
	    !db_query(ctx->db, ctx->arena, ROLLOUTS_COUNT,
		      DB_ARGS(db_text(ctx->project_id), db_text(state)), &counted, err))
		return false;
	*total = db_get_int(&counted, 0, 0);
	return scan_all(&rows, ctx, out, count, err);
}

bool rollouts_unsettled(struct ctx *ctx, struct rollout **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	return db_query(ctx->db, ctx->arena, ROLLOUTS_UNSETTLED, DB_NO_ARGS, &rows, err) &&
	       scan_all(&rows, ctx, out, count, err);
}

bool rollouts_settle(struct ctx *ctx, const char *id, const char *const *states, size_t count,
		     struct error *err)
{
	return db_exec(ctx->db, ROLLOUTS_SETTLE,
		       DB_ARGS(db_text(ctx->project_id), db_text(id), db_texts(states, count)),
		       NULL, err);
}

bool rollouts_unsettle(struct ctx *ctx, const char *id, struct error *err)
{
	return db_exec(ctx->db, ROLLOUTS_UNSETTLE, DB_ARGS(db_text(ctx->project_id), db_text(id)),
		       NULL, err);
}

bool rollouts_set_deadline(struct ctx *ctx, const char *id, usec_t at, struct error *err)
{
	return db_exec(ctx->db, ROLLOUTS_SET_DEADLINE,
		       DB_ARGS(db_text(ctx->project_id), db_text(id), db_time(at)), NULL, err);
}

bool rollouts_take_follow(struct ctx *ctx, const char *id, int64_t every_ms, bool *due,
			  struct error *err)
{
	int64_t taken;

	if (!db_exec(ctx->db, ROLLOUTS_TAKE_FOLLOW,
		     DB_ARGS(db_text(ctx->project_id), db_text(id), db_int(every_ms)), &taken, err))
		return false;
	*due = taken > 0;
	return true;
}

bool rollouts_set_forced(struct ctx *ctx, const char *id, struct error *err)
{
	return db_exec(ctx->db, ROLLOUTS_SET_FORCED, DB_ARGS(db_text(ctx->project_id), db_text(id)),
		       NULL, err);
}

bool rollouts_insert(struct ctx *ctx, struct rollout *rollout, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ROLLOUTS_NUMBER_LOCK, DB_ARGS(db_text(ctx->project_id)),
		      &rows, err) ||
	    !db_query(ctx->db, ctx->arena, ROLLOUTS_INSERT,
		      DB_ARGS(db_text(rollout->id), db_text(ctx->project_id),
			      db_text(rollout->name), db_text(rollout->kind),
			      db_text(rollout->state), db_json(rollout->changes),
			      db_json(rollout->resolved), db_json(rollout->targets),
			      db_json(rollout->strategy), db_text(rollout->plan_hash),
			      db_text(rollout->rollback_of), db_text(rollout->reason),
			      db_text(rollout->created_by), db_text(rollout->created_by_user),
			      db_int(rollout->priority), db_json(rollout->undo)),
		      &rows, err))
		return false;
	rollout->number = db_get_int(&rows, 0, 0);
	rollout->name = db_get_text(&rows, 0, 1);
	return true;
}

bool rollouts_set_state(struct ctx *ctx, const char *id, const char *state, const char *reason,
			bool final, struct error *err)
{
	return db_exec(ctx->db, ROLLOUTS_SET_STATE,
		       DB_ARGS(db_text(ctx->project_id), db_text(id), db_text(state),
			       db_text(reason), db_bool(final)),
		       NULL, err);
}

bool rollouts_set_reason(struct ctx *ctx, const char *id, const char *reason, struct error *err)
{
	return db_exec(ctx->db, ROLLOUTS_SET_REASON,
		       DB_ARGS(db_text(ctx->project_id), db_text(id), db_text(reason)), NULL, err);
}

bool rollouts_set_approved(struct ctx *ctx, const char *id, const char *by, struct error *err)
{
	return db_exec(ctx->db, ROLLOUTS_SET_APPROVED,
		       DB_ARGS(db_text(ctx->project_id), db_text(id), db_text(by)), NULL, err);
}

bool rollouts_set_wave(struct ctx *ctx, const char *id, int64_t no, struct error *err)
{
	return db_exec(ctx->db, ROLLOUTS_SET_WAVE,
		       DB_ARGS(db_text(ctx->project_id), db_text(id), db_int(no)), NULL, err);
}

bool rollouts_find_rollback(struct ctx *ctx, const char *id, bool *found, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ROLLOUTS_FIND_ROLLBACK,
		      DB_ARGS(db_text(ctx->project_id), db_text(id)), &rows, err))
		return false;
	*found = rows.count > 0;
	return true;
}
