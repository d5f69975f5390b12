/* SPDX-License-Identifier: Apache-2.0 */
/* BEGIN, COMMIT and what lies between; see db.h for the promises. */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/crypto.h"
#include "store/db_internal.h"

enum { RETRY_WAIT_US = 5000 };

bool db_in_transaction(const struct db *db)
{
	return db->depth > 0;
}

static void rollback(struct db *db)
{
	struct error ignored;

	/* A lost connection has rolled back already; the next statement outside reconnects. */
	if (PQstatus(db->connection) == CONNECTION_OK)
		(void)!db_command(db, "ROLLBACK", &ignored);
}

static bool commit(struct db *db, struct error *err)
{
	db->commit_uncertain = false;
	CLEANUP(db_result_cleanup) PGresult *result = PQexec(db->connection, "COMMIT");

	if (!result || PQresultStatus(result) != PGRES_COMMAND_OK) {
		if (PQstatus(db->connection) != CONNECTION_OK)
			return error_set(err, ERR_UNAVAILABLE,
					 "connection to the database was lost while committing");
		return db_failed(db, result, err);
	}
	/* An aborted transaction answers COMMIT with success and the tag ROLLBACK. */
	if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
		return error_set(err, ERR_INTERNAL, "transaction was rolled back by the database");
	if (db->commit_uncertain)
		return error_set(err, ERR_UNAVAILABLE, "a replica did not confirm the commit");
	return true;
}

static bool attempt_once(struct ctx *ctx, db_transaction_fn fn, void *arg, struct error *err)
{
	struct db *db = ctx->db;

	db->doomed = false;
	db->retry = false;
	if (!db_ensure(db, err) || !db_command(db, "BEGIN", err))
		return false;
	db->depth = 1;
	bool done = fn(ctx, arg, err);
	if (done && db->doomed)
		done = error_set(err, ERR_INTERNAL,
				 "a part of the transaction failed and was ignored");
	if (done)
		done = commit(db, err);
	else
		rollback(db);
	db->depth = 0;
	return done;
}

/* Doubles, with jitter, so that two rivals do not meet again. */
static void wait_before_retry(int attempt)
{
	uint64_t wait_us = random_below((uint64_t)RETRY_WAIT_US << attempt);
	struct timespec wait = {.tv_nsec = (long)wait_us * 1000};

	nanosleep(&wait, NULL);
}

static bool join(struct ctx *ctx, db_transaction_fn fn, void *arg, struct error *err)
{
	ctx->db->depth++;
	bool done = fn(ctx, arg, err);
	ctx->db->depth--;
	if (!done)
		ctx->db->doomed = true;
	return done;
}

bool db_transaction(struct ctx *ctx, db_transaction_fn fn, void *arg, struct error *err)
{
	if (ctx->db->depth)
		return join(ctx, fn, arg, err);
	for (int attempt = 1;; attempt++) {
		if (attempt_once(ctx, fn, arg, err))
			return true;
		if (!ctx->db->retry || attempt == DB_TRANSACTION_ATTEMPTS)
			return false;
		wait_before_retry(attempt);
		error_clear(err);
	}
}

bool db_savepoint(struct ctx *ctx, db_transaction_fn fn, void *arg, struct error *err)
{
	struct db *db = ctx->db;
	struct error ignored;

	assert(db->depth > 0);
	if (!db_command(db, "SAVEPOINT part", err))
		return false;
	bool doomed = db->doomed;
	if (join(ctx, fn, arg, err))
		return db_command(db, "RELEASE part", err);
	if (db_command(db, "ROLLBACK TO part", &ignored) &&
	    db_command(db, "RELEASE part", &ignored) && !db->retry)
		db->doomed = doomed;
	return false;
}
