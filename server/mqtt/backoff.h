/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pauses between attempts: the bound doubles, the pause is anywhere between half of it and all of
 * it, so that many who failed together do not come back together.
 */
#pragma once

#include <stdint.h>

#include "base/crypto.h"

#define BROKER_PAUSE_MIN_MS 200
#define BROKER_PAUSE_MAX_MS 10000

struct backoff {
	int64_t min_ms, max_ms;
	int64_t bound_ms;
};

static inline void backoff_init(struct backoff *backoff, int64_t min_ms, int64_t max_ms)
{
	*backoff = (struct backoff){.min_ms = min_ms, .max_ms = max_ms, .bound_ms = min_ms};
}

/* After a success. */
static inline void backoff_reset(struct backoff *backoff)
{
	backoff->bound_ms = backoff->min_ms;
}

/* The next pause. */
static inline int64_t backoff_next(struct backoff *backoff)
{
	const int64_t bound_ms = backoff->bound_ms;

	backoff->bound_ms = bound_ms * 2 < backoff->max_ms ? bound_ms * 2 : backoff->max_ms;
	return bound_ms / 2 + (int64_t)random_below((uint64_t)(bound_ms - bound_ms / 2) + 1);
}
