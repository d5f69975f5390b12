/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "domain/inventory/selector.h"
#include "domain/rollout/advance_internal.h"
#include "store/rollout_queue.h"
#include "store/rollouts.h"

/* How often a rollout that follows looks for nodes. */
enum { FOLLOW_EVERY_MS = 2000 };

bool follow_look(struct ctx *ctx, struct advance *job, int64_t last_wave, struct error *err)
{
	struct targets targets;
	json_t *requirements;
	int64_t added;
	bool due;

	if (!rollouts_take_follow(ctx, job->id, FOLLOW_EVERY_MS, &due, err))
		return false;
	if (!due)
		return true;
	if (!targets_decode(job->rollout.targets, ctx->arena, &targets, err) ||
	    !selector_parse(targets.selector, ctx->arena, &requirements, err) ||
	    !rollout_queue_follow(ctx, job->id, last_wave, requirements, &added, err))
		return false;
	job->changed |= added > 0;
	job->busy |= added > 0;
	return added == 0 || rollout_waves_grow(ctx, job->id, last_wave, err);
}
