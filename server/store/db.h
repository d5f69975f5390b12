/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to PostgreSQL. Each worker thread owns one; a struct db is never shared between
 * threads, and never used after a fork.
 *
 * SQL is a string literal with static storage ("static const char NODES_GET[]"): its address is the
 * identity under which the statement is prepared once per connection. Values travel as $n
 * parameters only. Rows are copied into the caller's arena, so there is nothing to free.
 *
 * A lost connection is made again before the next statement outside a transaction; what was under
 * way fails with ERR_UNAVAILABLE. SQLSTATE decides the error code (sqlstate.c), never a text.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct arena;
struct db;
struct field;

/* --- life of a connection --- */

/*
 * Connects. conninfo is libpq's keyword string or URI, application_name what pg_stat_activity
 * shows. Sets UTC, statement, lock and idle-in-transaction timeouts and TCP keepalives.
 * Errors: UNAVAILABLE (text says why and never holds a password), INVALID (conninfo).
 */
MUST_CHECK bool db_open(const char *conninfo, const char *application_name, struct db **out,
			struct error *err);
void db_close(struct db *db); /* accepts NULL */

/* One round trip, reconnecting if need be: what /readyz asks. */
MUST_CHECK bool db_check(struct db *db, struct error *err);

/* May be called from another thread: asks the server to cancel the statement that runs now. */
void db_cancel(struct db *db);

/* --- parameters --- */

enum db_value_type {
	DB_VALUE_NULL,
	DB_VALUE_TEXT,
	DB_VALUE_INT,
	DB_VALUE_DOUBLE,
	DB_VALUE_BOOL,
	DB_VALUE_TIME,
	DB_VALUE_BYTES,
	DB_VALUE_JSON,
	DB_VALUE_TEXT_ARRAY,
	DB_VALUE_INT_ARRAY,
};

/* Made by the functions below; borrows what it points at until the call returns. */
struct db_value {
	enum db_value_type type;
	size_t size; /* bytes of BYTES, elements of arrays */
	union {
		const char *text;
		int64_t integer;
		double real;
		const void *bytes;
		const json_t *json;
		const char *const *texts;
		const int64_t *integers;
	};
};

struct db_args {
	size_t count;
	const struct db_value *values;
};

/* DB_ARGS(db_text(id), db_int(limit)): the values of $1, $2, ... */
#define DB_ARGS(...)                                                              \
	(&(const struct db_args){sizeof((const struct db_value[]){__VA_ARGS__}) / \
					 sizeof(struct db_value),                 \
				 (const struct db_value[]){__VA_ARGS__}})
#define DB_NO_ARGS NULL

struct db_value db_null(void);
struct db_value db_text(const char *text); /* NULL is SQL NULL */
struct db_value db_int(int64_t value);
struct db_value db_double(double value);
struct db_value db_bool(bool value);
struct db_value db_time(usec_t at); /* 0 is SQL NULL */
struct db_value db_bytes(const void *bytes, size_t size_bytes);
struct db_value db_json(const json_t *json);			  /* borrowed; NULL is SQL NULL */
struct db_value db_texts(const char *const *texts, size_t count); /* text[] */
struct db_value db_ints(const int64_t *values, size_t count); /* bigint[], integer[], smallint[] */

/* --- statements --- */

/* One value of a row: NULL text is SQL NULL. bytea is decoded already. */
struct db_cell {
	const char *text; /* ends with a zero byte that length does not count */
	size_t length;
};

/* Rows of a result, copied into the arena that the query was given. */
struct db_rows {
	size_t count;
	size_t column_count;
	const char *const *columns;  /* names */
	const struct db_cell *cells; /* row by row */
};

/* Runs one statement that returns rows. */
MUST_CHECK bool db_query(struct db *db, struct arena *arena, const char *sql,
			 const struct db_args *args, struct db_rows *out, struct error *err);

/* Runs one statement for its effect; affected (may be NULL) gets the number of rows touched. */
MUST_CHECK bool db_exec(struct db *db, const char *sql, const struct db_args *args,
			int64_t *affected, struct error *err);

