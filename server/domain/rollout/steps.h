/* SPDX-License-Identifier: Apache-2.0 */
/* What people do with single nodes of a rollout while it runs, or with all that fail of one cause. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/rollout.h"

enum steps_action {
	STEPS_SKIP,    /* not begun: it will not be */
	STEPS_RETRY,   /* failed: tried again at once */
	STEPS_EXCLUDE, /* not succeeded: no longer counts; what was told is put back */
};

struct steps_request {
	const char *const *nodes; /* ids or names */
	size_t node_count;	  /* 0: all */
	const char *cause;	  /* only those that failed with this code; NULL: all of them */
};

/*
 * ERR_INVALID when neither nodes nor cause are given, ERR_CONFLICT when the rollout's state does not
 * allow it, or no step is in a state for it. moved is how many steps it was.
 */
MUST_CHECK bool rollout_steps_act(struct ctx *ctx, const char *id, enum steps_action action,
				  const struct steps_request *request, struct rollout *out,
				  int64_t *moved, struct error *err);
