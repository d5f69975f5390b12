/* SPDX-License-Identifier: Apache-2.0 */
/* Table variable: values at the level of the project (node NULL) or of one node. */
#pragma once

#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/config.h"
#include "model/ctx.h"

/* Variables of the project, by name. */
MUST_CHECK bool variables_list(struct ctx *ctx, struct variable **out, size_t *count,
			       struct error *err);

/* Both levels for a node, by name, the node's own first; project gets the project's name. */
MUST_CHECK bool variables_list_for_node(struct ctx *ctx, const char *node_id, struct variable **out,
					size_t *count, const char **project, struct error *err);

/* A value of a node's own. */
struct node_variable {
	const char *node_id, *name, *value;
};

/* The named variables of these nodes at their own level, in no order: what a plan for many nodes asks. */
MUST_CHECK bool variables_list_for_nodes(struct ctx *ctx, const char *const *nodes,
					 size_t node_count, const char *const *names,
					 size_t name_count, struct node_variable **out,
					 size_t *count, struct error *err);

/* Sets a value, making the variable if need be. */
MUST_CHECK bool variables_set(struct ctx *ctx, const char *node_id, const char *name,
			      const char *value, struct error *err);

/* NOT_FOUND. */
MUST_CHECK bool variables_delete(struct ctx *ctx, const char *node_id, const char *name,
				 struct error *err);
