/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "domain/rollout/advance_internal.h"
#include "domain/rollout/result.h"
#include "domain/rollout/rollout.h"
#include "store/rollout_steps.h"
#include "store/rollouts.h"

/* Nodes that get back what they had in one turn. */
enum { AWAY_BATCH = 100 };

/* Causes that have nothing to do with what was to be installed: the same may well work later. */
static const char *const TRANSIENT[] = {"fetch_failed", "disk", "interrupted", "unavailable",
					"timeout"};

static bool restore_all(struct ctx *ctx, const char *id, const char *const *nodes, size_t count,
			struct error *err)
{
	for (size_t i = 0; i < count; i++)
		if (!rollout_restore(ctx, id, nodes[i], err))
			return false;
	return true;
}

bool sweep_steps(struct ctx *ctx, struct advance *job, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	const char *const *late;
	int64_t moved;
	size_t count;

	struct step_move move = rollout_step_move(STEP_EVENT_SUCCEED, NULL, sources);
	if (!rollout_steps_move_by_facts(ctx, job->id, &move, &moved, err))
		return false;
	job->changed |= moved > 0;
	if (!rollout_steps_set_returned(ctx, job->id,
					ctx->now + job->strategy.deadline_ms * USEC_PER_MSEC,
					move.sources, move.source_count, err))
		return false;

	move = rollout_step_move(STEP_EVENT_SKIP, "the node is retired", sources);
	if (!rollout_steps_move_retired(ctx, job->id, &move, &moved, err))
		return false;
	job->changed |= moved > 0;

	move = rollout_step_move(STEP_EVENT_TIME_OUT, NULL, sources);
	if (!rollout_steps_move_late(ctx, job->id, &move, &late, &count, err))
		return false;
	job->changed |= count > 0;
	return restore_all(ctx, job->id, late, count, err);
}

bool sweep_retries(struct ctx *ctx, struct advance *job, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	struct step_move move = rollout_step_move(STEP_EVENT_RETRY, NULL, sources);
	const struct step_retry retry = {
		.max = job->strategy.retries.max,
		.backoff_ms = job->strategy.retries.backoff_ms,
		.backoff_max_ms = ROLLOUT_BACKOFF_MAX_MS,
		.codes = TRANSIENT,
		.code_count = sizeof(TRANSIENT) / sizeof(TRANSIENT[0]),
	};
	int64_t moved;

	if (retry.max == 0)
		return true;
	if (!rollout_steps_try_again(ctx, job->id, &move, &retry, &moved, err))
		return false;
	job->changed |= moved > 0;
	return true;
}

bool sweep_expired(struct ctx *ctx, struct advance *job, struct error *err)
{
	static const char *const pending[] = {"pending"};
	const char *sources[STEP_STATE_COUNT];
	struct step_move move = rollout_step_move(
		STEP_EVENT_TIME_OUT, "not started before the rollout's deadline", sources);
	int64_t moved;

	if (job->rollout.deadline_at == 0 || ctx->now < job->rollout.deadline_at)
		return true;
	/* What is under way has a deadline of its own. */
	move.sources = pending;
	move.source_count = 1;
	if (!rollout_steps_move(ctx, job->id, 0, NULL, &move, &moved, err))
		return false;
	job->changed |= moved > 0;
	return true;
}

bool sweep_away(struct ctx *ctx, struct advance *job, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	struct step_move move = rollout_step_move(STEP_EVENT_EXCLUDE,
						  "the rollout ended before it was back", sources);
	static const char *const told[] = {"sent", "accepted", "fetching", "applying", "verifying"};
	const char *const *nodes;
	size_t count;

	if (!rollout_steps_away(ctx, job->id, told, sizeof(told) / sizeof(told[0]), AWAY_BATCH,
				&nodes, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!rollout_steps_move(ctx, job->id, 0, nodes[i], &move, NULL, err))
			return false;
	job->changed |= count > 0;
	job->busy |= count == AWAY_BATCH;
	return restore_all(ctx, job->id, nodes, count, err);
}
