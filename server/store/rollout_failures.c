/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rollout_failures.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

static const char FAILURES_UNMARKED[] =
	"SELECT node_id, state, reason, error FROM rollout_step WHERE rollout_id = $1"
	" AND project_id = $2 AND fingerprint IS NULL AND state = ANY ($3::text[])"
	" AND ($4::text IS NULL OR node_id = $4) ORDER BY node_id LIMIT $5";
/* Only where it is still failed: two that look at once must not mark what is tried again. */
static const char FAILURES_MARK[] =
	"UPDATE rollout_step s SET fingerprint = t.kind"
	" FROM unnest($3::text[], $4::text[]) t (node, kind) WHERE s.rollout_id = $1"
	" AND s.project_id = $2 AND s.node_id = t.node AND s.state = ANY ($5::text[])";
/* In the order of the key, so that two of these do not wait for each other. */
static const char KINDS_REMEMBER[] =
	"INSERT INTO failure_kind (project_id, fingerprint, rollout_id, node_id)"
	" SELECT DISTINCT ON (t.kind) $2, t.kind, $1, t.node"
	" FROM unnest($3::text[], $4::text[]) t (node, kind) ORDER BY t.kind, t.node"
	" ON CONFLICT (project_id, fingerprint) DO NOTHING";
static const char FAILURES_LIST[] =
	"WITH kind AS (SELECT fingerprint, count(*) AS count, min(state_since) AS first,"
	"  max(state_since) AS last FROM rollout_step WHERE rollout_id = $1 AND project_id = $2"
	"  AND fingerprint IS NOT NULL AND state = ANY ($3::text[]) GROUP BY fingerprint)"
	" SELECT kind.fingerprint, kind.count, kind.first, kind.last, s.node_id, n.name, s.state,"
	" s.reason, s.error, f.first_seen_at, r.number, f.accepted_at IS NOT NULL,"
	" (SELECT jsonb_agg(five.name) FROM (SELECT m.name FROM rollout_step o"
	"  JOIN node m ON m.id = o.node_id WHERE o.rollout_id = $1"
	"  AND o.fingerprint = kind.fingerprint AND o.state = ANY ($3::text[])"
	"  ORDER BY o.state_since, o.node_id LIMIT 5) five),"
	" (SELECT count(*) FROM kind)"
	" FROM kind CROSS JOIN LATERAL (SELECT o.node_id, o.state, o.reason, o.error"
	"  FROM rollout_step o WHERE o.rollout_id = $1 AND o.fingerprint = kind.fingerprint"
	"  AND o.state = ANY ($3::text[]) ORDER BY o.state_since, o.node_id LIMIT 1) s"
	" JOIN node n ON n.id = s.node_id"
	" LEFT JOIN failure_kind f ON f.project_id = $2 AND f.fingerprint = kind.fingerprint"
	" LEFT JOIN rollout r ON r.id = f.rollout_id"
	" ORDER BY kind.count DESC, kind.first, kind.fingerprint LIMIT $4";
static const char FAILURES_NEW[] =
	"SELECT f.fingerprint, f.first_seen_at, n.id, n.name, s.state, s.reason, s.error"
	" FROM failure_kind f LEFT JOIN node n ON n.id = f.node_id"
	" LEFT JOIN rollout_step s ON s.rollout_id = f.rollout_id AND s.node_id = f.node_id"
	" WHERE f.rollout_id = $1 AND f.project_id = $2 AND f.accepted_at IS NULL"
	" ORDER BY f.first_seen_at, f.fingerprint LIMIT 1";
static const char FAILURES_ACCEPT[] =
	"UPDATE failure_kind SET accepted_at = clock_timestamp() WHERE rollout_id = $1"
	" AND project_id = $2 AND accepted_at IS NULL";

