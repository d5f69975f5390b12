/* SPDX-License-Identifier: Apache-2.0 */
/* Answered plans: who is behind their numbers, by list. Within ctx->project_id. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "store/targets.h"

/* Makes the plan, or keeps it longer; older ones beyond a number go. known: its lists are there already. */
MUST_CHECK bool plans_insert(struct ctx *ctx, const char *hash, usec_t expires_at, bool *known,
			     struct error *err);

MUST_CHECK bool plans_insert_list(struct ctx *ctx, const char *hash, const char *list,
				  const char *const *nodes, size_t node_count, struct error *err);

/* The nodes of a list from offset on, as they are now; total is the length of the list. NOT_FOUND for a plan
 * that is not kept (any more), INVALID for a list that it does not have. */
MUST_CHECK bool plans_list_nodes(struct ctx *ctx, const char *hash, const char *list,
				 int64_t offset, int64_t limit, struct target_node **out,
				 size_t *count, int64_t *total, struct error *err);
