/* SPDX-License-Identifier: Apache-2.0 */
/* Deletes old rows of the tables that only grow, over all projects, in bounded batches. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

enum retention_table {
	RETENTION_CHANGE_FEED,
	RETENTION_NODE_EVENT,
	RETENTION_DELIVERY,
	RETENTION_ALERT,
	RETENTION_IDEMPOTENCY,
	RETENTION_SESSION,
	RETENTION_PLAN,
	RETENTION_SELECTION,
	RETENTION_COUNT,
};

/* Deletes at most limit rows that are older than before; deleted says how many. */
MUST_CHECK bool retention_delete(struct ctx *ctx, enum retention_table table, usec_t before,
				 int64_t limit, int64_t *deleted, struct error *err);
