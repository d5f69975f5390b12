/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outbox.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

static const char OUTBOX_CLAIM[] =
	"WITH due AS (SELECT id FROM outbox"
	"  WHERE next_at <= now() AND (lease_until IS NULL OR lease_until <= now())"
	"  ORDER BY next_at, id LIMIT $2 FOR UPDATE SKIP LOCKED),"
	" claimed AS (UPDATE outbox o"
	"  SET lease_until = now() + make_interval(secs => $1), attempt = o.attempt + 1"
	"  FROM due WHERE o.id = due.id"
	"  RETURNING o.id, o.attempt, o.kind, o.node_id, o.payload, o.created_at)"
	" SELECT c.id, c.attempt, c.kind = 'command', c.node_id, n.project_id,"
	"  n.state = 'retired', n.online, c.created_at, c.payload, d.generation, d.digest, d.content,"
	" n.trust, coalesce(n.broker, -1) FROM claimed c JOIN node n ON n.id = c.node_id"
	" LEFT JOIN LATERAL (SELECT generation, digest, content FROM node_desired"
	"  WHERE node_id = c.node_id AND c.kind = 'desired' ORDER BY generation DESC LIMIT 1) d"
	"  ON true ORDER BY c.id";

static const char OUTBOX_DELETE[] =
	"DELETE FROM outbox o USING unnest($1::bigint[], $2::bigint[]) AS r (id, attempt)"
	" WHERE o.id = r.id AND o.attempt = r.attempt";

static const char OUTBOX_POSTPONE[] =
	"UPDATE outbox o SET lease_until = NULL,"
	" next_at = now() + r.delay_ms * interval '1 millisecond'"
	" FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS r (id, attempt, delay_ms)"
	" WHERE o.id = r.id AND o.attempt = r.attempt";

static const char OUTBOX_HURRY[] =
	"UPDATE outbox SET next_at = now() WHERE lease_until IS NULL AND next_at > now()";

/* A row that is claimed may have been sent before the node was there to hear it. */
static const char OUTBOX_INSERT_DESIRED[] =
	"INSERT INTO outbox (kind, node_id) SELECT 'desired', n.id FROM node n"
	" WHERE n.id = ANY ($1::text[]) AND n.state <> 'retired' AND n.desired_generation > 0"
	" AND NOT EXISTS (SELECT FROM outbox o WHERE o.node_id = n.id AND o.kind = 'desired'"
	"  AND o.lease_until IS NULL)";

static const char OUTBOX_REPLACE_DELETE[] =
	"DELETE FROM outbox o USING json_to_recordset($2::json) AS r (node_id text)"
	" WHERE o.node_id = r.node_id AND o.kind = 'command' AND o.payload->>'kind' = $1"
	" AND o.lease_until IS NULL";

static const char OUTBOX_REPLACE_INSERT[] =
	"INSERT INTO outbox (kind, node_id, payload) SELECT 'command', r.node_id, r.payload"
	" FROM json_to_recordset($1::json) AS r (node_id text, payload jsonb)";

static const char OUTBOX_INSERT_KEYS[] =
	"INSERT INTO outbox (kind, node_id, payload) SELECT 'command', id,"
	" jsonb_build_object('id', id, 'kind', 'keys') FROM node WHERE online AND state <> 'retired'";

static const char OUTBOX_INSERT_CUT[] =
	"INSERT INTO outbox (kind, node_id, payload) VALUES ('command', $1, '{\"kind\": \"cut\"}')";

static const char OUTBOX_COUNT[] = "SELECT count(*) FROM outbox";

bool outbox_is(const struct outbox_item *item, const char *kind)
{
	const char *given = json_string_value(json_object_get(item->payload, "kind"));

	return item->command && given != NULL && strcmp(given, kind) == 0;
}

