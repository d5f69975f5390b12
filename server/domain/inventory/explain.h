/* SPDX-License-Identifier: Apache-2.0 */
/* Says in words why a node is in its status. Pure: no database, no clock. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "model/explanation.h"
#include "model/node.h"

/* The rollout that changes the node now. */
struct node_task {
	int64_t rollout; /* its number; 0: none does */
	const char *name;
	const char *step; /* state of the node's step */
	usec_t deadline_at;
};

/* A few words for lists; "" for a node that is simply online. */
const char *node_reason(const struct node *node, struct arena *arena);

void node_explain(const struct node *node, const struct node_task *task, usec_t now,
		  struct arena *arena, struct explanation *out);
