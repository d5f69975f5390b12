/* SPDX-License-Identifier: Apache-2.0 */
/* Table scheduler_lease: which replica does the timed work. */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* Takes or prolongs the lease of that name and owner for lease_s seconds; held says whether it is the
 * owner's, fence is filled in then. */
MUST_CHECK bool scheduler_leases_take(struct ctx *ctx, int lease_s, struct lease *lease, bool *held,
				      struct error *err);

/* In a transaction that writes: ctx->lease is still ours, and nobody takes it over before the end.
 * ERR_UNAVAILABLE: it is another's. Without a lease in ctx there is nothing to hold. */
MUST_CHECK bool scheduler_leases_confirm(struct ctx *ctx, struct error *err);

/* Gives it back at once. */
MUST_CHECK bool scheduler_leases_release(struct ctx *ctx, const char *name, const char *owner,
					 struct error *err);
