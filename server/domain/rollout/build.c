/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "domain/desired/desired.h"
#include "domain/rollout/advance_internal.h"
#include "domain/rollout/rollout.h"
#include "store/rollout_queue.h"

/* The services of the step, to be rendered, or (in a rollback) as they were; without those that a newer
 * rollout has taken over. */
static json_t *touched_services(struct ctx *ctx, const struct advance *job,
				const struct rollout_step *step)
{
	json_t *touched = json_keep(json_object(), ctx->arena), *set, *lost;
	const char *service;
	size_t i;

	json_object_foreach (step->after != NULL ? step->after : job->rollout.resolved, service,
			     set) {
		json_t *content = json_object_get(set, "content");
		json_object_set(touched, service, content != NULL ? content : json_null());
	}
	json_array_foreach (step->lost, i, lost)
		json_object_del(touched, json_string_value(lost));
	return touched;
}

static void request_make(struct ctx *ctx, const struct advance *job,
			 const struct rollout_step *step, struct desired_request *out)
{
	*out = (struct desired_request){
		.node_id = step->node_id,
		.rollout_id = job->id,
		.attempt = step->attempt,
		.gate_ms = job->strategy.health_gate_ms,
		.deadline_ms = job->strategy.deadline_ms,
		.downgrade = strcmp(job->rollout.kind, "rollback") == 0,
		.touched = touched_services(ctx, job, step),
	};
}

static bool fail_step(struct ctx *ctx, struct advance *job, const char *node_id,
		      const struct error *why, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	struct step_move fail =
		rollout_step_move(STEP_EVENT_FAIL, arena_strdup(ctx->arena, why->text), sources);
	json_t *restored = json_keep(json_object(), ctx->arena);

	fail.error = json_keep(json_pack("{s:s, s:s, s:s}", "phase", "build", "code",
					 error_code_name(why->code), "text", why->text),
			       ctx->arena);
	/* Nothing was sent, so the rows alone go back: no new generation. */
	return rollout_steps_move(ctx, job->id, 0, node_id, &fail, NULL, err) &&
	       rollout_steps_restore(ctx, job->id, node_id, restored, err);
}

bool build_queued(struct ctx *ctx, struct advance *job, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	struct step_move sent = rollout_step_move(STEP_EVENT_SEND, NULL, sources);
	struct rollout_step *steps;
	size_t count, good = 0;

	if (!rollout_queue_list(ctx, job->id, ROLLOUT_BATCH, &steps, &count, err))
		return false;
	if (count == 0)
		return true;
	struct desired_request *requests = arena_array(ctx->arena, count, sizeof(*requests));
	struct desired_outcome *outcomes = arena_array(ctx->arena, count, sizeof(*outcomes));
	const char **nodes = arena_array(ctx->arena, count, sizeof(*nodes));
	const char **generations = arena_array(ctx->arena, count, sizeof(*generations));
	for (size_t i = 0; i < count; i++)
		request_make(ctx, job, &steps[i], &requests[i]);
	if (!desired_rebuild_all(ctx, requests, count, outcomes, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (outcomes[i].generation == 0) {
			if (!fail_step(ctx, job, steps[i].node_id, &outcomes[i].why, err))
				return false;
			continue;
		}
		nodes[good] = steps[i].node_id;
		generations[good++] =
			arena_printf(ctx->arena, "%lld", (long long)outcomes[i].generation);
	}
	job->changed = job->busy = true;
	return good == 0 || rollout_queue_sent(ctx, job->id, nodes, generations, good, &sent, err);
}
