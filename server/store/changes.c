/* SPDX-License-Identifier: Apache-2.0 */
#include "store/changes.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

static const char CHANGES_INSERT[] =
	"INSERT INTO change_feed (project_id, kind, object_id) VALUES ($1, $2, $3)";

static const char CHANGES_INSERT_SET[] =
	"INSERT INTO change_feed (project_id, kind, object_id) SELECT r.project_id, $1, r.id"
	" FROM json_to_recordset($2::json) AS r (project_id text, id text)";

/* Ids are given before commit, so a lower one may appear later. Rows of transactions that began before
 * every running one are complete, and ordered by transaction none can slip in behind the reader. */
static const char CHANGES_LIST_AFTER[] =
	"SELECT id, xid::text::bigint AS xid, project_id, kind, object_id, at FROM change_feed"
	" WHERE (xid, id) > ($1::text::xid8, $2)"
	" AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id LIMIT $3";

static const char CHANGES_NEWEST[] =
	"SELECT xid::text::bigint, id FROM change_feed"
	" WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid DESC, id DESC LIMIT 1";

static const char CHANGES_DELETE_OLD[] = "DELETE FROM change_feed WHERE at < $1";

static const struct field CHANGE_FIELDS[] = {
	FIELD_INT64_AS("xid", struct change, position.xid, 0, 0, INT64_MAX),
	FIELD_INT64_AS("id", struct change, position.id, 0, 0, INT64_MAX),
	FIELD_STRING(struct change, project_id, 0, 64),
	FIELD_STRING(struct change, kind, 0, 32),
	FIELD_STRING(struct change, object_id, 0, 128),
	FIELD_TIME(struct change, at, 0),
	FIELD_END,
};

bool changes_insert(struct ctx *ctx, const char *kind, const char *object_id, struct error *err)
{
	return db_exec(ctx->db, CHANGES_INSERT,
		       DB_ARGS(db_text(ctx->project_id), db_text(kind), db_text(object_id)), NULL,
		       err) &&
	       db_notify(ctx->db, DB_CHANNEL_CHANGES, err);
}

bool changes_insert_set(struct ctx *ctx, const char *kind, const json_t *rows, struct error *err)
{
	return json_array_size(rows) == 0 ||
	       (db_exec(ctx->db, CHANGES_INSERT_SET, DB_ARGS(db_text(kind), db_json(rows)), NULL,
			err) &&
		db_notify(ctx->db, DB_CHANNEL_CHANGES, err));
}

bool changes_list_after(struct ctx *ctx, const struct change_position *after, int64_t limit,
			struct change **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, CHANGES_LIST_AFTER,
		      DB_ARGS(db_int(after->xid), db_int(after->id), db_int(limit)), &rows, err))
		return false;
	struct change *changes = arena_array(ctx->arena, rows.count, sizeof(*changes));
	for (size_t i = 0; i < rows.count; i++)
		if (!db_scan(&rows, i, ctx->arena, CHANGE_FIELDS, &changes[i], err))
			return false;
	*out = changes;
	*count = rows.count;
	return true;
}

bool changes_newest(struct ctx *ctx, struct change_position *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, CHANGES_NEWEST, DB_NO_ARGS, &rows, err))
		return false;
	*out = (struct change_position){.xid = 0};
	if (rows.count > 0) {
		out->xid = db_get_int(&rows, 0, 0);
		out->id = db_get_int(&rows, 0, 1);
	}
	return true;
}

bool changes_delete_old(struct ctx *ctx, usec_t before, struct error *err)
{
	return db_exec(ctx->db, CHANGES_DELETE_OLD, DB_ARGS(db_time(before)), NULL, err);
}
