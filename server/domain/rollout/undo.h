/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going back, in parts or to a moment: a rollout of kind rollback whose steps hold what is restored. Taking
 * back a rollout as a whole is rollout_roll_back (rollout.h), which also moves that rollout. Within
 * ctx->project_id.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "domain/rollout/plan.h"
#include "model/ctx.h"
#include "model/rollout.h"

struct undo_request {
	const char *rollout_id; /* what is taken back, or NULL: restore */
	int64_t wave;		/* 0: all */
	const char *const *nodes;
	size_t node_count; /* 0: all */
	bool only_failed;
	json_t *restore; /* {"at": time}, or NULL */
	json_t *targets; /* of restore */
	json_t *strategy;
	const char *name;      /* NULL: one is made */
	const char *plan_hash; /* NULL: not checked */
	bool draft;
	struct plan *planned; /* NULL, or gets the plan, also when plan_hash does not hold */
};

/* Is it a part of the rollout only? */
bool undo_is_partial(const struct undo_request *request);

/* What going back would do. CONFLICT, INVALID as plan_make. */
MUST_CHECK bool undo_plan(struct ctx *ctx, const struct undo_request *request, struct plan *out,
			  struct error *err);

/* Plans again and makes the rollout. CONFLICT when plan_hash does not hold, or nothing is left to undo. */
MUST_CHECK bool undo_create(struct ctx *ctx, const struct undo_request *request,
			    struct rollout *out, struct error *err);
