/* SPDX-License-Identifier: Apache-2.0 */
#include "store/scheduler_leases.h"

#include "store/db.h"

static const char TAKE[] = "INSERT INTO scheduler_lease AS l (name, owner, lease_until)"
			   " VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))"
			   " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner,"
			   " lease_until = excluded.lease_until,"
			   " fence = l.fence + CASE WHEN l.owner = excluded.owner THEN 0 ELSE 1 END"
			   " WHERE l.owner = excluded.owner OR l.lease_until < clock_timestamp()"
			   " RETURNING fence";
/* Whoever takes the lease over waits for our end; whether it has run out meanwhile does not matter. */
static const char CONFIRM[] = "SELECT FROM scheduler_lease"
			      " WHERE name = $1 AND owner = $2 AND fence = $3 FOR SHARE";
static const char RELEASE[] = "DELETE FROM scheduler_lease WHERE name = $1 AND owner = $2";

bool scheduler_leases_take(struct ctx *ctx, int lease_s, struct lease *lease, bool *held,
			   struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, TAKE,
		      DB_ARGS(db_text(lease->name), db_text(lease->owner), db_double(lease_s)),
		      &rows, err))
		return false;
	*held = rows.count > 0;
	if (*held)
		lease->fence = db_get_int(&rows, 0, 0);
	return true;
}

bool scheduler_leases_confirm(struct ctx *ctx, struct error *err)
{
	const struct lease *lease = ctx->lease;
	struct db_rows rows;

	if (lease == NULL)
		return true;
	if (!db_query(ctx->db, ctx->arena, CONFIRM,
		      DB_ARGS(db_text(lease->name), db_text(lease->owner), db_int(lease->fence)),
		      &rows, err))
		return false;
	return rows.count > 0 ||
	       error_set(err, ERR_UNAVAILABLE, "another replica does the timed work now");
}

bool scheduler_leases_release(struct ctx *ctx, const char *name, const char *owner,
			      struct error *err)
{
	return db_exec(ctx->db, RELEASE, DB_ARGS(db_text(name), db_text(owner)), NULL, err);
}
