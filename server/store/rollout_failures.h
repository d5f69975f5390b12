/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failed steps by their kind (a fingerprint that domain/rollout/fingerprint.h makes), and the kinds
 * that a project has seen. Within ctx->project_id. states: which step states are failures.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/rollout.h"

/* Failed steps without a fingerprint, at most limit; node_id NULL: of all nodes. */
MUST_CHECK bool rollout_failures_unmarked(struct ctx *ctx, const char *rollout_id,
					  const char *node_id, const char *const *states,
					  size_t state_count, int64_t limit,
					  struct rollout_step **out, size_t *count,
					  struct error *err);

/* Step of nodes[i] has failed with kinds[i]; kinds that the project did not know are remembered as new
 * in this rollout. */
MUST_CHECK bool rollout_failures_mark(struct ctx *ctx, const char *rollout_id,
				      const char *const *nodes, const char *const *kinds,
				      size_t count, const char *const *states, size_t state_count,
				      struct error *err);

/* One kind within one rollout. */
struct rollout_failure {
	const char *fingerprint;
	int64_t count;
	usec_t first_seen_at, last_seen_at; /* in this rollout */
	const char *node_id, *node_name;    /* the first one */
	const char *state, *reason;	    /* of its step */
	json_t *error;			    /* of its step, or NULL */
	json_t *names;			    /* of the first five nodes */
	usec_t known_since;		    /* in the project */
	int64_t known_from; /* number of the rollout in which it was new; 0: that is gone */
	bool accepted;
};

/* Largest first. total: kinds in all. */
MUST_CHECK bool rollout_failures_list(struct ctx *ctx, const char *rollout_id,
				      const char *const *states, size_t state_count, int64_t limit,
				      struct rollout_failure **out, size_t *count, int64_t *total,
				      struct error *err);

/* The oldest kind that was new in this rollout and that nobody has accepted, with a node that has it. */
MUST_CHECK bool rollout_failures_new(struct ctx *ctx, const char *rollout_id, bool *found,
				     struct rollout_failure *out, struct error *err);

/* A person lets the rollout go on: what was new in it no longer is. */
MUST_CHECK bool rollout_failures_accept(struct ctx *ctx, const char *rollout_id, struct error *err);
