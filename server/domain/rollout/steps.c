/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/steps.h"

#include "base/arena.h"
#include "base/fields.h"
#include "domain/audit/audit.h"
#include "domain/rollout/result.h"
#include "domain/rollout/rollout.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/rollout_steps.h"
#include "store/rollouts.h"

static const struct {
	const char *name;
	enum step_event event;
	const char *in_state; /* what a step must be */
} ACTIONS[] = {
	[STEPS_SKIP] = {"skip", STEP_EVENT_SKIP, "has still to begin"},
	[STEPS_RETRY] = {"retry", STEP_EVENT_RETRY, "has failed"},
	[STEPS_EXCLUDE] = {"exclude", STEP_EVENT_EXCLUDE, "is still open or has failed"},
};

struct steps_job {
	const char *id;
	enum steps_action action;
	const struct steps_request *request;
	struct rollout *out;
	int64_t *moved;
};

static bool allowed(struct ctx *ctx, const struct rollout *rollout, enum steps_action action,
		    struct error *err)
{
	enum rollout_state state = rollout_state_of(rollout);
	bool open = state == ROLLOUT_RUNNING || state == ROLLOUT_PAUSED ||
		    state == ROLLOUT_FAILED ||
		    (state == ROLLOUT_SUCCEEDED && action != STEPS_RETRY);

	if (ctx->actor->role < ROLE_OPERATOR)
		return error_set(err, ERR_FORBIDDEN, "it takes the role operator");
	if (open)
		return true;
	return error_set(err, ERR_CONFLICT, "cannot %s nodes of rollout %lld: it is %s",
			 ACTIONS[action].name, (long long)rollout->number, rollout->state);
}

static bool move(struct ctx *ctx, const struct steps_job *job, const char *const **nodes,
		 size_t *count, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	const struct step_choice choice = {job->request->nodes, job->request->node_count,
					   job->request->cause};
	const char *reason =
		job->action == STEPS_RETRY
			? NULL
			: arena_printf(ctx->arena, "%s by %s",
				       job->action == STEPS_SKIP ? "skipped" : "excluded",
				       ctx->actor->name);
	struct step_move step = rollout_step_move(ACTIONS[job->action].event, reason, sources);

	if (!rollout_steps_move_chosen(ctx, job->id, &choice, &step, nodes, count, err))
		return false;
	if (*count == 0)
		return error_set(err, ERR_CONFLICT, "cannot %s: no such node of the rollout %s",
				 ACTIONS[job->action].name, ACTIONS[job->action].in_state);
	return true;
}

/* A rollout that stood goes on with what is tried again. */
static bool go_on(struct ctx *ctx, struct rollout *rollout, enum steps_action action,
		  struct error *err)
{
	if (action == STEPS_RETRY && rollout_state_of(rollout) != ROLLOUT_RUNNING)
		return rollout_move(ctx, rollout, ROLLOUT_RETRY, NULL, err);
	return rollouts_unsettle(ctx, rollout->id, err) &&
	       changes_insert(ctx, "rollout", rollout->id, err) &&
	       db_notify(ctx->db, DB_CHANNEL_SCHEDULER, err);
}

static bool act(struct ctx *ctx, void *arg, struct error *err)
{
	struct steps_job *job = arg;
	struct rollout rollout;
	const char *const *nodes;
	size_t count;

	if (!rollouts_lock(ctx, job->id, &rollout, err) ||
	    !allowed(ctx, &rollout, job->action, err) || !move(ctx, job, &nodes, &count, err))
		return false;
	for (size_t i = 0; job->action == STEPS_EXCLUDE && i < count; i++)
		if (!rollout_restore(ctx, job->id, nodes[i], err))
			return false;
	*job->moved = (int64_t)count;
	json_t *named = json_array();
	for (size_t i = 0; i < count && i < 100; i++)
		json_array_append_new(named, json_string(nodes[i]));
	return go_on(ctx, &rollout, job->action, err) &&
	       audit_write(ctx,
			   arena_printf(ctx->arena, "rollout.%s_nodes", ACTIONS[job->action].name),
			   "rollout", rollout.id,
			   json_pack("{s:I, s:I, s:o, s:s?}", "number", (json_int_t)rollout.number,
				     "count", (json_int_t)count, "nodes", named, "cause",
				     job->request->cause),
			   err) &&
	       rollouts_get(ctx, rollout.id, job->out, err);
}

bool rollout_steps_act(struct ctx *ctx, const char *id, enum steps_action action,
		       const struct steps_request *request, struct rollout *out, int64_t *moved,
		       struct error *err)
{
	struct steps_job job = {id, action, request, out, moved};

	if (request->node_count == 0 && request->cause == NULL)
		return error_set_field(err, ERR_INVALID, "nodes",
				       "give nodes, or the cause of those that failed with it");
	return db_transaction(ctx, act, &job, err);
}
