/* SPDX-License-Identifier: Apache-2.0 */
/* Rollouts as JSON; only api/rollouts.c uses it. The caller owns what is returned. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "model/ctx.h"
#include "model/rollout.h"

json_t *rollout_encode(const struct ctx *ctx, const struct rollout *rollout,
		       const struct rollout_wave *waves, size_t wave_count);
json_t *rollout_step_encode(const struct rollout_step *step);
