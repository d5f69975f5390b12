/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A selection is what a person saw before he acted: the nodes of a selector or a list, frozen and counted.
 * What is then done to it reaches these nodes or nobody: once others match, or some are gone, it is refused.
 * Where it was every node of the project, the action also wants the count typed. Within ctx->project_id.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "store/selections.h"

/* Either selector or nodes (ids or names). INVALID when nobody matches or a node does not exist. */
MUST_CHECK bool selection_make(struct ctx *ctx, const char *selector, const char *const *nodes,
			       size_t node_count, struct selection *out, struct error *err);

/* CONFLICT when it no longer is what was counted; text says how it differs. */
MUST_CHECK bool selection_check(struct ctx *ctx, const struct selection *selection,
				struct error *err);

/*
 * Whether the number that was typed (-1: none) allows an action on count nodes. INVALID with a hint when
 * everything is meant and no count was typed, CONFLICT when the number is another. field names the place.
 */
MUST_CHECK bool selection_confirm(bool everything, int64_t count, int64_t typed, const char *field,
				  struct error *err);

/* Both check and confirm first, and are audited once. changed: nodes. */
MUST_CHECK bool selection_retire(struct ctx *ctx, const char *id, int64_t typed, int64_t *changed,
				 struct error *err);

struct label_change {
	json_t *set; /* object of strings, or NULL */
	const char *const *remove;
	size_t remove_count;
};

MUST_CHECK bool selection_label(struct ctx *ctx, const char *id, int64_t typed,
				const struct label_change *change, int64_t *changed,
				struct error *err);
