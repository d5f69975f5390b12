/* SPDX-License-Identifier: Apache-2.0 */
/* What people do to a node. Each function is one transaction with its audit row and change. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/node.h"

struct node_change {
	const char *id_or_name;
	const char *name;     /* NULL keeps */
	const json_t *labels; /* the whole new set; NULL keeps */
	int64_t expected;     /* revision, or -1 */
	int64_t current;      /* out: the revision found, also when it is not the expected one */
};

/* Renames, relabels. CONFLICT when the revision is another than expected or the name is taken. */
MUST_CHECK bool inventory_node_update(struct ctx *ctx, struct node_change *change, struct node *out,
				      struct error *err);

/* Cuts the node off for good. CONFLICT when it is retired already. */
MUST_CHECK bool inventory_node_retire(struct ctx *ctx, const char *id_or_name, struct node *out,
				      struct error *err);

struct node_command {
	const char *id_or_name;
	const char *kind; /* restart, start, stop, log_level, resend */
	const char *service;
	const json_t *args; /* NULL or an object */
};

/* Puts a command into the outbox; command_id names it in the events that answer. */
MUST_CHECK bool inventory_node_command(struct ctx *ctx, const struct node_command *command,
				       const char **command_id, struct error *err);
