/* SPDX-License-Identifier: Apache-2.0 */
#include "scheduler/retention.h"

#include "base/clock.h"
#include "domain/package/packages.h"
#include "store/history.h"
#include "store/retention.h"

/* Rows per table and turn: bounds the time that one statement takes. */
enum { BATCH = 10000 };

/* As far back as "the fleet as it was then" goes; what is in force is kept for ever. */
#define HISTORY_KEEP (365 * USEC_PER_DAY)

static const usec_t KEEP[RETENTION_COUNT] = {
	[RETENTION_CHANGE_FEED] = USEC_PER_HOUR,
	[RETENTION_NODE_EVENT] = 90 * USEC_PER_DAY,
	[RETENTION_DELIVERY] = 30 * USEC_PER_DAY,
	[RETENTION_ALERT] = 365 * USEC_PER_DAY,
	[RETENTION_IDEMPOTENCY] = USEC_PER_DAY,
	[RETENTION_SESSION] = 0,
	[RETENTION_PLAN] = 0,
	[RETENTION_SELECTION] = 0,
};

bool retention_run(struct ctx *ctx, bool *busy, struct error *err)
{
	*busy = false;
	for (int table = 0; table < RETENTION_COUNT; table++) {
		int64_t deleted;
		if (!retention_delete(ctx, (enum retention_table)table, ctx->now - KEEP[table],
				      BATCH, &deleted, err))
			return false;
		*busy |= deleted == BATCH;
	}
	int64_t forgotten;
	if (!history_forget(ctx, ctx->now - HISTORY_KEEP, BATCH, &forgotten, err))
		return false;
	*busy |= forgotten == BATCH;
	/* Not a plain table: each upload has a file. */
	return uploads_expire(ctx, err);
}
