/* SPDX-License-Identifier: Apache-2.0 */
#include "store/selections.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

#define SELECTION_COLUMNS                                                                   \
	"id, selector, requirements, node_count, hash, everything, created_by, created_at," \
	" expires_at"
/* $3 requirements or NULL, $4 names or ids. */
#define CHOSEN                                                                                       \
	"(SELECT n.id, n.name FROM node n WHERE n.project_id = $2 AND n.state <> 'retired'"          \
	" AND CASE WHEN $3::jsonb IS NULL THEN n.id = ANY ($4::text[]) OR n.name = ANY ($4::text[])" \
	" ELSE node_matches(n.labels, $3::jsonb) END)"

static const char INSERT[] =
	"INSERT INTO selection (id, project_id, selector, requirements, nodes, node_count, hash,"
	" everything, created_by, created_at, expires_at)"
	" SELECT $1, $2, $5, $3::jsonb, c.nodes, cardinality(c.nodes),"
	" 'sha256:' || encode(sha256(convert_to(array_to_string(c.nodes, ','), 'UTF8')), 'hex'),"
	" $3::jsonb IS NOT NULL AND cardinality(c.nodes) > 1 AND cardinality(c.nodes) ="
	"  (SELECT count(*) FROM node a WHERE a.project_id = $2 AND a.state <> 'retired'),"
	" $6, $7, $8 FROM (SELECT array_agg(id ORDER BY id) AS nodes FROM " CHOSEN " k) c"
	" WHERE c.nodes IS NOT NULL RETURNING " SELECTION_COLUMNS;
static const char GET[] = "SELECT " SELECTION_COLUMNS
			  " FROM selection WHERE project_id = $1 AND id = $2 AND expires_at > $3";
/* A selector may match others now; a list loses those that have retired. */
static const char COMPARE[] =
	"WITH then_ AS (SELECT unnest(nodes) AS id FROM selection WHERE id = $1), now_ AS ("
	" SELECT n.id FROM node n WHERE n.project_id = $2 AND n.state <> 'retired'"
	" AND CASE WHEN $3::jsonb IS NULL THEN n.id IN (SELECT id FROM then_)"
	" ELSE node_matches(n.labels, $3::jsonb) END)"
	" SELECT (SELECT count(*) FROM now_),"
	" (SELECT count(*) FROM now_ WHERE id NOT IN (SELECT id FROM then_)),"
	" (SELECT count(*) FROM then_ WHERE id NOT IN (SELECT id FROM now_))";
static const char NODES[] = "SELECT unnest(nodes) FROM selection WHERE project_id = $1 AND id = $2";
static const char DELETE[] = "DELETE FROM selection WHERE project_id = $1 AND id = $2";
static const char RETIRE[] =
	"UPDATE node SET state = 'retired', online = false, trouble = NULL, retired_at = $3,"
	" revision = revision + 1, updated_at = $3 WHERE project_id = $1 AND state <> 'retired'"
	" AND id IN (SELECT unnest(nodes) FROM selection WHERE id = $2)";
static const char RETIRE_SERVICES[] =
	"UPDATE node_service SET desired_driver = NULL, desired_run = NULL,"
	" package_release_id = NULL, config_id = NULL, config_version = NULL, parameters = NULL,"
	" desired_at = $3 WHERE project_id = $1"
	" AND node_id IN (SELECT unnest(nodes) FROM selection WHERE id = $2)";
static const char RETIRE_OUTBOX[] =
	"DELETE FROM outbox WHERE node_id IN (SELECT unnest(nodes) FROM selection WHERE id = $1)";
static const char RETIRE_CUT[] =
	"INSERT INTO outbox (kind, node_id, payload)"
	" SELECT 'command', unnest(nodes), '{\"kind\": \"cut\"}' FROM selection WHERE id = $1";
static const char LABEL[] =
	"UPDATE node SET labels = (labels - $4::text[]) || $3::jsonb, revision = revision + 1,"
	" updated_at = $5 WHERE project_id = $1 AND state <> 'retired'"
	" AND id IN (SELECT unnest(nodes) FROM selection WHERE id = $2)"
	" AND labels <> (labels - $4::text[]) || $3::jsonb";
static const char CHANGED[] = "INSERT INTO change_feed (project_id, kind, object_id)"
			      " SELECT $1, 'node', unnest(nodes) FROM selection WHERE id = $2";

