/* SPDX-License-Identifier: Apache-2.0 */
/* Facts that explanations of rollouts and nodes need beyond their rows. Within ctx->project_id. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* The last deadline of the wave's steps that are under way; 0: none is. states: what that means. */
MUST_CHECK bool rollout_why_deadline(struct ctx *ctx, const char *rollout_id, int64_t wave,
				     const char *const *states, size_t state_count, usec_t *out,
				     struct error *err);

struct rollout_why_task {
	int64_t rollout; /* number; 0: none */
	const char *name;
	const char *step;
	usec_t deadline_at;
};

/* The newest step of the node in one of states. */
MUST_CHECK bool rollout_why_task(struct ctx *ctx, const char *node_id, const char *const *states,
				 size_t state_count, struct rollout_why_task *out,
				 struct error *err);
