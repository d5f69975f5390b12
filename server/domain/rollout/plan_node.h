/* SPDX-License-Identifier: Apache-2.0 */
/* One node's part in a plan; only plan.c uses it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "domain/rollout/plan.h"
#include "model/ctx.h"
#include "store/targets.h"

/* A change with what its names stand for. */
struct change_facts {
	const struct rollout_change *change;
	struct target_release *releases; /* of the package, one per platform */
	size_t release_count;
	const char *config_id;
	int64_t config_version;
};

/* Fills out (whose node is set) from what the node's services are now. */
MUST_CHECK bool plan_node_make(struct ctx *ctx, const struct change_facts *facts, size_t fact_count,
			       const struct target_service *now, size_t now_count,
			       struct plan_node *out, struct error *err);
