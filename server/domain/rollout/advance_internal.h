/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of one turn of a rollout share: advance, sweep, turn, gate, build, follow. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "domain/rollout/machine.h"
#include "domain/rollout/strategy.h"
#include "model/ctx.h"
#include "model/rollout.h"

/* Nodes that are told in one transaction: bounds how long their rows stay locked. */
#define ROLLOUT_BATCH 1000

struct advance {
	const char *id;
	struct rollout rollout;
	struct strategy strategy;
	const char *waits; /* why a running rollout does not go on now, or NULL */
	bool busy;	   /* more to do at once */
	bool changed;	   /* something that a dashboard shows */
};

/* sweep.c: what the facts say: nodes that arrived, retired, came back, or took too long. */
MUST_CHECK bool sweep_steps(struct ctx *ctx, struct advance *job, struct error *err);
/* What may go away by itself is tried again. */
MUST_CHECK bool sweep_retries(struct ctx *ctx, struct advance *job, struct error *err);
/* What has not been started by the rollout's deadline is not started any more. */
MUST_CHECK bool sweep_expired(struct ctx *ctx, struct advance *job, struct error *err);
/* Nodes that were told while they were away are not to find it when they come back. */
MUST_CHECK bool sweep_away(struct ctx *ctx, struct advance *job, struct error *err);

/* turn.c: tells nodes that have their turn, of all waves that have begun; room is how many at most. */
MUST_CHECK bool turn_take(struct ctx *ctx, struct advance *job, int64_t room, struct error *err);

/* build.c: gives each queued step its generation. */
MUST_CHECK bool build_queued(struct ctx *ctx, struct advance *job, struct error *err);

/* gate.c: stops the rollout when a wave has missed its gate, or has become unwell while observed. */
MUST_CHECK bool gate_check(struct ctx *ctx, struct advance *job, const struct rollout_wave *wave,
			   bool *stopped, struct error *err);
MUST_CHECK bool gate_observe(struct ctx *ctx, struct advance *job, const struct rollout_wave *wave,
			     bool *stopped, struct error *err);
/* A kind of failure that no rollout had before is for a person, however few nodes it has hit. */
MUST_CHECK bool gate_check_kinds(struct ctx *ctx, struct advance *job, bool *stopped,
				 struct error *err);

/* follow.c: adds nodes that match by now to the last wave. */
MUST_CHECK bool follow_look(struct ctx *ctx, struct advance *job, int64_t last_wave,
			    struct error *err);
