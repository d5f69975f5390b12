/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rollout_why.h"

#include "base/arena.h"
#include "store/db.h"

static const char DEADLINE[] = "SELECT max(deadline_at) FROM rollout_step WHERE rollout_id = $1"
			       " AND wave = $2 AND project_id = $3 AND state = ANY ($4::text[])";
static const char TASK[] =
	"SELECT r.number, r.name, s.state, s.deadline_at FROM rollout_step s"
	" JOIN rollout r ON r.id = s.rollout_id WHERE s.node_id = $1 AND s.project_id = $2"
	" AND s.state = ANY ($3::text[]) ORDER BY r.number DESC LIMIT 1";

bool rollout_why_deadline(struct ctx *ctx, const char *rollout_id, int64_t wave,
			  const char *const *states, size_t state_count, usec_t *out,
			  struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, DEADLINE,
		      DB_ARGS(db_text(rollout_id), db_int(wave), db_text(ctx->project_id),
			      db_texts(states, state_count)),
		      &rows, err))
		return false;
	*out = db_get_time(&rows, 0, 0);
	return true;
}

bool rollout_why_task(struct ctx *ctx, const char *node_id, const char *const *states,
		      size_t state_count, struct rollout_why_task *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, TASK,
		      DB_ARGS(db_text(node_id), db_text(ctx->project_id),
			      db_texts(states, state_count)),
		      &rows, err))
		return false;
	*out = (struct rollout_why_task){0};
	if (rows.count > 0)
		*out = (struct rollout_why_task){
			.rollout = db_get_int(&rows, 0, 0),
			.name = db_get_text(&rows, 0, 1),
			.step = db_get_text(&rows, 0, 2),
			.deadline_at = db_get_time(&rows, 0, 3),
		};
	return true;
}
