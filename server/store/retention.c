/* SPDX-License-Identifier: Apache-2.0 */
#include "store/retention.h"

#include <assert.h>

#include "store/db.h"

static const char CHANGE_FEED[] =
	"DELETE FROM change_feed WHERE id IN (SELECT id FROM change_feed WHERE at < $1"
	" ORDER BY at LIMIT $2)";
static const char NODE_EVENT[] =
	"DELETE FROM node_event WHERE id IN (SELECT id FROM node_event WHERE received_at < $1"
	" ORDER BY received_at LIMIT $2)";
static const char DELIVERY[] =
	"DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE state <> 'pending'"
	" AND created_at < $1 LIMIT $2)";
static const char ALERT[] =
	"DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE state = 'resolved'"
	" AND resolved_at < $1 LIMIT $2)";
static const char IDEMPOTENCY[] =
	"DELETE FROM idempotency WHERE ctid IN (SELECT ctid FROM idempotency"
	" WHERE created_at < $1 LIMIT $2)";
static const char SESSION[] =
	"DELETE FROM session WHERE token_hash IN (SELECT token_hash FROM session"
	" WHERE expires_at < $1 LIMIT $2)";
static const char PLAN[] =
	"DELETE FROM rollout_plan WHERE (project_id, hash) IN (SELECT project_id, hash"
	" FROM rollout_plan WHERE expires_at < $1 LIMIT $2)";
static const char SELECTION[] =
	"DELETE FROM selection WHERE id IN (SELECT id FROM selection WHERE expires_at < $1 LIMIT $2)";

static const char *const STATEMENTS[RETENTION_COUNT] = {
	[RETENTION_CHANGE_FEED] = CHANGE_FEED,
	[RETENTION_NODE_EVENT] = NODE_EVENT,
	[RETENTION_DELIVERY] = DELIVERY,
	[RETENTION_ALERT] = ALERT,
	[RETENTION_IDEMPOTENCY] = IDEMPOTENCY,
	[RETENTION_SESSION] = SESSION,
	[RETENTION_PLAN] = PLAN,
	[RETENTION_SELECTION] = SELECTION,
};

bool retention_delete(struct ctx *ctx, enum retention_table table, usec_t before, int64_t limit,
		      int64_t *deleted, struct error *err)
{
	assert(table < RETENTION_COUNT);
	return db_exec(ctx->db, STATEMENTS[table], DB_ARGS(db_time(before), db_int(limit)), deleted,
		       err);
}
