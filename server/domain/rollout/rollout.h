/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do with rollouts: make one from a plan, start, approve, pause, resume, promote, retry,
 * abort, roll back. Each runs in a transaction, writes audit, change feed and webhook events, and
 * wakes the scheduler, which does the rest (advance.h). Within ctx->project_id.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "domain/rollout/machine.h"
#include "model/ctx.h"
#include "model/rollout.h"

struct plan;

struct rollout_request {
	const char *name; /* NULL: "Rollout <number>" */
	json_t *changes;
	json_t *targets;
	json_t *strategy;      /* NULL: the defaults */
	const char *plan_hash; /* NULL: not checked */
	bool draft;
	struct plan *planned; /* NULL, or gets the plan of now: also when plan_hash does not hold */
};

/*
 * Plans again and creates. ERR_CONFLICT when plan_hash is given and the world has moved, ERR_INVALID
 * when nothing matches or a node is blocked (text says which and why).
 */
MUST_CHECK bool rollout_create(struct ctx *ctx, const struct rollout_request *request,
			       struct rollout *out, struct error *err);

/* A new rollout that restores, for each node, exactly what each changed service ran before. */
MUST_CHECK bool rollout_roll_back(struct ctx *ctx, const char *id, json_t *strategy,
				  struct rollout *out, struct error *err);

/* The same for the nodes of one wave only (0: all); of one wave, the rollout pauses with the reason. Within
 * a transaction, which goes on when it fails. */
MUST_CHECK bool rollout_roll_back_wave(struct ctx *ctx, const char *id, int64_t wave,
				       const char *reason, struct rollout *out, struct error *err);

/*
 * START, APPROVE, PAUSE, RESUME, PROMOTE, RETRY, ABORT, and FINISH for one that follows. ERR_CONFLICT
 * says why it cannot be.
 */
MUST_CHECK bool rollout_act(struct ctx *ctx, const char *id, enum rollout_event event,
			    struct rollout *out, struct error *err);

/* Why a person cannot do event with this rollout now, or NULL: more than the state alone tells. */
const char *rollout_action_obstacle(const struct ctx *ctx, const struct rollout *rollout,
				    enum rollout_event event, size_t wave_count);

/* From now on it does not wait for its update windows. */
MUST_CHECK bool rollout_force(struct ctx *ctx, const char *id, struct rollout *out,
			      struct error *err);
const char *rollout_force_obstacle(const struct ctx *ctx, const struct rollout *rollout);

/*
 * Within a transaction: moves the rollout, with everything that hangs on it (events, feed, and the
 * rollout that is rolled back by this one). What the scheduler uses, too.
 */
MUST_CHECK bool rollout_move(struct ctx *ctx, struct rollout *rollout, enum rollout_event event,
			     const char *reason, struct error *err);

/* Within a transaction: tells webhooks, dashboards and the scheduler of a new rollout or state. */
MUST_CHECK bool rollout_announce(struct ctx *ctx, const struct rollout *rollout, struct error *err);

/* state as its enum. */
enum rollout_state rollout_state_of(const struct rollout *rollout);

struct step_move;
/* The move that event stands for; sources must have room for STEP_STATE_COUNT and outlive it. */
struct step_move rollout_step_move(enum step_event event, const char *reason,
				   const char *sources[STEP_STATE_COUNT]);
