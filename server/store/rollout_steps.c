/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rollout_steps.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"
#include "store/rollout_steps_scan.h"

static const char STEPS_INSERT[] =
	"INSERT INTO rollout_step (rollout_id, node_id, project_id, wave)"
	" SELECT $1, t.node, $2, t.wave::integer FROM unnest($3::text[], $4::text[]) t (node, wave)";
/* A step that was put back, or never sent, has nothing to restore; nor has a service that a newer
 * rollout has taken over. */
static const char STEPS_INSERT_ROLLBACK[] =
	"INSERT INTO rollout_step (rollout_id, node_id, project_id, wave, after)"
	" SELECT $1, s.node_id, s.project_id, 1, b.mine FROM rollout_step s"
	" JOIN node n ON n.id = s.node_id AND n.state <> 'retired'"
	" CROSS JOIN LATERAL (SELECT jsonb_object_agg(k.key, k.value) AS mine"
	"  FROM jsonb_each(s.before) k"
	"  JOIN node_service ns ON ns.node_id = s.node_id AND ns.service = k.key"
	"  WHERE ns.rollout_id = $2) b"
	" WHERE s.rollout_id = $2 AND s.project_id = $3 AND s.before IS NOT NULL"
	" AND b.mine IS NOT NULL AND ($4 = 0 OR s.wave = $4)";
static const char STEPS_SET_WAVES[] =
	"UPDATE rollout_step s SET wave = w.no FROM ("
	" SELECT r.node_id, (SELECT min(z.no) FROM (SELECT o AS no,"
	" sum(size::bigint) OVER (ORDER BY o) AS upto FROM unnest($2::text[])"
	" WITH ORDINALITY u (size, o)) z WHERE r.place <= z.upto) AS no FROM ("
	" SELECT s2.node_id, row_number() OVER (ORDER BY n.name) AS place FROM rollout_step s2"
	" JOIN node n ON n.id = s2.node_id WHERE s2.rollout_id = $1) r) w"
	" WHERE s.rollout_id = $1 AND s.node_id = w.node_id";
static const char STEPS_LIST[] =
	"SELECT " STEP_COLUMNS " FROM rollout_step s JOIN node n ON n.id = s.node_id"
	" WHERE s.rollout_id = $1 AND ($2::text IS NULL OR s.state = ANY (string_to_array($2, ',')))"
	" AND ($3 = 0 OR s.wave = $3)"
	" AND (s.wave, s.node_id) > ($4, $5) AND s.project_id = $6"
	" AND ($8::text IS NULL OR s.fingerprint = $8)"
	" ORDER BY s.wave, s.node_id LIMIT $7";
static const char STEPS_COUNT[] =
	"SELECT count(*) FROM rollout_step s WHERE s.rollout_id = $1"
	" AND ($2::text IS NULL OR s.state = ANY (string_to_array($2, ',')))"
	" AND ($3 = 0 OR s.wave = $3) AND s.project_id = $4"
	" AND ($5::text IS NULL OR s.fingerprint = $5)";
static const char STEPS_GET[] =
	"SELECT " STEP_COLUMNS " FROM rollout_step s JOIN node n ON n.id = s.node_id"
	" WHERE s.rollout_id = $1 AND s.node_id = $2 AND s.project_id = $3";
static const char STEPS_MOVE[] =
	"UPDATE rollout_step SET state = $2, reason = $3, error = $4,"
	" state_since = clock_timestamp() WHERE rollout_id = $1 AND state = ANY ($5::text[])"
	" AND ($6 = 0 OR wave = $6) AND ($7::text IS NULL OR node_id = $7)";
static const char STEPS_MOVE_OFFLINE[] =
	"UPDATE rollout_step s SET state = $2, reason = $3, error = $4,"
	" state_since = clock_timestamp() FROM node n WHERE n.id = s.node_id AND NOT n.online"
	" AND s.rollout_id = $1 AND s.state = ANY ($5::text[]) AND s.wave = $6";
static const char STEPS_MOVE_RETIRED[] =
	"UPDATE rollout_step s SET state = $2, reason = $3, error = $4,"
	" state_since = clock_timestamp() FROM node n WHERE n.id = s.node_id"
	" AND n.state = 'retired' AND s.rollout_id = $1 AND s.state = ANY ($5::text[])";
