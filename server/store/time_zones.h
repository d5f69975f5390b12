/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wall clocks of time zones, by PostgreSQL, which has the rules. A moment on a wall clock is a number of
 * minutes since 1970-01-01 00:00 there. Where a clock is set forward, a moment that it skips counts as
 * the one an hour later; where it is set back, the second of the two counts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* What the clock shows at ctx->now in each zone; known[i] is false for a name that is no time zone. */
MUST_CHECK bool time_zones_now(struct ctx *ctx, const char *const *zones, size_t count,
			       int64_t minutes[], bool known[], struct error *err);

/* When the clock in zones[i], which is known, shows minutes[i]. */
MUST_CHECK bool time_zones_moments(struct ctx *ctx, const char *const *zones,
				   const int64_t minutes[], size_t count, usec_t out[],
				   struct error *err);
