/* SPDX-License-Identifier: Apache-2.0 */
/* Rollouts as JSON; The caller owns what is returned. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "model/ctx.h"
#include "model/rollout.h"

struct request;
struct error;

/* Answers with the rollout, its waves and what may be done with it. */
bool rollout_reply(struct request *req, unsigned int status, const struct rollout *rollout,
		   struct error *err);

json_t *rollout_encode(const struct ctx *ctx, const struct rollout *rollout,
		       const struct rollout_wave *waves, size_t wave_count);
json_t *rollout_step_encode(const struct rollout_step *step);