static void scan(struct ctx *ctx, const struct db_rows *rows, struct selection *out)
{
	*out = (struct selection){
		.id = db_get_text(rows, 0, 0),
		.selector = db_get_text(rows, 0, 1),
		.requirements = json_keep(db_get_json(rows, 0, 2), ctx->arena),
		.node_count = db_get_int(rows, 0, 3),
		.hash = db_get_text(rows, 0, 4),
		.everything = db_get_bool(rows, 0, 5),
		.created_by = db_get_text(rows, 0, 6),
		.created_at = db_get_time(rows, 0, 7),
		.expires_at = db_get_time(rows, 0, 8),
	};
}

bool selections_insert(struct ctx *ctx, struct selection *selection, const char *const *nodes,
		       size_t node_count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, INSERT,
		      DB_ARGS(db_text(selection->id), db_text(ctx->project_id),
			      db_json(selection->requirements), db_texts(nodes, node_count),
			      db_text(selection->selector), db_text(ctx->actor->name),
			      db_time(ctx->now), db_time(selection->expires_at)),
		      &rows, err))
		return false;
	if (rows.count == 0)
		return error_set_field(err, ERR_INVALID, "selector",
				       "no node matches (\"*\" selects all)");
	scan(ctx, &rows, selection);
	return true;
}

bool selections_get(struct ctx *ctx, const char *id, struct selection *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, GET,
		      DB_ARGS(db_text(ctx->project_id), db_text(id), db_time(ctx->now)), &rows,
		      err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no selection %.40s (any more): select again", id);
	scan(ctx, &rows, out);
	return true;
}

bool selections_compare(struct ctx *ctx, const struct selection *selection,
			struct selection_now *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, COMPARE,
		      DB_ARGS(db_text(selection->id), db_text(ctx->project_id),
			      db_json(selection->requirements)),
		      &rows, err))
		return false;
	*out = (struct selection_now){
		.node_count = db_get_int(&rows, 0, 0),
		.added = db_get_int(&rows, 0, 1),
		.gone = db_get_int(&rows, 0, 2),
	};
	return true;
}

bool selections_nodes(struct ctx *ctx, const struct selection *selection, const char *const **out,
		      size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, NODES,
		      DB_ARGS(db_text(ctx->project_id), db_text(selection->id)), &rows, err))
		return false;

	const char **nodes = arena_array(ctx->arena, rows.count + 1, sizeof(*nodes));
	for (size_t i = 0; i < rows.count; i++)
		nodes[i] = db_get_text(&rows, i, 0);
	*out = nodes;
	*count = rows.count;
	return true;
}

bool selections_delete(struct ctx *ctx, const char *id, struct error *err)
{
	int64_t deleted;

	if (!db_exec(ctx->db, DELETE, DB_ARGS(db_text(ctx->project_id), db_text(id)), &deleted,
		     err))
		return false;
	return deleted > 0 ||
	       error_set(err, ERR_NOT_FOUND, "there is no selection %.40s (any more)", id);
}

static bool feed(struct ctx *ctx, const struct selection *selection, struct error *err)
{
	return db_exec(ctx->db, CHANGED, DB_ARGS(db_text(ctx->project_id), db_text(selection->id)),
		       NULL, err) &&
	       db_notify(ctx->db, DB_CHANNEL_CHANGES, err);
}

bool selections_retire(struct ctx *ctx, const struct selection *selection, int64_t *changed,
		       struct error *err)
{
	const struct db_args *args =
		DB_ARGS(db_text(ctx->project_id), db_text(selection->id), db_time(ctx->now));

	return db_exec(ctx->db, RETIRE, args, changed, err) &&
	       db_exec(ctx->db, RETIRE_SERVICES, args, NULL, err) &&
	       db_exec(ctx->db, RETIRE_OUTBOX, DB_ARGS(db_text(selection->id)), NULL, err) &&
	       db_exec(ctx->db, RETIRE_CUT, DB_ARGS(db_text(selection->id)), NULL, err) &&
	       db_notify(ctx->db, DB_CHANNEL_OUTBOX, err) && feed(ctx, selection, err);
}

bool selections_label(struct ctx *ctx, const struct selection *selection, const json_t *set,
		      const char *const *remove, size_t remove_count, int64_t *changed,
		      struct error *err)
{
	return db_exec(ctx->db, LABEL,
		       DB_ARGS(db_text(ctx->project_id), db_text(selection->id), db_json(set),
			       db_texts(remove, remove_count), db_time(ctx->now)),
		       changed, err) &&
	       feed(ctx, selection, err);
}