bool outbox_claim(struct ctx *ctx, int lease_s, int64_t limit, struct outbox_item **out,
		  size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, OUTBOX_CLAIM, DB_ARGS(db_int(lease_s), db_int(limit)),
		      &rows, err))
		return false;
	struct outbox_item *items = arena_array(ctx->arena, rows.count, sizeof(*items));
	for (size_t i = 0; i < rows.count; i++)
		items[i] = (struct outbox_item){
			.id = db_get_int(&rows, i, 0),
			.attempt = db_get_int(&rows, i, 1),
			.command = db_get_bool(&rows, i, 2),
			.node_id = db_get_text(&rows, i, 3),
			.project_id = db_get_text(&rows, i, 4),
			.retired = db_get_bool(&rows, i, 5),
			.online = db_get_bool(&rows, i, 6),
			.created_at = db_get_time(&rows, i, 7),
			.payload = db_get_null(&rows, i, 8)
					   ? NULL
					   : json_keep(db_get_json(&rows, i, 8), ctx->arena),
			.generation = db_get_int(&rows, i, 9),
			.digest = db_get_text(&rows, i, 10),
			.content = db_get_text(&rows, i, 11),
			.trust = (int)db_get_int(&rows, i, 12),
			.broker = (int)db_get_int(&rows, i, 13),
		};
	*out = items;
	*count = rows.count;
	return true;
}

/* The rows as two columns for unnest. */
static void columns_of(struct ctx *ctx, const struct outbox_item *const *items, size_t count,
		       struct db_value *ids, struct db_value *attempts)
{
	int64_t *id = arena_array(ctx->arena, count, sizeof(*id));
	int64_t *attempt = arena_array(ctx->arena, count, sizeof(*attempt));

	for (size_t i = 0; i < count; i++) {
		id[i] = items[i]->id;
		attempt[i] = items[i]->attempt;
	}
	*ids = db_ints(id, count);
	*attempts = db_ints(attempt, count);
}

bool outbox_delete(struct ctx *ctx, const struct outbox_item *const *items, size_t count,
		   struct error *err)
{
	struct db_value ids, attempts;

	if (count == 0)
		return true;
	columns_of(ctx, items, count, &ids, &attempts);
	return db_exec(ctx->db, OUTBOX_DELETE, DB_ARGS(ids, attempts), NULL, err);
}

bool outbox_postpone(struct ctx *ctx, const struct outbox_item *const *items,
		     const int64_t *delays_ms, size_t count, struct error *err)
{
	struct db_value ids, attempts;

	if (count == 0)
		return true;
	columns_of(ctx, items, count, &ids, &attempts);
	return db_exec(ctx->db, OUTBOX_POSTPONE, DB_ARGS(ids, attempts, db_ints(delays_ms, count)),
		       NULL, err);
}

bool outbox_hurry(struct ctx *ctx, struct error *err)
{
	return db_exec(ctx->db, OUTBOX_HURRY, DB_NO_ARGS, NULL, err);
}

bool outbox_insert_desired(struct ctx *ctx, const char *const *node_ids, size_t count,
			   struct error *err)
{
	return db_exec(ctx->db, OUTBOX_INSERT_DESIRED, DB_ARGS(db_texts(node_ids, count)), NULL,
		       err) &&
	       db_notify(ctx->db, DB_CHANNEL_OUTBOX, err);
}

bool outbox_replace_commands(struct ctx *ctx, const char *kind, const json_t *rows,
			     struct error *err)
{
	if (json_array_size(rows) == 0)
		return true;
	return db_exec(ctx->db, OUTBOX_REPLACE_DELETE, DB_ARGS(db_text(kind), db_json(rows)), NULL,
		       err) &&
	       db_exec(ctx->db, OUTBOX_REPLACE_INSERT, DB_ARGS(db_json(rows)), NULL, err) &&
	       db_notify(ctx->db, DB_CHANNEL_OUTBOX, err);
}

bool outbox_insert_keys(struct ctx *ctx, struct error *err)
{
	return db_exec(ctx->db, OUTBOX_INSERT_KEYS, DB_NO_ARGS, NULL, err) &&
	       db_notify(ctx->db, DB_CHANNEL_OUTBOX, err);
}

bool outbox_insert_cut(struct ctx *ctx, const char *node_id, struct error *err)
{
	return db_exec(ctx->db, OUTBOX_INSERT_CUT, DB_ARGS(db_text(node_id)), NULL, err) &&
	       db_notify(ctx->db, DB_CHANNEL_OUTBOX, err);
}

bool outbox_count(struct ctx *ctx, int64_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, OUTBOX_COUNT, DB_NO_ARGS, &rows, err))
		return false;
	*count = db_get_int(&rows, 0, 0);
	return true;
}
