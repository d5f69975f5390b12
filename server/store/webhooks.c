/* SPDX-License-Identifier: Apache-2.0 */
#include "store/webhooks.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

#define COLUMNS "id, name, url, to_jsonb(events), enabled, created_at, revision, secret_sealed"

static const char LIST[] = "SELECT " COLUMNS " FROM webhook WHERE project_id = $1 ORDER BY name";
static const char GET[] = "SELECT " COLUMNS " FROM webhook WHERE project_id = $1 AND id = $2";
static const char INSERT[] =
	"INSERT INTO webhook (id, project_id, name, url, secret_sealed, events, enabled)"
	" VALUES ($1, $2, $3, $4, $5, $6::text[], $7)";
static const char UPDATE[] =
	"UPDATE webhook SET name = $3, url = $4, events = $5::text[], enabled = $6,"
	" revision = revision + 1 WHERE project_id = $1 AND id = $2";
static const char DELETE[] = "DELETE FROM webhook WHERE project_id = $1 AND id = $2";

static void scan(struct ctx *ctx, const struct db_rows *rows, size_t row, struct webhook *out)
{
	json_t *events = json_keep(db_get_json(rows, row, 3), ctx->arena);
	const char **texts = arena_array(ctx->arena, json_array_size(events) + 1, sizeof(*texts));

	for (size_t i = 0; i < json_array_size(events); i++)
		texts[i] = json_string_value(json_array_get(events, i));
	*out = (struct webhook){
		.id = db_get_text(rows, row, 0),
		.name = db_get_text(rows, row, 1),
		.url = db_get_text(rows, row, 2),
		.events = texts,
		.event_count = json_array_size(events),
		.enabled = db_get_bool(rows, row, 4),
		.created_at = db_get_time(rows, row, 5),
		.revision = db_get_int(rows, row, 6),
	};
	out->secret_sealed = db_get_bytes(rows, row, 7, &out->secret_size);
}

bool webhooks_list(struct ctx *ctx, struct webhook **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, LIST, DB_ARGS(db_text(ctx->project_id)), &rows, err))
		return false;

	struct webhook *webhooks = arena_array(ctx->arena, rows.count + 1, sizeof(*webhooks));
	for (size_t i = 0; i < rows.count; i++)
		scan(ctx, &rows, i, &webhooks[i]);
	*out = webhooks;
	*count = rows.count;
	return true;
}

bool webhooks_get(struct ctx *ctx, const char *id, struct webhook *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, GET, DB_ARGS(db_text(ctx->project_id), db_text(id)),
		      &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_NOT_FOUND, "there is no webhook %s", id);
	scan(ctx, &rows, 0, out);
	return true;
}

bool webhooks_insert(struct ctx *ctx, const struct webhook *webhook, struct error *err)
{
	return db_exec(ctx->db, INSERT,
		       DB_ARGS(db_text(webhook->id), db_text(ctx->project_id),
			       db_text(webhook->name), db_text(webhook->url),
			       db_bytes(webhook->secret_sealed, webhook->secret_size),
			       db_texts(webhook->events, webhook->event_count),
			       db_bool(webhook->enabled)),
		       NULL, err);
}

bool webhooks_update(struct ctx *ctx, const struct webhook *webhook, struct error *err)
{
	return db_exec(ctx->db, UPDATE,
		       DB_ARGS(db_text(ctx->project_id), db_text(webhook->id),
			       db_text(webhook->name), db_text(webhook->url),
			       db_texts(webhook->events, webhook->event_count),
			       db_bool(webhook->enabled)),
		       NULL, err);
}

bool webhooks_delete(struct ctx *ctx, const char *id, struct error *err)
{
	int64_t deleted;

	if (!db_exec(ctx->db, DELETE, DB_ARGS(db_text(ctx->project_id), db_text(id)), &deleted,
		     err))
		return false;
	return deleted > 0 || error_set(err, ERR_NOT_FOUND, "there is no webhook %s", id);
}
