/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bundles.h"

#include "store/db.h"

static const char STATE_GET[] =
	"SELECT coalesce(d.generation, 0), d.digest, d.content FROM node n"
	" LEFT JOIN node_desired d ON d.node_id = n.id AND d.generation = n.desired_generation"
	" WHERE n.project_id = $1 AND n.id = $2 AND n.state <> 'retired'";

static const char KEY_KNOWN[] =
	"SELECT EXISTS (SELECT FROM node n LEFT JOIN node_certificate c ON c.node_id = n.id"
	" WHERE n.project_id = $1 AND n.id = $2 AND n.state <> 'retired'"
	" AND decode($3, 'hex') IN (n.key_sha256, c.key_sha256))";

bool bundles_state_get(struct ctx *ctx, const char *node_id, struct bundle_state *out,
		       struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, STATE_GET,
		      DB_ARGS(db_text(ctx->project_id), db_text(node_id)), &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_CONFLICT, "node %s is retired", node_id);
	*out = (struct bundle_state){
		.generation = db_get_int(&rows, 0, 0),
		.digest = db_get_text(&rows, 0, 1),
		.content = db_get_text(&rows, 0, 2),
	};
	return true;
}

bool bundles_key_known(struct ctx *ctx, const char *node_id, const char *key_sha256, bool *known,
		       struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, KEY_KNOWN,
		      DB_ARGS(db_text(ctx->project_id), db_text(node_id), db_text(key_sha256)),
		      &rows, err))
		return false;
	*known = db_get_bool(&rows, 0, 0);
	return true;
}
