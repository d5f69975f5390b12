/* SPDX-License-Identifier: Apache-2.0 */
/* Table scheduler_lease: which replica does the timed work. */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* Takes or prolongs the lease of that name for lease_s seconds; held says whether it is owner's. */
MUST_CHECK bool scheduler_leases_take(struct ctx *ctx, const char *name, const char *owner,
				      int lease_s, bool *held, struct error *err);

/* Gives it back at once. */
MUST_CHECK bool scheduler_leases_release(struct ctx *ctx, const char *name, const char *owner,
					 struct error *err);
