/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the plan share: plan.c leads, plan_change.c and plan_undo.c foresee, plan_compare.c
 * describes. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "domain/rollout/plan.h"
#include "model/ctx.h"

/* One node's outcome under construction, in the arena of the work at hand. */
struct outlook {
	const char *blocked;
	bool same;
	bool restarts;
	bool fetches;
	int64_t fetch_bytes;
	json_t *services;
	size_t diff_left; /* bytes that diffs may still take */
};

/*
 * Where outcomes come from. key appends everything that the outcome of node i depends on; foresee loads for
 * the nodes which[0..count) what they need and fills out[0..count), all from ctx->arena.
 */
struct plan_source {
	bool (*key)(void *arg, size_t i, struct strbuf *out, struct error *err);
	bool (*foresee)(struct ctx *ctx, void *arg, const size_t *which, size_t count,
			struct outlook *out, struct error *err);
	void *arg;
};

/* plan->nodes[].node are set: finds their groups. */
MUST_CHECK bool plan_group_nodes(struct ctx *ctx, struct plan *plan,
				 const struct plan_source *source, struct error *err);

/* plan_targets.c: fills nodes, everything, confirmed. */
MUST_CHECK bool plan_find_targets(struct ctx *ctx, json_t *targets, struct plan *plan,
				  struct error *err);

/* plan_change.c: what changes set, with names resolved; then the groups. */
MUST_CHECK bool plan_foresee_changes(struct ctx *ctx, struct plan *plan, struct error *err);

/* plan_undo.c: what goes back; then the groups. */
MUST_CHECK bool plan_foresee_undo(struct ctx *ctx, struct plan *plan, struct error *err);

/* One side of a service: what runs, or what would. */
struct plan_side {
	bool exists;
	bool run;
	const char *driver;
	const char *package_version, *package_sha256;
	const char *config_name;
	int64_t config_version;
	json_t *content; /* as the node gets it, or NULL */
};

struct plan_pair {
	const char *service;
	struct plan_side before, after;
	bool parameters_change;
	int64_t package_size; /* of after */
	json_t *manifest;     /* of the package that runs, or NULL */
};

/* Adds what becomes of the service to the outlook. */
void plan_compare(const struct plan_pair *pair, struct arena *arena, struct outlook *outlook);

/* The side that this JSON of a service is; NULL: there is none. */
struct plan_side plan_side_of(json_t *content);
