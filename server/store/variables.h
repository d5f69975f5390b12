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

/* Sets a value, making the variable if need be. */
MUST_CHECK bool variables_set(struct ctx *ctx, const char *node_id, const char *name,
			      const char *value, struct error *err);

/* NOT_FOUND. */
MUST_CHECK bool variables_delete(struct ctx *ctx, const char *node_id, const char *name,
				 struct error *err);