bool rollout_failures_unmarked(struct ctx *ctx, const char *rollout_id, const char *node_id,
			       const char *const *states, size_t state_count, int64_t limit,
			       struct rollout_step **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, FAILURES_UNMARKED,
		      DB_ARGS(db_text(rollout_id), db_text(ctx->project_id),
			      db_texts(states, state_count), db_text(node_id), db_int(limit)),
		      &rows, err))
		return false;

	struct rollout_step *steps = arena_array(ctx->arena, rows.count + 1, sizeof(*steps));
	for (size_t i = 0; i < rows.count; i++)
		steps[i] = (struct rollout_step){
			.node_id = db_get_text(&rows, i, 0),
			.state = db_get_text(&rows, i, 1),
			.reason = db_get_text(&rows, i, 2),
			.error = json_keep(db_get_json(&rows, i, 3), ctx->arena),
		};
	*out = steps;
	*count = rows.count;
	return true;
}

bool rollout_failures_mark(struct ctx *ctx, const char *rollout_id, const char *const *nodes,
			   const char *const *kinds, size_t count, const char *const *states,
			   size_t state_count, struct error *err)
{
	return db_exec(ctx->db, FAILURES_MARK,
		       DB_ARGS(db_text(rollout_id), db_text(ctx->project_id),
			       db_texts(nodes, count), db_texts(kinds, count),
			       db_texts(states, state_count)),
		       NULL, err) &&
	       db_exec(ctx->db, KINDS_REMEMBER,
		       DB_ARGS(db_text(rollout_id), db_text(ctx->project_id),
			       db_texts(nodes, count), db_texts(kinds, count)),
		       NULL, err);
}

bool rollout_failures_list(struct ctx *ctx, const char *rollout_id, const char *const *states,
			   size_t state_count, int64_t limit, struct rollout_failure **out,
			   size_t *count, int64_t *total, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, FAILURES_LIST,
		      DB_ARGS(db_text(rollout_id), db_text(ctx->project_id),
			      db_texts(states, state_count), db_int(limit)),
		      &rows, err))
		return false;

	struct rollout_failure *kinds = arena_array(ctx->arena, rows.count + 1, sizeof(*kinds));
	for (size_t i = 0; i < rows.count; i++)
		kinds[i] = (struct rollout_failure){
			.fingerprint = db_get_text(&rows, i, 0),
			.count = db_get_int(&rows, i, 1),
			.first_seen_at = db_get_time(&rows, i, 2),
			.last_seen_at = db_get_time(&rows, i, 3),
			.node_id = db_get_text(&rows, i, 4),
			.node_name = db_get_text(&rows, i, 5),
			.state = db_get_text(&rows, i, 6),
			.reason = db_get_text(&rows, i, 7),
			.error = json_keep(db_get_json(&rows, i, 8), ctx->arena),
			.known_since = db_get_time(&rows, i, 9),
			.known_from = db_get_int(&rows, i, 10),
			.accepted = db_get_bool(&rows, i, 11),
			.names = json_keep(db_get_json(&rows, i, 12), ctx->arena),
		};
	*out = kinds;
	*count = rows.count;
	*total = rows.count > 0 ? db_get_int(&rows, 0, 13) : 0;
	return true;
}

bool rollout_failures_new(struct ctx *ctx, const char *rollout_id, bool *found,
			  struct rollout_failure *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, FAILURES_NEW,
		      DB_ARGS(db_text(rollout_id), db_text(ctx->project_id)), &rows, err))
		return false;
	*found = rows.count > 0;
	if (*found)
		*out = (struct rollout_failure){
			.fingerprint = db_get_text(&rows, 0, 0),
			.known_since = db_get_time(&rows, 0, 1),
			.node_id = db_get_text(&rows, 0, 2),
			.node_name = db_get_text(&rows, 0, 3),
			.state = db_get_text(&rows, 0, 4),
			.reason = db_get_text(&rows, 0, 5),
			.error = json_keep(db_get_json(&rows, 0, 6), ctx->arena),
		};
	return true;
}

bool rollout_failures_accept(struct ctx *ctx, const char *rollout_id, struct error *err)
{
	return db_exec(ctx->db, FAILURES_ACCEPT,
		       DB_ARGS(db_text(rollout_id), db_text(ctx->project_id)), NULL, err);
}