/*
 * Many rows at once: sql is "COPY table (columns) FROM STDIN (FORMAT binary)", constant as above. Between
 * begin and end no other statement may run. put takes rows in PostgreSQL's binary form, cut anywhere; what
 * goes wrong on the way is told by end, which then has written nothing.
 */
MUST_CHECK bool db_copy_begin(struct db *db, const char *sql, struct error *err);
void db_copy_put(struct db *db, const void *data, size_t size_bytes);
MUST_CHECK bool db_copy_end(struct db *db, struct error *err);

/* By row and column number. A NULL reads as NULL, 0, false. Wrong numbers are a programming error. */
bool db_get_null(const struct db_rows *rows, size_t row, size_t column);
const char *db_get_text(const struct db_rows *rows, size_t row, size_t column);
int64_t db_get_int(const struct db_rows *rows, size_t row, size_t column);
double db_get_double(const struct db_rows *rows, size_t row, size_t column);
bool db_get_bool(const struct db_rows *rows, size_t row, size_t column);
usec_t db_get_time(const struct db_rows *rows, size_t row, size_t column);
/* bytea; size_bytes gets its length. */
const void *db_get_bytes(const struct db_rows *rows, size_t row, size_t column, size_t *size_bytes);
/* A new reference that the caller owns (json_auto_t or steals it), NULL for SQL NULL. */
json_t *db_get_json(const struct db_rows *rows, size_t row, size_t column);

/*
 * Fills a struct from one row by field table (ends with FIELD_END): each field whose name is a column
 * of the result is read with the field's type, fields without a column are left alone, columns
 * without a field are ignored. text[] columns are to be selected as to_json(column).
 */
MUST_CHECK bool db_scan(const struct db_rows *rows, size_t row, struct arena *arena,
			const struct field *fields, void *out, struct error *err);

/* Whether the last statement that failed on this connection broke this named constraint. */
bool db_violated(const struct db *db, const char *constraint);

/* --- transactions --- */

typedef bool (*db_transaction_fn)(struct ctx *ctx, void *arg, struct error *err);

/*
 * Runs fn between BEGIN and COMMIT (read committed); false from fn rolls back. Serialization
 * failures and deadlocks run fn again, at most DB_TRANSACTION_ATTEMPTS times, so fn must have no
 * effect outside the database but on *arg and the arena. Inside a transaction it joins that one, and
 * a failure dooms the whole. A connection that is lost during COMMIT gives UNAVAILABLE with unknown
 * outcome: every write must stand being done twice.
 */
enum { DB_TRANSACTION_ATTEMPTS = 6 };
MUST_CHECK bool db_transaction(struct ctx *ctx, db_transaction_fn fn, void *arg, struct error *err);

/*
 * Only inside a transaction: runs fn under a savepoint; if it fails, its changes alone are undone
 * and the transaction goes on. For batches in which one bad message must not spoil the others.
 */
MUST_CHECK bool db_savepoint(struct ctx *ctx, db_transaction_fn fn, void *arg, struct error *err);

bool db_in_transaction(const struct db *db);

/* --- wake-ups --- */

/* Wakes the listeners of a channel when the transaction commits. Channels are constants below. */
#define DB_CHANNEL_OUTBOX "muster_outbox"
#define DB_CHANNEL_SCHEDULER "muster_scheduler"
#define DB_CHANNEL_CHANGES "muster_changes"
#define DB_CHANNEL_WEBHOOKS "muster_webhooks"
MUST_CHECK bool db_notify(struct db *db, const char *channel, struct error *err);

/* Subscribes this connection, again by itself after each reconnect. channel: a constant above. */
MUST_CHECK bool db_listen(struct db *db, const char *channel, struct error *err);

/*
 * Waits until a notification comes, wake_fd (-1: none) becomes readable or timeout_ms have passed,
 * whichever is first. notified is true also after a reconnect, since something may have been missed.
 * UNAVAILABLE comes only after the time has passed, so a loop around it does not spin.
 */
MUST_CHECK bool db_wait(struct db *db, int wake_fd, int timeout_ms, bool *notified,
			struct error *err);