static const char STEPS_MOVE_BY_FACTS[] =
	"UPDATE rollout_step s SET state = $2, reason = NULL, error = NULL,"
	" state_since = clock_timestamp()"
	" FROM node n WHERE n.id = s.node_id AND s.rollout_id = $1 AND s.state = ANY ($3::text[])"
	" AND s.generation IS NOT NULL AND n.reported_generation >= s.generation";
static const char STEPS_MOVE_LATE[] =
	"UPDATE rollout_step s SET state = $2, state_since = clock_timestamp(),"
	" reason = CASE WHEN n.online THEN 'no verdict before the deadline'"
	" ELSE 'the node was offline until the deadline' END,"
	" error = jsonb_build_object('phase', s.state, 'code', 'deadline', 'text',"
	" 'no verdict before the deadline; the last that was heard is ' || s.state)"
	" FROM node n WHERE n.id = s.node_id AND s.rollout_id = $1 AND s.state = ANY ($3::text[])"
	" AND s.deadline_at < $4 RETURNING s.node_id";
static const char STEPS_MOVE_BY_RESULT[] =
	"UPDATE rollout_step SET state = $3, reason = $4, error = $5,"
	" progress = coalesce($6, progress), state_since = CASE WHEN state = $3 THEN state_since"
	" ELSE clock_timestamp() END"
	" WHERE node_id = $1 AND generation <= $2 AND state = ANY ($7::text[])"
	" RETURNING rollout_id";
/* A node that was told while it was offline has its time from its return on. */
static const char STEPS_RETURNED[] =
	"UPDATE rollout_step s SET deadline_at = $2 FROM node n WHERE n.id = s.node_id AND n.online"
	" AND s.rollout_id = $1 AND s.deadline_at IS NULL AND s.state = ANY ($3::text[])";
/* A change that could not even be put back is for a person. */
static const char STEPS_TRY_AGAIN[] =
	"UPDATE rollout_step s SET state = $2, retries = s.retries + 1, reason = 'tried again after '"
	" || (s.error ->> 'code') || ' (' || s.retries + 1 || ' of ' || $4::integer || ')',"
	" retry_at = clock_timestamp() + interval '1 ms'"
	"  * least($5::bigint * power(2, least(s.retries, 30)), $6::bigint),"
	" state_since = clock_timestamp()"
	" WHERE s.rollout_id = $1 AND s.state = ANY ($3::text[]) AND s.state <> 'rollback_failed'"
	" AND s.error ->> 'code' = ANY ($7::text[]) AND s.retries < $4";
static const char STEPS_MOVE_CHOSEN[] =
	"UPDATE rollout_step s SET state = $2, reason = $3, retries = 0, retry_at = NULL,"
	" opens_at = NULL, state_since = clock_timestamp()"
	" WHERE s.rollout_id = $1 AND s.project_id = $4 AND s.state = ANY ($5::text[])"
	" AND ($6::text[] IS NULL OR s.node_id = ANY ($6) OR s.node_id IN (SELECT n.id FROM node n"
	"  WHERE n.project_id = $4 AND n.name = ANY ($6) AND n.state <> 'retired'))"
	" AND ($7::text IS NULL OR s.error ->> 'code' = $7 OR s.fingerprint = $7) RETURNING s.node_id";
/* Told while they were offline, and still away. */
static const char STEPS_AWAY[] =
	"SELECT s.node_id FROM rollout_step s JOIN node n ON n.id = s.node_id AND NOT n.online"
	" WHERE s.rollout_id = $1 AND s.deadline_at IS NULL AND s.state = ANY ($2::text[])"
	" ORDER BY s.node_id LIMIT $3";
static const char STEPS_UNWELL[] =
	"SELECT count(DISTINCT s.node_id), min(n.name) FROM rollout_step s"
	" JOIN rollout r ON r.id = s.rollout_id JOIN node n ON n.id = s.node_id"
	" WHERE s.rollout_id = $1 AND s.wave = $2 AND s.state = 'succeeded' AND n.online"
	" AND EXISTS (SELECT FROM node_service ns WHERE ns.node_id = s.node_id"
	"  AND (coalesce(s.after, r.resolved) - s.lost) ? ns.service AND ns.desired_run"
	"  AND ns.reported_state IS NOT NULL AND NOT coalesce(ns.ready, false))";
