/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "domain/rollout/advance_internal.h"
#include "domain/rollout/rollout.h"
#include "domain/rollout/windows.h"
#include "store/rollout_queue.h"
#include "store/rollouts.h"

static const char *closed_reason(struct ctx *ctx, const struct zone_window *zone)
{
	char at[TIME_TEXT_SIZE];

	if (zone->opens_at == 0)
		return "waits for its update window, which does not open in the next years";
	time_format(zone->opens_at, at);
	return arena_printf(ctx->arena, "waits for its update window, opens at %s (clock of %s)",
			    at, zone->clock);
}

/* The zones whose windows are open; the steps of the others say when they will be. */
static bool open_zones(struct ctx *ctx, struct advance *job, struct step_queue *queue,
		       struct error *err)
{
	const char *const *zones;
	const struct zone_window *first = NULL;
	size_t count;

	if (!rollout_queue_zones(ctx, job->id, 0, &zones, &count, err))
		return false;
	struct zone_window *windows = arena_array(ctx->arena, count + 1, sizeof(*windows));
	const char **open = arena_array(ctx->arena, count + 1, sizeof(*open));
	if (!windows_look(ctx, &job->strategy, zones, count, windows, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct zone_window *zone = &windows[i];
		if (zone->open)
			open[queue->zone_count++] = zone->zone;
		else if (first == NULL || zone->opens_at < first->opens_at)
			first = zone;
		if (!zone->open &&
		    !rollout_queue_set_opening(ctx, job->id, 0, zone->zone, zone->opens_at,
					       closed_reason(ctx, zone), err))
			return false;
	}
	if (queue->zone_count == 0 && first != NULL)
		job->waits = closed_reason(ctx, first);
	queue->windows = true;
	queue->zones = open;
	return true;
}

bool turn_take(struct ctx *ctx, struct advance *job, int64_t room, struct error *err)
{
	const struct strategy *strategy = &job->strategy;
	const char *queue_sources[STEP_STATE_COUNT], *newer_sources[STEP_STATE_COUNT],
		*fail_sources[STEP_STATE_COUNT];
	bool windows = strategy->window_count > 0 && !job->rollout.forced;
	bool back = strcmp(job->rollout.kind, "rollback") == 0;
	struct step_queue queue = {
		.rollout_id = job->id,
		.limit = room < ROLLOUT_BATCH ? room : ROLLOUT_BATCH,
		.deadline_at = ctx->now + strategy->deadline_ms * USEC_PER_MSEC,
		.later = strategy->offline == OFFLINE_LATER,
		/* Whoever is away finds the newest state when he comes back, unless it is to be dosed.
		 * What is to be undone must never be found. */
		.only_online = strategy->offline == OFFLINE_LATER && !back &&
			       (windows || strategy->max_parallel > 0),
		.apart = strategy->apart,
		.queue = rollout_step_move(STEP_EVENT_QUEUE, NULL, queue_sources),
		.supersede = rollout_step_move(STEP_EVENT_SUPERSEDE, NULL, newer_sources),
		.unfit = rollout_step_move(STEP_EVENT_FAIL, NULL, fail_sources),
	};
	int64_t queued;

	if (room <= 0)
		return true;
	if (windows && !open_zones(ctx, job, &queue, err))
		return false;
	if (!rollout_queue(ctx, &queue, &queued, err))
		return false;
	job->changed |= queued > 0;
	job->busy |= queued > 0;
	return build_queued(ctx, job, err);
}
