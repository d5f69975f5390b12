/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What failed, by kind. Kinds are noted whenever something has failed, by whoever sees it first (a
 * node's result, the scheduler), so that one that no rollout of the project had before can stop this
 * one by itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "domain/rollout/machine.h"
#include "model/ctx.h"

/* The names of the states that are failures; out has room for STEP_STATE_COUNT. */
size_t failure_states(const char *out[]);

/* Within a transaction: gives each failed step that has none its fingerprint. node_id NULL: of all nodes. */
MUST_CHECK bool failures_note(struct ctx *ctx, const char *rollout_id, const char *node_id,
			      struct error *err);

/* Why a kind that was new in this rollout and that nobody has accepted stops it, or NULL. */
MUST_CHECK bool failures_obstacle(struct ctx *ctx, const char *rollout_id, const char **why,
				  struct error *err);
