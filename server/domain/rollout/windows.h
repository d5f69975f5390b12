/* SPDX-License-Identifier: Apache-2.0 */
/* Update windows: whether the nodes of a time zone may begin now, and when else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "domain/rollout/strategy.h"
#include "model/ctx.h"

struct zone_window {
	const char *zone; /* as the node's label has it */
	const char
		*clock; /* the zone whose clock counts: the strategy's where that one is unknown */
	bool open;
	usec_t opens_at; /* the next opening; 0 when it is open */
};

/* At ctx->now, for each of zones; out has room for count. Windows never overlap into one: a window that
 * opens while another is open is just one more. */
MUST_CHECK bool windows_look(struct ctx *ctx, const struct strategy *strategy,
			     const char *const *zones, size_t count, struct zone_window out[],
			     struct error *err);

/* ERR_INVALID with the place when the time zone is unknown, or no window opens before the rollout's
 * deadline. start is when it would begin. */
MUST_CHECK bool windows_check_times(struct ctx *ctx, const struct strategy *strategy,
				    struct error *err);
