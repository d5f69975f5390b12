/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps from pending to sent: which nodes have their turn, what they had before, what becomes of older
 * rollouts on them. Set-based statements only; within a transaction that holds the rollout's row.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/rollout.h"
#include "store/rollout_steps.h"

struct step_queue {
	const char *rollout_id;
	int64_t wave;	    /* 0: all that have begun */
	int64_t limit;	    /* nodes at most */
	usec_t deadline_at; /* of those that are online now */
	bool later;	    /* the deadline of the others begins when they are back */
	bool only_online;
	const char *apart; /* label whose value two nodes under way must not share, or NULL */
	bool windows;	   /* only nodes whose label "timezone" (or "" without one) is in zones */
	const char *const *zones;
	size_t zone_count;
	struct step_move queue, supersede, unfit;
};

/*
 * Queues nodes that have their turn: captures what runs before, writes the desired rows, leaves services
 * to newer rollouts and takes them from older ones, whose steps are superseded where nothing is left to
 * them. A node that another rollout has told something waits for its verdict, unless it is of a lower
 * priority or about the same services. Steps without a package for their platform fail.
 */
MUST_CHECK bool rollout_queue(struct ctx *ctx, const struct step_queue *what, int64_t *queued,
			      struct error *err);

/* Steps in state queued, whose desired state is still to be built. */
MUST_CHECK bool rollout_queue_list(struct ctx *ctx, const char *rollout_id, int64_t limit,
				   struct rollout_step **out, size_t *count, struct error *err);

/* nodes[i] got the generation generations[i] (text of a number); moved as move says. */
MUST_CHECK bool rollout_queue_sent(struct ctx *ctx, const char *rollout_id,
				   const char *const *nodes, const char *const *generations,
				   size_t count, const struct step_move *move, struct error *err);

/* The time zones (label "timezone", "" without one) of pending steps whose nodes are online. */
MUST_CHECK bool rollout_queue_zones(struct ctx *ctx, const char *rollout_id, int64_t wave,
				    const char *const **zones, size_t *count, struct error *err);

/* Steps of this zone wait for the window that opens then; 0 = they no longer wait for one. */
MUST_CHECK bool rollout_queue_set_opening(struct ctx *ctx, const char *rollout_id, int64_t wave,
					  const char *zone, usec_t opens_at, const char *reason,
					  struct error *err);

/* Adds nodes that fulfil the requirements (domain/inventory/selector.h), can be told something, and have
 * no step yet, to this wave. */
MUST_CHECK bool rollout_queue_follow(struct ctx *ctx, const char *rollout_id, int64_t wave,
				     const json_t *requirements, int64_t *added, struct error *err);
