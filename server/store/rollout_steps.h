/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of rollouts: set-based statements only. Which states an event may leave comes from the
 * caller (domain/rollout/machine.h) as an array of names, so the table in code is the only truth.
 *
 * What a step sets is JSON per service: {driver, run, package:{name,version} | package_release_id,
 * config_id, config_version, parameters, content} where an absent key leaves the column as it is,
 * and null or {remove: true} takes the service away.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/rollout.h"

/* A change of state: from any of sources to target. */
struct step_move {
	const char *const *sources;
	size_t source_count;
	const char *target;
	const char *reason; /* or NULL */
	json_t *error;	    /* or NULL, borrowed */
};

/* Steps for nodes[i] in wave waves[i] (text of a number). */
MUST_CHECK bool rollout_steps_insert(struct ctx *ctx, const char *rollout_id,
				     const char *const *nodes, const char *const *waves,
				     size_t count, struct error *err);

/* Steps of a rollback: every node whose part in original (wave 0: in all its waves) changed something
 * that was not put back; all in wave 1, with what ran before as after. Gives their number. */
MUST_CHECK bool rollout_steps_insert_rollback(struct ctx *ctx, const char *rollout_id,
					      const char *original_id, int64_t wave, int64_t *count,
					      struct error *err);

/* Deals the steps, in the order of node names, into waves of these sizes (texts of numbers). */
MUST_CHECK bool rollout_steps_set_waves(struct ctx *ctx, const char *rollout_id,
					const char *const *sizes, size_t count, struct error *err);

/* state, fingerprint: NULL = all; wave: 0 = all. */
MUST_CHECK bool rollout_steps_list(struct ctx *ctx, const char *rollout_id, const char *state,
				   int64_t wave, const char *fingerprint, int64_t after_wave,
				   const char *after_node, int64_t limit, struct rollout_step **out,
				   size_t *count, int64_t *total, struct error *err);

MUST_CHECK bool rollout_steps_get(struct ctx *ctx, const char *rollout_id, const char *node_id,
				  struct rollout_step *out, struct error *err);

/* Moves every step of the rollout (wave 0: all waves; node NULL: all nodes) that may move. */
MUST_CHECK bool rollout_steps_move(struct ctx *ctx, const char *rollout_id, int64_t wave,
				   const char *node_id, const struct step_move *move,
				   int64_t *moved, struct error *err);

/* The same, only where the node is offline (online false) or retired. */
MUST_CHECK bool rollout_steps_move_offline(struct ctx *ctx, const char *rollout_id, int64_t wave,
					   const struct step_move *move, int64_t *moved,
					   struct error *err);
MUST_CHECK bool rollout_steps_move_retired(struct ctx *ctx, const char *rollout_id,
					   const struct step_move *move, int64_t *moved,
					   struct error *err);

/* Steps whose node says by itself that it runs their generation or a later one. */
MUST_CHECK bool rollout_steps_move_by_facts(struct ctx *ctx, const char *rollout_id,
					    const struct step_move *move, int64_t *moved,
					    struct error *err);

/* Steps past their deadline; gives the nodes, whose former state is to be restored. */
MUST_CHECK bool rollout_steps_move_late(struct ctx *ctx, const char *rollout_id,
					const struct step_move *move, const char *const **nodes,
					size_t *count, struct error *err);

/*
 * What a node reports about a generation moves all its steps of that or an earlier one. Gives the
 * rollouts that were touched.
 */
MUST_CHECK bool rollout_steps_move_by_result(struct ctx *ctx, const char *node_id,
					     int64_t generation, json_t *progress,
					     const struct step_move *move,
					     const char *const **rollouts, size_t *count,
					     struct error *err);

/* Nodes of the wave with a changed service that is not running and ready, or that are offline. */
MUST_CHECK bool rollout_steps_unwell(struct ctx *ctx, const char *rollout_id, int64_t wave,
				     int64_t *count, const char **example, struct error *err);

/*
 * Puts the desired rows of a step's services back to what ran before, where they still are this
 * rollout's, unless the node is retired. restored, an object, gets the former content of each
 * service that was put back, null for one that was not there.
 */
MUST_CHECK bool rollout_steps_restore(struct ctx *ctx, const char *rollout_id, const char *node_id,
				      json_t *restored, struct error *err);

/* Rollouts that the node still has a service from although their step on it is in one of states. */
MUST_CHECK bool rollout_steps_undone(struct ctx *ctx, const char *node_id,
				     const char *const *states, size_t state_count,
				     const char *const **rollouts, size_t *count,
				     struct error *err);

/* Steps in one of these states that were told offline and whose nodes are back have until deadline_at. */
MUST_CHECK bool rollout_steps_set_returned(struct ctx *ctx, const char *rollout_id,
					   usec_t deadline_at, const char *const *states,
					   size_t state_count, struct error *err);

/* Tries again, after a pause that doubles each time, what failed with one of these codes. */
struct step_retry {
	int64_t max;
	int64_t backoff_ms, backoff_max_ms;
	const char *const *codes;
	size_t code_count;
};
MUST_CHECK bool rollout_steps_try_again(struct ctx *ctx, const char *rollout_id,
					const struct step_move *move,
					const struct step_retry *retry, int64_t *moved,
					struct error *err);

/* These nodes (by id or name; none: all), of these only those that failed with this code or fingerprint
 * (or NULL). */
struct step_choice {
	const char *const *nodes;
	size_t node_count;
	const char *cause;
};
MUST_CHECK bool rollout_steps_move_chosen(struct ctx *ctx, const char *rollout_id,
					  const struct step_choice *choice,
					  const struct step_move *move, const char *const **nodes,
					  size_t *count, struct error *err);

/* Up to limit nodes whose steps, in one of these states, were told while they were away and still are. */
MUST_CHECK bool rollout_steps_away(struct ctx *ctx, const char *rollout_id,
				   const char *const *states, size_t state_count, int64_t limit,
				   const char *const **nodes, size_t *count, struct error *err);
