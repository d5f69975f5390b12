/* SPDX-License-Identifier: Apache-2.0 */
#include "store/variables.h"

#include "base/arena.h"
#include "store/db.h"

static const char VARIABLES_LIST[] =
	"SELECT name, value, CASE WHEN node_id = '' THEN 'project' ELSE 'node' END, updated_at"
	" FROM variable WHERE project_id = $1 AND node_id IN ('', $2)"
	" ORDER BY name, node_id DESC";

static const char VARIABLES_FOR_NODES[] =
	"SELECT node_id, name, value FROM variable WHERE project_id = $1 AND node_id <> ''"
	" AND node_id = ANY ($2::text[]) AND name = ANY ($3::text[])";

static const char PROJECT_NAME[] = "SELECT name FROM project WHERE id = $1";

static const char VARIABLES_SET[] =
	"INSERT INTO variable (project_id, node_id, name, value, updated_at, updated_by)"
	" VALUES ($1, coalesce($2, ''), $3, $4, $5, $6)"
	" ON CONFLICT (project_id, node_id, name) DO UPDATE SET value = excluded.value,"
	" updated_at = excluded.updated_at, updated_by = excluded.updated_by";

static const char VARIABLES_DELETE[] =
	"DELETE FROM variable WHERE project_id = $1 AND node_id = coalesce($2, '') AND name = $3";

static bool list(struct ctx *ctx, const char *node_id, struct variable **out, size_t *count,
		 struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, VARIABLES_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(node_id)), &rows, err))
		return false;
	struct variable *variables = arena_array(ctx->arena, rows.count, sizeof(*variables));
	for (size_t i = 0; i < rows.count; i++)
		variables[i] = (struct variable){
			.name = db_get_text(&rows, i, 0),
			.value = db_get_text(&rows, i, 1),
			.level = db_get_text(&rows, i, 2),
			.updated_at = db_get_time(&rows, i, 3),
		};
	*out = variables;
	*count = rows.count;
	return true;
}

bool variables_list(struct ctx *ctx, struct variable **out, size_t *count, struct error *err)
{
	return list(ctx, "", out, count, err);
}

bool variables_list_for_node(struct ctx *ctx, const char *node_id, struct variable **out,
			     size_t *count, const char **project, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, PROJECT_NAME, DB_ARGS(db_text(ctx->project_id)), &rows,
		      err))
		return false;
	if (!rows.count)
		return error_set(err, ERR_NOT_FOUND, "project does not exist");
	if (!list(ctx, node_id, out, count, err))
		return false;
	*project = db_get_text(&rows, 0, 0);
	return true;
}

bool variables_list_for_nodes(struct ctx *ctx, const char *const *nodes, size_t node_count,
			      const char *const *names, size_t name_count,
			      struct node_variable **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, VARIABLES_FOR_NODES,
		      DB_ARGS(db_text(ctx->project_id), db_texts(nodes, node_count),
			      db_texts(names, name_count)),
		      &rows, err))
		return false;
	struct node_variable *variables =
		arena_array(ctx->arena, rows.count + 1, sizeof(*variables));
	for (size_t i = 0; i < rows.count; i++)
		variables[i] = (struct node_variable){
			.node_id = db_get_text(&rows, i, 0),
			.name = db_get_text(&rows, i, 1),
			.value = db_get_text(&rows, i, 2),
		};
	*out = variables;
	*count = rows.count;
	return true;
}

bool variables_set(struct ctx *ctx, const char *node_id, const char *name, const char *value,
		   struct error *err)
{
	return db_exec(ctx->db, VARIABLES_SET,
		       DB_ARGS(db_text(ctx->project_id), db_text(node_id), db_text(name),
			       db_text(value), db_time(ctx->now), db_text(ctx->actor->name)),
		       NULL, err);
}

bool variables_delete(struct ctx *ctx, const char *node_id, const char *name, struct error *err)
{
	int64_t deleted = 0;

	if (!db_exec(ctx->db, VARIABLES_DELETE,
		     DB_ARGS(db_text(ctx->project_id), db_text(node_id), db_text(name)), &deleted,
		     err))
		return false;
	if (!deleted)
		return error_set(err, ERR_NOT_FOUND, "variable \"%.128s\" does not exist", name);
	return true;
}
