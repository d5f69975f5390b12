/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/failures.h"

#include "base/arena.h"
#include "domain/rollout/fingerprint.h"
#include "store/rollout_failures.h"

/* What the scheduler reads at once; it comes again for the rest. */
enum { NOTE_BATCH = 500 };

size_t failure_states(const char *out[])
{
	size_t count = 0;

	for (int state = 0; state < STEP_STATE_COUNT; state++)
		if (step_state_failure((enum step_state)state))
			out[count++] = STEP_STATE_NAMES[state];
	return count;
}

static bool note_batch(struct ctx *ctx, const char *rollout_id, const char *node_id, size_t *count,
		       struct error *err)
{
	const char *states[STEP_STATE_COUNT];
	size_t state_count = failure_states(states);
	struct rollout_step *steps;

	if (!rollout_failures_unmarked(ctx, rollout_id, node_id, states, state_count, NOTE_BATCH,
				       &steps, count, err))
		return false;
	if (*count == 0)
		return true;

	const char **nodes = arena_array(ctx->arena, *count, sizeof(*nodes));
	const char **kinds = arena_array(ctx->arena, *count, sizeof(*kinds));
	for (size_t i = 0; i < *count; i++) {
		char *kind = arena_alloc(ctx->arena, FINGERPRINT_SIZE);
		fingerprint_make(steps[i].state, steps[i].error, steps[i].reason, ctx->arena, kind);
		nodes[i] = steps[i].node_id;
		kinds[i] = kind;
	}
	return rollout_failures_mark(ctx, rollout_id, nodes, kinds, *count, states, state_count,
				     err);
}

bool failures_note(struct ctx *ctx, const char *rollout_id, const char *node_id, struct error *err)
{
	size_t count;

	do {
		if (!note_batch(ctx, rollout_id, node_id, &count, err))
			return false;
	} while (count == NOTE_BATCH);
	return true;
}

bool failures_obstacle(struct ctx *ctx, const char *rollout_id, const char **why, struct error *err)
{
	struct rollout_failure kind;
	bool found;

	*why = NULL;
	if (!rollout_failures_new(ctx, rollout_id, &found, &kind, err))
		return false;
	if (!found)
		return true;
	const char *text = json_string_value(json_object_get(kind.error, "text"));
	if (text == NULL)
		text = kind.reason != NULL ? kind.reason : "see its failures";
	*why = arena_printf(ctx->arena, "a new kind of failure, first on %s: %s",
			    kind.node_name != NULL ? kind.node_name : "a node that is gone", text);
	return true;
}
