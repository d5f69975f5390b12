/* SPDX-License-Identifier: Apache-2.0 */
/* Says in words why a node is in its status. Pure: no database, no clock. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "model/node.h"

struct explanation {
	const char *text;      /* one or two sentences */
	const char *waits_for; /* what would change it; "" when nothing is awaited */
	usec_t since;
};

/* A few words for lists; "" for a node that is simply online. */
const char *node_reason(const struct node *node, struct arena *arena);

void node_explain(const struct node *node, usec_t now, struct arena *arena,
		  struct explanation *out);