static const char STEPS_RESTORE[] =
	"UPDATE node_service ns SET desired_driver = b.value ->> 'driver',"
	" desired_run = (b.value ->> 'run')::boolean,"
	" package_release_id = b.value ->> 'package_release_id',"
	" config_id = b.value ->> 'config_id',"
	" config_version = (b.value ->> 'config_version')::integer,"
	" parameters = CASE WHEN jsonb_typeof(b.value -> 'parameters') = 'object'"
	" THEN b.value -> 'parameters' END,"
	" rollout_id = b.value ->> 'rollout_id', desired_at = clock_timestamp()"
	" FROM rollout_step s JOIN node n ON n.id = s.node_id AND n.state <> 'retired'"
	" CROSS JOIN LATERAL jsonb_each(s.before) b"
	" WHERE s.rollout_id = $1 AND s.node_id = $2 AND s.before IS NOT NULL"
	" AND ns.node_id = s.node_id AND ns.service = b.key AND ns.rollout_id = $1"
	" RETURNING ns.service, b.value -> 'content'";
/* What was put back may come from a rollout that has failed on this node meanwhile. */
static const char STEPS_UNDONE[] =
	"SELECT DISTINCT s.rollout_id FROM node_service ns JOIN rollout_step s"
	" ON s.rollout_id = ns.rollout_id AND s.node_id = ns.node_id"
	" WHERE ns.node_id = $1 AND s.before ? ns.service AND s.state = ANY ($2::text[])"
	" AND ns.project_id = $3 ORDER BY s.rollout_id";

static void scan(struct ctx *ctx, const struct db_rows *rows, size_t row, struct rollout_step *out)
{
	*out = (struct rollout_step){
		.node_id = db_get_text(rows, row, 0),
		.node_name = db_get_text(rows, row, 1),
		.wave = db_get_int(rows, row, 2),
		.state = db_get_text(rows, row, 3),
		.reason = db_get_text(rows, row, 4),
		.error = json_keep(db_get_json(rows, row, 5), ctx->arena),
		.progress = json_keep(db_get_json(rows, row, 6), ctx->arena),
		.after = json_keep(db_get_json(rows, row, 7), ctx->arena),
		.before = json_keep(db_get_json(rows, row, 8), ctx->arena),
		.generation = db_get_int(rows, row, 9),
		.attempt = db_get_int(rows, row, 10),
		.online = db_get_bool(rows, row, 11),
		.state_since = db_get_time(rows, row, 12),
		.deadline_at = db_get_time(rows, row, 13),
		.retries = db_get_int(rows, row, 14),
		.retry_at = db_get_time(rows, row, 15),
		.opens_at = db_get_time(rows, row, 16),
		.superseded_by = db_get_text(rows, row, 17),
		.lost = json_keep(db_get_json(rows, row, 18), ctx->arena),
		.fingerprint = db_get_text(rows, row, 19),
	};
}

void rollout_steps_scan(struct ctx *ctx, const struct db_rows *rows, struct rollout_step **out,
			size_t *count)
{
	struct rollout_step *steps = arena_array(ctx->arena, rows->count + 1, sizeof(*steps));

	for (size_t i = 0; i < rows->count; i++)
		scan(ctx, rows, i, &steps[i]);
	*out = steps;
	*count = rows->count;
}

const char *const *rollout_steps_texts(struct ctx *ctx, const struct db_rows *rows)
{
	const char **texts = arena_array(ctx->arena, rows->count + 1, sizeof(*texts));

	for (size_t i = 0; i < rows->count; i++)
		texts[i] = db_get_text(rows, i, 0);
	return texts;
}

static struct db_value sources_of(const struct step_move *move)
{
	return db_texts(move->sources, move->source_count);
}

