/* SPDX-License-Identifier: Apache-2.0 */
#include "store/drift.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

static const char LIST[] =
	"SELECT s.node_id, n.name, n.status, s.service, c.name, s.config_version,"
	" coalesce(to_json(s.drift_files), '[]'), s.drift_since"
	" FROM node_service s JOIN node n ON n.id = s.node_id AND n.state <> 'retired'"
	" LEFT JOIN config c ON c.id = s.config_id"
	" WHERE s.project_id = $1 AND s.drift AND (s.node_id, s.service) > ($2, $3)"
	" ORDER BY s.node_id, s.service LIMIT $4";

bool drift_list(struct ctx *ctx, const char *after_node, const char *after_service, int64_t limit,
		struct drift_row **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(after_node), db_text(after_service),
			      db_int(limit)),
		      &rows, err))
		return false;

	struct drift_row *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = (struct drift_row){
			.node_id = db_get_text(&rows, i, 0),
			.node_name = db_get_text(&rows, i, 1),
			.status = db_get_text(&rows, i, 2),
			.service = db_get_text(&rows, i, 3),
			.config_name = db_get_text(&rows, i, 4),
			.config_version = db_get_int(&rows, i, 5),
			.files = json_keep(db_get_json(&rows, i, 6), ctx->arena),
			.since = db_get_time(&rows, i, 7),
		};
	*out = found;
	*count = rows.count;
	return true;
}
