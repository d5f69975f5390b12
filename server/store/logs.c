/* SPDX-License-Identifier: Apache-2.0 */
#include "store/logs.h"

#include "base/arena.h"
#include "store/db.h"

static const char LOGS_INSERT[] =
	"INSERT INTO log_line (project_id, node_id, service, at, stream, text,"
	" corrected)"
	" SELECT project_id, node_id, service, at, stream, text, coalesce(corrected, false)"
	" FROM json_to_recordset($1::json)"
	" AS r (project_id text, node_id text, service text, at timestamptz, stream text, text text,"
	" corrected boolean)";

/* Two statements, since the end from which to read decides the plan. */
#define LOGS_SELECT                                                              \
	"SELECT id, node_id, service, at, stream, text, corrected FROM log_line" \
	" WHERE project_id = $1 AND ($2::text IS NULL OR node_id = $2)"          \
	" AND ($3::text IS NULL OR service = $3)"                                \
	" AND ($4::text IS NULL OR position(lower($4) IN lower(text)) > 0)"      \
	" AND id > $5 AND ($6 = 0 OR id < $6)"

/* Ids are given before commit: who follows the end must not step over lines that a running
 * transaction is still to show below those that he has seen. */
static const char LOGS_LIST_AFTER[] =
	LOGS_SELECT " AND age(xmin) > age(xid(pg_snapshot_xmin(pg_current_snapshot())))"
		    " ORDER BY id LIMIT $7";

static const char LOGS_LIST_NEWEST[] =
	"SELECT * FROM (" LOGS_SELECT " ORDER BY id DESC LIMIT $7) newest ORDER BY id";

static const char LOGS_PRUNE[] =
	"DELETE FROM log_line WHERE id IN ("
	" SELECT l.id FROM project p CROSS JOIN LATERAL ("
	"  SELECT id FROM log_line WHERE project_id = p.id AND id <= coalesce("
	"   (SELECT id FROM log_line WHERE project_id = p.id ORDER BY id DESC OFFSET $1 LIMIT 1), 0)"
	"  ORDER BY id LIMIT $2) l)";

bool logs_insert(struct ctx *ctx, const json_t *rows, struct error *err)
{
	return json_array_size(rows) == 0 ||
	       db_exec(ctx->db, LOGS_INSERT, DB_ARGS(db_json(rows)), NULL, err);
}

bool logs_list(struct ctx *ctx, const struct log_filter *filter, struct log_line **out,
	       size_t *count, struct error *err)
{
	struct db_rows rows;
	const char *sql = filter->after > 0 ? LOGS_LIST_AFTER : LOGS_LIST_NEWEST;

	if (!db_query(ctx->db, ctx->arena, sql,
		      DB_ARGS(db_text(ctx->project_id), db_text(filter->node_id),
			      db_text(filter->service), db_text(filter->text),
			      db_int(filter->after), db_int(filter->before), db_int(filter->limit)),
		      &rows, err))
		return false;
	struct log_line *lines = arena_array(ctx->arena, rows.count, sizeof(*lines));
	for (size_t i = 0; i < rows.count; i++)
		lines[i] = (struct log_line){
			.id = db_get_int(&rows, i, 0),
			.node_id = db_get_text(&rows, i, 1),
			.service = db_get_text(&rows, i, 2),
			.at = db_get_time(&rows, i, 3),
			.stream = db_get_text(&rows, i, 4),
			.text = db_get_text(&rows, i, 5),
			.corrected = db_get_bool(&rows, i, 6),
		};
	*out = lines;
	*count = rows.count;
	return true;
}

bool logs_prune(struct ctx *ctx, int64_t keep, int64_t limit, int64_t *deleted, struct error *err)
{
	return db_exec(ctx->db, LOGS_PRUNE, DB_ARGS(db_int(keep), db_int(limit)), deleted, err);
}
