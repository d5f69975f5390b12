/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rollouts and their waves. All of it within ctx->project_id, except what the scheduler asks, which
 * says so. Errors: NOT_FOUND where absence is one, CONFLICT, UNAVAILABLE.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/rollout.h"

/* By id, or by number when it is one. */
MUST_CHECK bool rollouts_get(struct ctx *ctx, const char *id_or_number, struct rollout *out,
			     struct error *err);

/* Locks the row until the transaction ends. */
MUST_CHECK bool rollouts_lock(struct ctx *ctx, const char *id, struct rollout *out,
			      struct error *err);

/* Newest first, below before (a number; 0 = from the top); state NULL = all. */
MUST_CHECK bool rollouts_list(struct ctx *ctx, const char *state, int64_t before, int64_t limit,
			      struct rollout **out, size_t *count, int64_t *total,
			      struct error *err);

/* Inserts and gives the number. id, name (NULL: made from the number), state and JSON come from the record. */
MUST_CHECK bool rollouts_insert(struct ctx *ctx, struct rollout *rollout, struct error *err);

/*
 * Moves it to state with a reason (NULL: none), dates the change, raises the revision. Also sets
 * started_at when it first runs and finished_at when final is true.
 */
MUST_CHECK bool rollouts_set_state(struct ctx *ctx, const char *id, const char *state,
				   const char *reason, bool final, struct error *err);
MUST_CHECK bool rollouts_set_reason(struct ctx *ctx, const char *id, const char *reason,
				    struct error *err);
MUST_CHECK bool rollouts_set_approved(struct ctx *ctx, const char *id, const char *by,
				      struct error *err);
MUST_CHECK bool rollouts_set_wave(struct ctx *ctx, const char *id, int64_t no, struct error *err);

/* One wave with its number of nodes, and the value of the label that they share (NULL: none). */
MUST_CHECK bool rollout_waves_insert(struct ctx *ctx, const char *rollout_id, int64_t no,
				     int64_t size, const char *label, struct error *err);

/* Its size is as many steps as it has now. */
MUST_CHECK bool rollout_waves_grow(struct ctx *ctx, const char *rollout_id, int64_t no,
				   struct error *err);

/* What each of these nodes has as label: out[i] is NULL where it has none. */
MUST_CHECK bool rollout_label_values(struct ctx *ctx, const char *label, const char *const *nodes,
				     size_t count, const char *const **out, struct error *err);

/* The first alert of one of these severities that fired on a node of the wave since it was told, and
 * after that moment (0: any); summary is NULL when there is none. */
MUST_CHECK bool rollout_waves_alert(struct ctx *ctx, const char *rollout_id, int64_t no,
				    const char *const *severities, size_t count, usec_t after,
				    const char **summary, const char **node, struct error *err);

/* All waves with the counts of their steps, in order. */
MUST_CHECK bool rollout_waves_list(struct ctx *ctx, const char *rollout_id,
				   struct rollout_wave **out, size_t *count, struct error *err);

/* state running dates the start, succeeded and failed the end; soak_until 0 = none. */
MUST_CHECK bool rollout_waves_set_state(struct ctx *ctx, const char *rollout_id, int64_t no,
					const char *state, usec_t soak_until, struct error *err);

/* What has failed or gone silent so far in this wave and those before no longer counts. */
MUST_CHECK bool rollout_waves_forgive(struct ctx *ctx, const char *rollout_id, int64_t no,
				      struct error *err);

/*
 * Scheduler, over all projects: rollouts that have begun and are not settled, with their projects; the
 * highest priority first, among equals the oldest.
 */
MUST_CHECK bool rollouts_unsettled(struct ctx *ctx, struct rollout **out, size_t *count,
				   struct error *err);

/* Settles it unless a step is in one of these states. It is unsettled by each change of its state. */
MUST_CHECK bool rollouts_settle(struct ctx *ctx, const char *id, const char *const *states,
				size_t count, struct error *err);
MUST_CHECK bool rollouts_unsettle(struct ctx *ctx, const char *id, struct error *err);

/* at 0: none. */
MUST_CHECK bool rollouts_set_deadline(struct ctx *ctx, const char *id, usec_t at,
				      struct error *err);
/* Whether it is time to look for nodes that match, every so many milliseconds. */
MUST_CHECK bool rollouts_take_follow(struct ctx *ctx, const char *id, int64_t every_ms, bool *due,
				     struct error *err);
/* It no longer asks for its windows. */
MUST_CHECK bool rollouts_set_forced(struct ctx *ctx, const char *id, struct error *err);

/* The rollout that rolls this one back and is not final, or false when there is none. */
MUST_CHECK bool rollouts_find_rollback(struct ctx *ctx, const char *id, bool *found,
				       struct error *err);
