/* SPDX-License-Identifier: Apache-2.0 */
#include "store/scheduler_leases.h"

#include "store/db.h"

static const char TAKE[] = "INSERT INTO scheduler_lease AS l (name, owner, lease_until)"
			   " VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))"
			   " ON CONFLICT (name) DO UPDATE SET owner = excluded.owner,"
			   " lease_until = excluded.lease_until,"
			   " fence = l.fence + CASE WHEN l.owner = excluded.owner THEN 0 ELSE 1 END"
			   " WHERE l.owner = excluded.owner OR l.lease_until < clock_timestamp()";
static const char RELEASE[] = "DELETE FROM scheduler_lease WHERE name = $1 AND owner = $2";

bool scheduler_leases_take(struct ctx *ctx, const char *name, const char *owner, int lease_s,
			   bool *held, struct error *err)
{
	int64_t taken;

	if (!db_exec(ctx->db, TAKE, DB_ARGS(db_text(name), db_text(owner), db_double(lease_s)),
		     &taken, err))
		return false;
	*held = taken > 0;
	return true;
}

bool scheduler_leases_release(struct ctx *ctx, const char *name, const char *owner,
			      struct error *err)
{
	return db_exec(ctx->db, RELEASE, DB_ARGS(db_text(name), db_text(owner)), NULL, err);
}
