/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/result.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "domain/desired/desired.h"
#include "domain/rollout/failures.h"
#include "domain/rollout/machine.h"
#include "domain/rollout/rollout.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/rollout_steps.h"

static const enum step_event events[] = {
	[RESULT_ACCEPTED] = STEP_EVENT_ACCEPT,
	[RESULT_FETCHING] = STEP_EVENT_FETCH,
	[RESULT_APPLYING] = STEP_EVENT_APPLY,
	[RESULT_VERIFYING] = STEP_EVENT_VERIFY,
	[RESULT_SUCCEEDED] = STEP_EVENT_SUCCEED,
	[RESULT_ROLLED_BACK] = STEP_EVENT_ROLL_BACK,
	[RESULT_ROLLBACK_FAILED] = STEP_EVENT_ROLLBACK_FAIL,
	[RESULT_REFUSED] = STEP_EVENT_FAIL,
};

enum { RESTORE_DEADLINE_MS = 600000 };

/* What is stored with the step: the failure as the agent sent it, and what became of the change. */
static json_t *error_encode(struct ctx *ctx, const struct msg_result *result)
{
	json_t *json = json_keep(msg_failure_encode(&result->error), ctx->arena);

	json_object_set_new(json, "outcome", json_string(RESULT_STATE_NAMES[result->state]));
	return json;
}

/*
 * What ran before may itself be of a rollout that has failed on the node since: then what ran before that
 * one comes back. Each turn goes to an older one, so it ends.
 */
static bool restore_older(struct ctx *ctx, const char *node_id, json_t *restored, struct error *err)
{
	const char *states[STEP_STATE_COUNT];
	size_t state_count = failure_states(states), count;
	const char *const *rollouts;

	states[state_count++] = STEP_STATE_NAMES[STEP_SKIPPED];
	do {
		if (!rollout_steps_undone(ctx, node_id, states, state_count, &rollouts, &count,
					  err))
			return false;
		for (size_t i = 0; i < count; i++)
			if (!rollout_steps_restore(ctx, rollouts[i], node_id, restored, err))
				return false;
	} while (count > 0);
	return true;
}

bool rollout_restore(struct ctx *ctx, const char *rollout_id, const char *node_id,
		     struct error *err)
{
	json_t *restored = json_keep(json_object(), ctx->arena);
	int64_t generation;

	if (!rollout_steps_restore(ctx, rollout_id, node_id, restored, err))
		return false;
	if (json_object_size(restored) == 0)
		return true;
	struct desired_request request = {
		.node_id = node_id,
		.deadline_ms = RESTORE_DEADLINE_MS,
		.downgrade = true,
		.touched = restored,
	};
	return restore_older(ctx, node_id, restored, err) &&
	       desired_rebuild(ctx, &request, &generation, err);
}

bool rollout_on_result(struct ctx *ctx, const char *node_id, const struct msg_result *result,
		       struct error *err)
{
	enum step_event event = events[result->state];
	const char *sources[STEP_STATE_COUNT + 1];
	const char *const *rollouts;
	json_t *progress = NULL;
	size_t count;

	struct step_move move =
		rollout_step_move(event, result->has_error ? result->error.text : NULL, sources);
	if (result->has_error)
		move.error = error_encode(ctx, result);
	if (result->has_progress) {
		progress = json_keep(json_pack("{s:I, s:I, s:I}", "done_bytes",
					       (json_int_t)result->done_bytes, "total_bytes",
					       (json_int_t)result->total_bytes, "saved_bytes",
					       (json_int_t)result->saved_bytes),
				     ctx->arena);
		/* More of the same phase is progress, too. */
		if (result->state == RESULT_FETCHING)
			sources[move.source_count++] = move.target;
	}
	if (!rollout_steps_move_by_result(ctx, node_id, result->generation, progress, &move,
					  &rollouts, &count, err))
		return false;

	bool failed = step_state_failure(step_target(event));
	for (size_t i = 0; i < count; i++)
		if ((failed && (!failures_note(ctx, rollouts[i], node_id, err) ||
				!rollout_restore(ctx, rollouts[i], node_id, err))) ||
		    !changes_insert(ctx, "rollout", rollouts[i], err))
			return false;
	return count == 0 || db_notify(ctx->db, DB_CHANNEL_SCHEDULER, err);
}
