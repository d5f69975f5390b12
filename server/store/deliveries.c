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
	       db_notify(ctx->db, DB_CHANNEL_OUTBOX, err);
}
