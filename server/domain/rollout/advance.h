/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives running rollouts: one call looks at all of them, starts what may start, and applies gates.
 * Level-triggered: it looks at facts only, so it may run at any time, any number of times. The
 * scheduler calls it under its lease.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* busy says that more is to be done at once. ctx->project_id is set while it works. */
MUST_CHECK bool rollouts_advance(struct ctx *ctx, bool *busy, struct error *err);
