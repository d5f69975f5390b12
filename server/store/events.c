/* SPDX-License-Identifier: Apache-2.0 */
#include "store/events.h"

#include "store/db.h"

static const char EVENTS_INSERT[] =
	"INSERT INTO node_event"
	" (project_id, node_id, service, at, received_at, kind, severity, text, data)"
	" SELECT project_id, node_id, service, at, $2, kind, severity, text, data"
	" FROM json_to_recordset($1::json)"
	" AS r (project_id text, node_id text, service text, at timestamptz, kind text,"
	" severity text, text text, data jsonb)";

bool events_insert(struct ctx *ctx, const json_t *rows, struct error *err)
{
	return json_array_size(rows) == 0 ||
	       db_exec(ctx->db, EVENTS_INSERT, DB_ARGS(db_json(rows), db_time(ctx->now)), NULL,
		       err);
}
