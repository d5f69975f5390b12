/* SPDX-License-Identifier: Apache-2.0 */
#include "store/counts.h"

#include "base/arena.h"
#include "store/db.h"

/* So many rows are summed up in less time than folding them takes. */
static const char COUNTS_FOLD[] = "SELECT counts_fold() WHERE (SELECT count(*) FROM node_count)"
				  " + (SELECT count(*) FROM package_count) > 500";

bool counts_fold(struct ctx *ctx, struct error *err)
{
	struct db_rows rows;

	return db_query(ctx->db, ctx->arena, COUNTS_FOLD, DB_NO_ARGS, &rows, err);
}
