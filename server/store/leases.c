/* SPDX-License-Identifier: Apache-2.0 */
#include "store/leases.h"

#include "base/arena.h"
#include "protocol/topics.h"
#include "store/db.h"

static const char LEASES_PRESENT[] =
	"INSERT INTO scheduler_lease AS l (name, owner, lease_until)"
	" VALUES ('replica/' || $1::text, $1, now() + make_interval(secs => $2))"
	" ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until";

static const char LEASES_FORGET_DEAD[] = "DELETE FROM scheduler_lease WHERE name LIKE 'replica/%'"
					 " AND lease_until < now() - interval '1 hour'";

static const char LEASES_COUNT[] =
	"SELECT count(*) FROM scheduler_lease WHERE name LIKE 'replica/%' AND lease_until > now()";

/* The surplus over the fair part ends now; whoever has less takes it at its next turn. */
static const char LEASES_YIELD[] =
	"UPDATE shard_lease SET lease_until = now() WHERE shard IN ("
	" SELECT shard FROM shard_lease WHERE owner = $1 AND lease_until > now()"
	" ORDER BY shard OFFSET $2)";

static const char LEASES_PROLONG[] =
	"UPDATE shard_lease SET lease_until = now() + make_interval(secs => $2),"
	" listening_since = CASE WHEN $3::json->>(shard % json_array_length($3::json)) IS NOT NULL"
	" THEN greatest(($3::json->>(shard % json_array_length($3::json)))::timestamptz, taken_at) END"
	" WHERE owner = $1 AND lease_until > now()";

static const char LEASES_TAKE[] =
	"INSERT INTO shard_lease AS l (shard, owner, lease_until)"
	" SELECT shard, $1, now() + make_interval(secs => $2) FROM generate_series(0, $4 - 1) AS g (shard)"
	" WHERE NOT EXISTS (SELECT FROM shard_lease h WHERE h.shard = g.shard AND h.lease_until > now())"
	" ORDER BY shard LIMIT greatest($3 - (SELECT count(*) FROM shard_lease"
	"  WHERE owner = $1 AND lease_until > now()), 0)"
	" ON CONFLICT (shard) DO UPDATE SET owner = excluded.owner,"
	" lease_until = excluded.lease_until, taken_at = now(), listening_since = NULL,"
	" fence = l.fence + (l.owner <> excluded.owner)::int"
	" WHERE l.lease_until <= now()";

static const char LEASES_HELD[] =
	"SELECT shard FROM shard_lease WHERE owner = $1 AND lease_until > now()";

static const char LEASES_HOLD[] =
	"SELECT shard FROM shard_lease WHERE owner = $1 AND lease_until > clock_timestamp()"
	" AND ($2::bigint >> shard) & 1 = 1 ORDER BY shard FOR SHARE";

static const char LEASES_BLOCK[] = "SELECT shard FROM shard_lease"
				   " WHERE ($1::bigint >> shard) & 1 = 1 ORDER BY shard FOR UPDATE";

static const char LEASES_RELEASE[] =
	"UPDATE shard_lease SET lease_until = now() WHERE owner = $1 AND lease_until > now()";

static const char LEASES_ABSENT[] =
	"DELETE FROM scheduler_lease WHERE name = 'replica/' || $1::text";

struct renewal {
	const char *owner;
	int lease_s;
	json_t *listening_since; /* an array: text or null for each broker */
	uint64_t shards;
};

static uint64_t shard_bits(const struct db_rows *rows)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < rows->count; i++)
		bits |= UINT64_C(1) << db_get_int(rows, i, 0);
	return bits;
}

static bool renew(struct ctx *ctx, void *arg, struct error *err)
{
	struct renewal *renewal = arg;
	struct db_value owner = db_text(renewal->owner), lease_s = db_int(renewal->lease_s);
	struct db_rows rows;

	if (!db_exec(ctx->db, LEASES_PRESENT, DB_ARGS(owner, lease_s), NULL, err) ||
	    !db_exec(ctx->db, LEASES_FORGET_DEAD, DB_NO_ARGS, NULL, err) ||
	    !db_query(ctx->db, ctx->arena, LEASES_COUNT, DB_NO_ARGS, &rows, err))
		return false;
	int64_t replicas = db_get_int(&rows, 0, 0) > 0 ? db_get_int(&rows, 0, 0) : 1;
	struct db_value part = db_int((SHARD_COUNT + replicas - 1) / replicas);
	if (!db_exec(ctx->db, LEASES_YIELD, DB_ARGS(owner, part), NULL, err) ||
	    !db_exec(ctx->db, LEASES_PROLONG,
		     DB_ARGS(owner, lease_s, db_json(renewal->listening_since)), NULL, err) ||
	    !db_exec(ctx->db, LEASES_TAKE, DB_ARGS(owner, lease_s, part, db_int(SHARD_COUNT)), NULL,
		     err) ||
	    !db_query(ctx->db, ctx->arena, LEASES_HELD, DB_ARGS(owner), &rows, err))
		return false;
	renewal->shards = shard_bits(&rows);
	return true;
}

bool leases_renew(struct ctx *ctx, const char *owner, int lease_s, const usec_t *listening_since,
		  size_t brokers, uint64_t *shards, struct error *err)
{
	json_auto_t *since = json_array();
	struct renewal renewal = {
		.owner = owner,
		.lease_s = lease_s,
		.listening_since = since,
	};
	char text[TIME_TEXT_SIZE];

	for (size_t i = 0; i < brokers; i++) {
		time_format(listening_since[i], text);
		json_array_append_new(since,
				      listening_since[i] == 0 ? json_null() : json_string(text));
	}

	if (!db_transaction(ctx, renew, &renewal, err))
		return false;
	*shards = renewal.shards;
	return true;
}

static bool release(struct ctx *ctx, void *arg, struct error *err)
{
	struct db_value owner = db_text(arg);

	return db_exec(ctx->db, LEASES_RELEASE, DB_ARGS(owner), NULL, err) &&
	       db_exec(ctx->db, LEASES_ABSENT, DB_ARGS(owner), NULL, err);
}

bool leases_release(struct ctx *ctx, const char *owner, struct error *err)
{
	return db_transaction(ctx, release, arena_strdup(ctx->arena, owner), err);
}

bool leases_hold(struct ctx *ctx, const char *owner, uint64_t shards, uint64_t *held,
		 struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, LEASES_HOLD,
		      DB_ARGS(db_text(owner), db_int((int64_t)shards)), &rows, err))
		return false;
	*held = shard_bits(&rows);
	return true;
}

bool leases_block(struct ctx *ctx, uint64_t shards, uint64_t *held, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, LEASES_BLOCK, DB_ARGS(db_int((int64_t)shards)), &rows,
		      err))
		return false;
	/* A shard without a row has nobody who could write at the same time. */
	*held = shards;
	return true;
}
