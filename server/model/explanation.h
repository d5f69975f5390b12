/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a node, a rollout or a step is in its state, in words: what it waits for, since when, until
 * when, and who can change that. Made by pure functions of the facts; strings live in their arena.
 */
#pragma once

#include <stddef.h>

#include "base/clock.h"

#define EXPLANATION_WAYS_MAX 8

/* One way out of the state. */
struct explanation_way {
	/*
	 * Who takes it: a role (operator, approver, admin), "site" (whoever can reach the gateway),
	 * "node" or "server" (comes by itself).
	 */
	const char *by;
	const char
		*action;  /* the name of the API's action ("resume"), or NULL when there is none */
	const char *text; /* what it does */
};

struct explanation {
	const char *text;      /* one or two sentences */
	const char *waits_for; /* NULL: nothing is awaited */
	usec_t since;
	usec_t until;	  /* 0: no end is set */
	const char *then; /* what happens at until; NULL when that is 0 */
	struct explanation_way ways[EXPLANATION_WAYS_MAX];
	size_t way_count;
};

static inline void explanation_add(struct explanation *explanation, const char *by,
				   const char *action, const char *text)
{
	if (explanation->way_count < EXPLANATION_WAYS_MAX)
		explanation->ways[explanation->way_count++] =
			(struct explanation_way){by, action, text};
}
