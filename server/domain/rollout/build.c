/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "domain/desired/desired.h"
#include "domain/rollout/advance_internal.h"
#include "domain/rollout/rollout.h"
#include "store/db.h"
#include "store/rollout_queue.h"

struct build {
	struct advance *job;
	const struct rollout_step *step;
};

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

static bool build_one(struct ctx *ctx, void *arg, struct error *err)
{
	struct build *build = arg;
	const struct strategy *strategy = &build->job->strategy;
	const char *sources[STEP_STATE_COUNT];
	struct step_move sent = rollout_step_move(STEP_EVENT_SEND, NULL, sources);
	int64_t generation;
	struct desired_request request = {
		.node_id = build->step->node_id,
		.rollout_id = build->job->id,
		.attempt = build->step->attempt,
		.gate_ms = strategy->health_gate_ms,
		.deadline_ms = strategy->deadline_ms,
		.downgrade = strcmp(build->job->rollout.kind, "rollback") == 0,
		.touched = touched_services(ctx, build->job, build->step),
	};

	if (!desired_rebuild(ctx, &request, &generation, err))
		return false;
	const char *text = arena_printf(ctx->arena, "%lld", (long long)generation);
	return rollout_queue_sent(ctx, build->job->id, &build->step->node_id, &text, 1, &sent, err);
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
	struct rollout_step *steps;
	size_t count;

	if (!rollout_queue_list(ctx, job->id, ROLLOUT_BATCH, &steps, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct build build = {job, &steps[i]};
		struct error why;
		if (db_savepoint(ctx, build_one, &build, &why))
			continue;
		if (why.code == ERR_UNAVAILABLE || why.code == ERR_TIMEOUT ||
		    why.code == ERR_INTERNAL) {
			*err = why;
			return false;
		}
		if (!fail_step(ctx, job, steps[i].node_id, &why, err))
			return false;
	}
	job->changed |= count > 0;
	job->busy |= count > 0;
	return true;
}
