/* SPDX-License-Identifier: Apache-2.0 */
#include "store/deliveries.h"

#include "base/arena.h"
#include "base/id.h"
#include "store/db.h"

static const char RECEIVERS[] =
	"SELECT id FROM webhook WHERE project_id = $1 AND enabled AND EXISTS ("
	" SELECT FROM unnest(events) e WHERE e IN ($2, '*')"
	" OR (right(e, 2) = '.*' AND starts_with($2, left(e, -1)))) ORDER BY id";
static const char INSERT[] =
	"INSERT INTO delivery (id, project_id, webhook_id, event_id, event_type, body, next_at)"
	" VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())";
static const char LIST[] =
	"SELECT id, webhook_id, event_id, event_type, body, state, attempt, next_at, last_status,"
	" last_error, response_excerpt, created_at, finished_at FROM delivery"
	" WHERE project_id = $1 AND webhook_id = $2"
	" AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))"
	" ORDER BY created_at DESC, id DESC LIMIT $5";
static const char COUNT[] = "SELECT count(*) FROM delivery WHERE project_id = $1"
			    " AND webhook_id = $2";
static const char GET[] =
	"SELECT id, webhook_id, event_id, event_type, body, state, attempt, next_at, last_status,"
	" last_error, response_excerpt, created_at, finished_at FROM delivery"
	" WHERE project_id = $1 AND id = $2";
static const char REQUEUE[] =
	"UPDATE delivery SET state = 'pending', attempt = 0, next_at = clock_timestamp(),"
	" lease_until = NULL, finished_at = NULL WHERE project_id = $1 AND id = $2";
/* A webhook that was disabled keeps its queue until it is enabled again. */
static const char CLAIM[] =
	"UPDATE delivery d SET attempt = d.attempt + 1,"
	" lease_until = clock_timestamp() + make_interval(secs => $2) FROM webhook w"
	" WHERE w.id = d.webhook_id AND d.id IN (SELECT q.id FROM delivery q"
	" JOIN webhook v ON v.id = q.webhook_id AND v.enabled"
	" WHERE q.state = 'pending' AND q.next_at <= clock_timestamp()"
	" AND (q.lease_until IS NULL OR q.lease_until < clock_timestamp())"
	" ORDER BY q.next_at, q.id LIMIT $1 FOR UPDATE OF q SKIP LOCKED)"
	" RETURNING d.id, d.project_id, d.webhook_id, d.event_id, d.body, w.url, w.secret_sealed,"
	" d.attempt";
static const char FINISH[] =
	"UPDATE delivery SET state = $3, next_at = $4, last_status = nullif($5, 0),"
	" last_error = $6, response_excerpt = $7, lease_until = NULL,"
	" finished_at = CASE WHEN $3 <> 'pending' THEN clock_timestamp() END"
	" WHERE id = $1 AND attempt = $2 AND state = 'pending'";

bool deliveries_receivers(struct ctx *ctx, const char *type, const char *const **webhooks,
			  size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, RECEIVERS,
		      DB_ARGS(db_text(ctx->project_id), db_text(type)), &rows, err))
		return false;

	const char **found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = db_get_text(&rows, i, 0);
	*webhooks = found;
	*count = rows.count;
	return true;
}

bool deliveries_insert(struct ctx *ctx, const char *webhook_id, const char *event_id,
		       const char *type, const char *body, struct error *err)
{
	char id[ID_SIZE];

	id_random(id, "");
	return db_exec(ctx->db, INSERT,
		       DB_ARGS(db_text(id), db_text(ctx->project_id), db_text(webhook_id),
			       db_text(event_id), db_text(type), db_text(body)),
		       NULL, err) &&
	       db_notify(ctx->db, DB_CHANNEL_WEBHOOKS, err);
}

static struct delivery scan(const struct db_rows *rows, size_t row)
{
	return (struct delivery){
		.id = db_get_text(rows, row, 0),
		.webhook = db_get_text(rows, row, 1),
		.event_id = db_get_text(rows, row, 2),
		.event_type = db_get_text(rows, row, 3),
		.body = db_get_text(rows, row, 4),
		.state = db_get_text(rows, row, 5),
		.attempt = db_get_int(rows, row, 6),
		.next_at = db_get_time(rows, row, 7),
		.last_status = db_get_int(rows, row, 8),
		.last_error = db_get_text(rows, row, 9),
		.response_excerpt = db_get_text(rows, row, 10),
		.created_at = db_get_time(rows, row, 11),
		.finished_at = db_get_time(rows, row, 12),
	};
}

bool deliveries_list(struct ctx *ctx, const char *webhook_id, usec_t before, const char *before_id,
		     int64_t limit, struct delivery **out, size_t *count, int64_t *total,
		     struct error *err)
{
	struct db_rows rows, counted;

	if (!db_query(ctx->db, ctx->arena, LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(webhook_id), db_time(before),
			      db_text(before_id), db_int(limit)),
		      &rows, err) ||
	    !db_query(ctx->db, ctx->arena, COUNT,
		      DB_ARGS(db_text(ctx->project_id), db_text(webhook_id)), &counted, err))
		return false;

	struct delivery *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = scan(&rows, i);
	*out = found;
	*count = rows.count;
	*total = db_get_int(&counted, 0, 0);
	return true;
}

bool deliveries_get(struct ctx *ctx, const char *id, struct delivery *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, GET, DB_ARGS(db_text(ctx->project_id), db_text(id)),
		      &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_NOT_FOUND, "there is no delivery %s", id);
	*out = scan(&rows, 0);
	return true;
}

bool deliveries_requeue(struct ctx *ctx, const char *id, struct error *err)
{
	return db_exec(ctx->db, REQUEUE, DB_ARGS(db_text(ctx->project_id), db_text(id)), NULL,
		       err) &&
	       db_notify(ctx->db, DB_CHANNEL_WEBHOOKS, err);
}

bool deliveries_claim(struct ctx *ctx, int64_t limit, int lease_s, struct delivery_job **out,
		      size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, CLAIM, DB_ARGS(db_int(limit), db_double(lease_s)), &rows,
		      err))
		return false;

	struct delivery_job *jobs = arena_array(ctx->arena, rows.count + 1, sizeof(*jobs));
	for (size_t i = 0; i < rows.count; i++) {
		jobs[i] = (struct delivery_job){
			.id = db_get_text(&rows, i, 0),
			.project_id = db_get_text(&rows, i, 1),
			.webhook_id = db_get_text(&rows, i, 2),
			.event_id = db_get_text(&rows, i, 3),
			.body = db_get_text(&rows, i, 4),
			.url = db_get_text(&rows, i, 5),
			.attempt = db_get_int(&rows, i, 7),
		};
		jobs[i].secret_sealed = db_get_bytes(&rows, i, 6, &jobs[i].secret_size);
	}
	*out = jobs;
	*count = rows.count;
	return true;
}

bool deliveries_finish(struct ctx *ctx, const struct delivery_job *job,
		       const struct delivery_outcome *outcome, struct error *err)
{
	return db_exec(ctx->db, FINISH,
		       DB_ARGS(db_text(job->id), db_int(job->attempt), db_text(outcome->state),
			       db_time(outcome->next_at), db_int(outcome->status),
			       db_text(outcome->error), db_text(outcome->excerpt)),
		       NULL, err);
}