bool rollout_steps_insert(struct ctx *ctx, const char *rollout_id, const char *const *nodes,
			  const char *const *waves, size_t count, struct error *err)
{
	return db_exec(ctx->db, STEPS_INSERT,
		       DB_ARGS(db_text(rollout_id), db_text(ctx->project_id),
			       db_texts(nodes, count), db_texts(waves, count)),
		       NULL, err);
}

bool rollout_steps_insert_rollback(struct ctx *ctx, const char *rollout_id, const char *original_id,
				   int64_t wave, int64_t *count, struct error *err)
{
	return db_exec(ctx->db, STEPS_INSERT_ROLLBACK,
		       DB_ARGS(db_text(rollout_id), db_text(original_id), db_text(ctx->project_id),
			       db_int(wave)),
		       count, err);
}

bool rollout_steps_set_waves(struct ctx *ctx, const char *rollout_id, const char *const *sizes,
			     size_t count, struct error *err)
{
	return db_exec(ctx->db, STEPS_SET_WAVES,
		       DB_ARGS(db_text(rollout_id), db_texts(sizes, count)), NULL, err);
}

bool rollout_steps_list(struct ctx *ctx, const char *rollout_id, const char *state, int64_t wave,
			const char *fingerprint, int64_t after_wave, const char *after_node,
			int64_t limit, struct rollout_step **out, size_t *count, int64_t *total,
			struct error *err)
{
	struct db_rows rows, counted;

	if (!db_query(ctx->db, ctx->arena, STEPS_LIST,
		      DB_ARGS(db_text(rollout_id), db_text(state), db_int(wave), db_int(after_wave),
			      db_text(after_node), db_text(ctx->project_id), db_int(limit),
			      db_text(fingerprint)),
		      &rows, err) ||
	    !db_query(ctx->db, ctx->arena, STEPS_COUNT,
		      DB_ARGS(db_text(rollout_id), db_text(state), db_int(wave),
			      db_text(ctx->project_id), db_text(fingerprint)),
		      &counted, err))
		return false;
	*total = db_get_int(&counted, 0, 0);
	rollout_steps_scan(ctx, &rows, out, count);
	return true;
}

bool rollout_steps_get(struct ctx *ctx, const char *rollout_id, const char *node_id,
		       struct rollout_step *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, STEPS_GET,
		      DB_ARGS(db_text(rollout_id), db_text(node_id), db_text(ctx->project_id)),
		      &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_NOT_FOUND, "node %s has no part in the rollout", node_id);
	scan(ctx, &rows, 0, out);
	return true;
}

bool rollout_steps_move(struct ctx *ctx, const char *rollout_id, int64_t wave, const char *node_id,
			const struct step_move *move, int64_t *moved, struct error *err)
{
	return db_exec(ctx->db, STEPS_MOVE,
		       DB_ARGS(db_text(rollout_id), db_text(move->target), db_text(move->reason),
			       db_json(move->error), sources_of(move), db_int(wave),
			       db_text(node_id)),
		       moved, err);
}

bool rollout_steps_move_offline(struct ctx *ctx, const char *rollout_id, int64_t wave,
				const struct step_move *move, int64_t *moved, struct error *err)
{
	return db_exec(ctx->db, STEPS_MOVE_OFFLINE,
		       DB_ARGS(db_text(rollout_id), db_text(move->target), db_text(move->reason),
			       db_json(move->error), sources_of(move), db_int(wave)),
		       moved, err);
}

bool rollout_steps_move_retired(struct ctx *ctx, const char *rollout_id,
				const struct step_move *move, int64_t *moved, struct error *err)
{
	return db_exec(ctx->db, STEPS_MOVE_RETIRED,
		       DB_ARGS(db_text(rollout_id), db_text(move->target), db_text(move->reason),
			       db_json(move->error), sources_of(move)),
		       moved, err);
}

bool rollout_steps_move_by_facts(struct ctx *ctx, const char *rollout_id,
				 const struct step_move *move, int64_t *moved, struct error *err)
{
	return db_exec(ctx->db, STEPS_MOVE_BY_FACTS,
		       DB_ARGS(db_text(rollout_id), db_text(move->target), sources_of(move)), moved,
		       err);
}

