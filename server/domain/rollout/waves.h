/* SPDX-License-Identifier: Apache-2.0 */
/* Which node has its turn when: by number, by share, or one value of a label after the other. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "domain/rollout/strategy.h"

/*
 * Splits total nodes into waves: sizes[i] of them in wave i + 1, never an empty wave, the rest in the
 * last one. Returns the number of waves, 0 when total is 0. sizes has room for ROLLOUT_WAVES_MAX.
 */
size_t waves_split(const struct strategy *strategy, int64_t total, int64_t sizes[]);

struct waves {
	int64_t sizes[ROLLOUT_WAVES_MAX];
	const char *labels[ROLLOUT_WAVES_MAX]; /* the value of each, or NULL */
	size_t count;
};

/*
 * Gives each of count nodes, in the order of their names, its wave (from 1) in of_node. values[i] is
 * what node i has as strategy->wave_label (NULL: it has none; such nodes come last); values itself may
 * be NULL when waves are not by label. ERR_INVALID when there are more values than waves can be.
 */
MUST_CHECK bool waves_deal(const struct strategy *strategy, struct arena *arena,
			   const char *const values[], size_t count, int64_t of_node[],
			   struct waves *out, struct error *err);
