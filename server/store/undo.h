/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a return to an earlier state sets on each node: to what it was told at a moment (history), or to what
 * ran before a rollout (its steps). Within ctx->project_id.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "store/targets.h"

/* Which return. */
struct undo {
	usec_t at;		/* to this moment; 0: of a rollout */
	const char *rollout_id; /* NULL: to a moment */
	int64_t wave;		/* of the rollout, 0: all */
	bool only_failed;	/* only nodes whose step has failed */
	const char *const *failed_states;
	size_t failed_state_count;
	const char *const *nodes; /* ids or names, of the rollout; 0: all */
	size_t node_count;
};

/* One service of a node that differs from what it goes back to. */
struct undo_pair {
	const char *node_id, *service;
	const char *then_key, *now_key; /* NULL: not there */
	const char *lost;     /* package or config that is needed and was deleted, or NULL */
	json_t *then, *now;   /* contents; only undo_contents fills them */
	json_t *manifest;     /* of the package that runs */
	int64_t package_size; /* of the package that comes back */
};

/* Nodes that the return of a rollout is about, by name. */
MUST_CHECK bool undo_targets(struct ctx *ctx, const struct undo *undo, struct target_node **out,
			     size_t *count, struct error *err);

/* In the order of node ids and services; without contents. */
MUST_CHECK bool undo_pairs(struct ctx *ctx, const struct undo *undo, const char *const *nodes,
			   size_t node_count, struct undo_pair **out, size_t *count,
			   struct error *err);

/* The same with contents. */
MUST_CHECK bool undo_contents(struct ctx *ctx, const struct undo *undo, const char *const *nodes,
			      size_t node_count, struct undo_pair **out, size_t *count,
			      struct error *err);

/* The steps: what goes back on nodes[i], in wave waves[i] (text of a number). */
MUST_CHECK bool undo_insert_steps(struct ctx *ctx, const struct undo *undo, const char *rollout_id,
				  const char *const *nodes, const char *const *waves, size_t count,
				  struct error *err);