bool rollout_steps_move_late(struct ctx *ctx, const char *rollout_id, const struct step_move *move,
			     const char *const **nodes, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, STEPS_MOVE_LATE,
		      DB_ARGS(db_text(rollout_id), db_text(move->target), sources_of(move),
			      db_time(ctx->now)),
		      &rows, err))
		return false;
	*nodes = rollout_steps_texts(ctx, &rows);
	*count = rows.count;
	return true;
}

bool rollout_steps_move_by_result(struct ctx *ctx, const char *node_id, int64_t generation,
				  json_t *progress, const struct step_move *move,
				  const char *const **rollouts, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, STEPS_MOVE_BY_RESULT,
		      DB_ARGS(db_text(node_id), db_int(generation), db_text(move->target),
			      db_text(move->reason), db_json(move->error), db_json(progress),
			      sources_of(move)),
		      &rows, err))
		return false;
	*rollouts = rollout_steps_texts(ctx, &rows);
	*count = rows.count;
	return true;
}

bool rollout_steps_unwell(struct ctx *ctx, const char *rollout_id, int64_t wave, int64_t *count,
			  const char **example, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, STEPS_UNWELL, DB_ARGS(db_text(rollout_id), db_int(wave)),
		      &rows, err))
		return false;
	*count = db_get_int(&rows, 0, 0);
	*example = db_get_text(&rows, 0, 1);
	return true;
}

bool rollout_steps_restore(struct ctx *ctx, const char *rollout_id, const char *node_id,
			   json_t *restored, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, STEPS_RESTORE,
		      DB_ARGS(db_text(rollout_id), db_text(node_id)), &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		json_t *content = db_get_json(&rows, i, 1);
		json_object_set_new(restored, db_get_text(&rows, i, 0),
				    content != NULL ? content : json_null());
	}
	return true;
}

bool rollout_steps_undone(struct ctx *ctx, const char *node_id, const char *const *states,
			  size_t state_count, const char *const **rollouts, size_t *count,
			  struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, STEPS_UNDONE,
		      DB_ARGS(db_text(node_id), db_texts(states, state_count),
			      db_text(ctx->project_id)),
		      &rows, err))
		return false;
	*rollouts = rollout_steps_texts(ctx, &rows);
	*count = rows.count;
	return true;
}

bool rollout_steps_set_returned(struct ctx *ctx, const char *rollout_id, usec_t deadline_at,
				const char *const *states, size_t state_count, struct error *err)
{
	return db_exec(
		ctx->db, STEPS_RETURNED,
		DB_ARGS(db_text(rollout_id), db_time(deadline_at), db_texts(states, state_count)),
		NULL, err);
}

bool rollout_steps_try_again(struct ctx *ctx, const char *rollout_id, const struct step_move *move,
			     const struct step_retry *retry, int64_t *moved, struct error *err)
{
	return db_exec(ctx->db, STEPS_TRY_AGAIN,
		       DB_ARGS(db_text(rollout_id), db_text(move->target), sources_of(move),
			       db_int(retry->max), db_int(retry->backoff_ms),
			       db_int(retry->backoff_max_ms),
			       db_texts(retry->codes, retry->code_count)),
		       moved, err);
}

bool rollout_steps_move_chosen(struct ctx *ctx, const char *rollout_id,
			       const struct step_choice *choice, const struct step_move *move,
			       const char *const **nodes, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, STEPS_MOVE_CHOSEN,
		      DB_ARGS(db_text(rollout_id), db_text(move->target), db_text(move->reason),
			      db_text(ctx->project_id), sources_of(move),
			      choice->node_count > 0 ? db_texts(choice->nodes, choice->node_count)
						     : db_null(),
			      db_text(choice->cause)),
		      &rows, err))
		return false;
	*nodes = rollout_steps_texts(ctx, &rows);
	*count = rows.count;
	return true;
}

bool rollout_steps_away(struct ctx *ctx, const char *rollout_id, const char *const *states,
			size_t state_count, int64_t limit, const char *const **nodes, size_t *count,
			struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, STEPS_AWAY,
		      DB_ARGS(db_text(rollout_id), db_texts(states, state_count), db_int(limit)),
		      &rows, err))
		return false;
	*nodes = rollout_steps_texts(ctx, &rows);
	*count = rows.count;
	return true;
}
