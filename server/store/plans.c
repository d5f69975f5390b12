/* SPDX-License-Identifier: Apache-2.0 */
#include "store/plans.h"

#include "base/arena.h"
#include "store/db.h"

/* Of one project: each may hold the ids of its whole fleet. */
enum { KEEP_PLANS = 20 };

static const char INSERT[] =
	"INSERT INTO rollout_plan (project_id, hash, made_at, expires_at) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (project_id, hash) DO UPDATE SET made_at = excluded.made_at,"
	" expires_at = excluded.expires_at RETURNING xmax <> 0";
static const char FORGET[] =
	"DELETE FROM rollout_plan WHERE project_id = $1 AND hash IN (SELECT hash FROM rollout_plan"
	" WHERE project_id = $1 ORDER BY made_at DESC, hash OFFSET $2)";
static const char INSERT_LIST[] =
	"INSERT INTO rollout_plan_list (project_id, hash, list, nodes) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (project_id, hash, list) DO UPDATE SET nodes = excluded.nodes";
static const char LIST_NODES[] =
	"SELECT n.id, n.name, n.platform, n.status, n.online FROM (SELECT u.id, u.place"
	" FROM rollout_plan_list l CROSS JOIN LATERAL unnest(l.nodes[$4 + 1:$4 + $5])"
	" WITH ORDINALITY u (id, place) WHERE l.project_id = $1 AND l.hash = $2 AND l.list = $3) p"
	" JOIN node n ON n.id = p.id ORDER BY p.place";
static const char LIST_TOTAL[] =
	"SELECT cardinality(l.nodes) FROM rollout_plan p LEFT JOIN rollout_plan_list l"
	" ON l.project_id = p.project_id AND l.hash = p.hash AND l.list = $3"
	" WHERE p.project_id = $1 AND p.hash = $2 AND p.expires_at > $4";

bool plans_insert(struct ctx *ctx, const char *hash, usec_t expires_at, bool *known,
		  struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, INSERT,
		      DB_ARGS(db_text(ctx->project_id), db_text(hash), db_time(ctx->now),
			      db_time(expires_at)),
		      &rows, err) ||
	    !db_exec(ctx->db, FORGET, DB_ARGS(db_text(ctx->project_id), db_int(KEEP_PLANS)), NULL,
		     err))
		return false;
	*known = db_get_bool(&rows, 0, 0);
	return true;
}

bool plans_insert_list(struct ctx *ctx, const char *hash, const char *list,
		       const char *const *nodes, size_t node_count, struct error *err)
{
	return db_exec(ctx->db, INSERT_LIST,
		       DB_ARGS(db_text(ctx->project_id), db_text(hash), db_text(list),
			       db_texts(nodes, node_count)),
		       NULL, err);
}

bool plans_list_nodes(struct ctx *ctx, const char *hash, const char *list, int64_t offset,
		      int64_t limit, struct target_node **out, size_t *count, int64_t *total,
		      struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, LIST_TOTAL,
		      DB_ARGS(db_text(ctx->project_id), db_text(hash), db_text(list),
			      db_time(ctx->now)),
		      &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(
			err, ERR_NOT_FOUND,
			"the plan is not kept any more: plans are for an hour, plan again");
	if (db_get_null(&rows, 0, 0))
		return error_set_field(err, ERR_INVALID, "list", "the plan has no list %.40s",
				       list);
	*total = db_get_int(&rows, 0, 0);
	if (!db_query(ctx->db, ctx->arena, LIST_NODES,
		      DB_ARGS(db_text(ctx->project_id), db_text(hash), db_text(list),
			      db_int(offset), db_int(limit)),
		      &rows, err))
		return false;

	struct target_node *nodes = arena_array(ctx->arena, rows.count + 1, sizeof(*nodes));
	for (size_t i = 0; i < rows.count; i++)
		nodes[i] = (struct target_node){
			.id = db_get_text(&rows, i, 0),
			.name = db_get_text(&rows, i, 1),
			.platform = db_get_text(&rows, i, 2),
			.status = db_get_text(&rows, i, 3),
			.online = db_get_bool(&rows, i, 4),
		};
	*out = nodes;
	*count = rows.count;
	return true;
}
