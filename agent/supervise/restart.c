/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/restart.h"

#include <string.h>

static void exits_forget_older(struct restart_history *history, usec_t than)
{
	int old = 0;

	while (old < history->count && history->exits[old] < than)
		old++;
	history->count -= old;
	memmove(history->exits, history->exits + old,
		(size_t)history->count * sizeof(history->exits[0]));
}

static void exits_add(struct restart_history *history, usec_t now)
{
	if (history->count == RESTART_MAX_BURST)
		exits_forget_older(history, history->exits[0] + 1);
	history->exits[history->count++] = now;
}

/* 0 for the first exit, then doubling. */
static int64_t backoff_ms(const struct restart_spec *spec, int exits, uint64_t chance)
{
	int64_t delay = spec->delay_ms;

	if (exits <= 1)
		return 0;
	for (int i = 2; i < exits && delay < spec->max_delay_ms; i++)
		delay *= 2;
	if (delay > spec->max_delay_ms)
		delay = spec->max_delay_ms;
	/* Shorter rather than longer, so that the maximum holds. */
	return delay - (int64_t)(chance % (uint64_t)(delay / 4 + 1));
}

struct restart_decision restart_decide(struct restart_history *history,
				       const struct restart_spec *spec, bool success, usec_t now,
				       int64_t ran_us, uint64_t chance)
{
	int64_t window_us = spec->window_ms * USEC_PER_MSEC;

	if (spec->policy == RESTART_NEVER || (spec->policy == RESTART_ON_FAILURE && success))
		return (struct restart_decision){.event = success ? EVENT_EXITED_COMPLETED
								  : EVENT_EXITED_FAILED};
	if (ran_us >= window_us) {
		history->count = 0;
		history->held = false;
	}
	exits_forget_older(history, now - window_us);
	exits_add(history, now);
	if (history->held || history->count >= spec->burst) {
		history->held = true;
		history->count = 0;
		return (struct restart_decision){.event = EVENT_EXITED_CRASH_LOOP,
						 .delay_ms = spec->hold_ms};
	}
	return (struct restart_decision){.event = EVENT_EXITED_AGAIN,
					 .delay_ms = backoff_ms(spec, history->count, chance)};
}

void restart_forget(struct restart_history *history)
{
	*history = (struct restart_history){0};
}
