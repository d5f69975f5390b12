/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that were chosen and counted: table selection. Within ctx->project_id. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct selection {
	const char *id;
	const char *selector; /* NULL: a list of nodes */
	json_t *requirements; /* parsed selector, or NULL */
	int64_t node_count;
	const char *hash; /* over the ids of the nodes */
	bool everything;  /* every node of the project, by a selector */
	const char *created_by;
	usec_t created_at, expires_at;
};

/* What a selection stands for now, beside what was counted. */
struct selection_now {
	int64_t node_count;
	int64_t added, gone; /* nodes that were not there then, or are no more */
};

/* Freezes what selector (requirements) or nodes choose now; node_count, hash and everything of selection are
 * set. INVALID when that is nobody. */
MUST_CHECK bool selections_insert(struct ctx *ctx, struct selection *selection,
				  const char *const *nodes, size_t node_count, struct error *err);

/* NOT_FOUND also once it has expired. */
MUST_CHECK bool selections_get(struct ctx *ctx, const char *id, struct selection *out,
			       struct error *err);

MUST_CHECK bool selections_compare(struct ctx *ctx, const struct selection *selection,
				   struct selection_now *out, struct error *err);

/* Its nodes, as an array for targets_by_name. */
MUST_CHECK bool selections_nodes(struct ctx *ctx, const struct selection *selection,
				 const char *const **out, size_t *count, struct error *err);

MUST_CHECK bool selections_delete(struct ctx *ctx, const char *id, struct error *err);

/* Actions on all nodes of a selection, in one statement each. Gives the number that changed. */
MUST_CHECK bool selections_retire(struct ctx *ctx, const struct selection *selection,
				  int64_t *changed, struct error *err);
/* set: object of labels; remove: names. */
MUST_CHECK bool selections_label(struct ctx *ctx, const struct selection *selection,
				 const json_t *set, const char *const *remove, size_t remove_count,
				 int64_t *changed, struct error *err);
