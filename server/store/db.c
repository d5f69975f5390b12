/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "store/db_internal.h"
#include "store/sqlstate.h"

/*
 * In one round trip after each connect rather than in the "options" of the connection string, which
 * poolers refuse. Statements are short here: compiling them costs more than it gains.
 */
static const char SESSION_SETUP[] = "SET timezone TO 'UTC'; SET datestyle TO 'ISO, MDY';"
				    " SET bytea_output TO 'hex'; SET jit TO off;"
				    " SET client_encoding TO 'UTF8';"
				    " SET statement_timeout TO '15s'; SET lock_timeout TO '5s';"
				    " SET idle_in_transaction_session_timeout TO '60s'";

/* Same order as DB_CHANNEL_*; LISTEN takes no parameters. */
static const struct db_channel {
	const char *name;
	const char *listen;
} CHANNELS[] = {
	{DB_CHANNEL_OUTBOX, "LISTEN muster_outbox"},
	{DB_CHANNEL_SCHEDULER, "LISTEN muster_scheduler"},
	{DB_CHANNEL_CHANGES, "LISTEN muster_changes"},
	{DB_CHANNEL_WEBHOOKS, "LISTEN muster_webhooks"},
};

enum { BYTEA_TYPE = 17 };

void db_result_cleanup(PGresult **result)
{
	PQclear(*result);
}

/* The first line of libpq's text: the rest repeats it for each address. */
static int first_line(const char *text)
{
	return (int)strcspn(text, "\n");
}

/* NULL becomes "", what is too long is cut. */
static void copy_text(char *out, size_t size, const char *text)
{
	size_t length = text ? strnlen(text, size - 1) : 0;

	memcpy(out, text ? text : "", length);
	out[length] = '\0';
}

bool db_failed(struct db *db, const PGresult *result, struct error *err)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char *constraint =
		result ? PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) : NULL;

	if (!text)
		text = PQerrorMessage(db->connection);
	copy_text(db->sqlstate, sizeof(db->sqlstate), state);
	copy_text(db->constraint, sizeof(db->constraint), constraint);
	if (db->depth)
		db->doomed = true;
	if (sqlstate_retryable(state))
		db->retry = true;
	if (state && strcmp(state, "53100") == 0)
		return error_set(err, ERR_UNAVAILABLE,
				 "the disk of the database is full; make room there and try again");
	return error_set(err, sqlstate_code(state), "database: %.*s", first_line(text), text);
}

bool db_violated(const struct db *db, const char *constraint)
{
	return strcmp(db->constraint, constraint) == 0;
}

static void on_notice(void *arg, const PGresult *result)
{
	struct db *db = arg;
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	/* "canceling wait for synchronous replication": committed here, perhaps not there. */
	if (state && strcmp(state, "01000") == 0)
		db->commit_uncertain = true;
}

static void cancel_renew(struct db *db)
{
	pthread_mutex_lock(&db->cancel_mutex);
	PQfreeCancel(db->cancel);
	db->cancel = PQgetCancel(db->connection);
	pthread_mutex_unlock(&db->cancel_mutex);
}

void db_cancel(struct db *db)
{
	char text[256];

	pthread_mutex_lock(&db->cancel_mutex);
	if (db->cancel)
		PQcancel(db->cancel, text, sizeof(text));
	pthread_mutex_unlock(&db->cancel_mutex);
}

bool db_script(struct db *db, const char *sql, struct error *err)
{
	CLEANUP(db_result_cleanup) PGresult *result = PQexec(db->connection, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		return db_failed(db, result, err);
	return true;
}

bool db_command(struct db *db, const char *sql, struct error *err)
{
	return db_script(db, sql, err);
}

/* What a new session needs before its first statement. */
static bool session_begin(struct db *db, struct error *err)
{
	memset(db->prepared, 0, sizeof(db->prepared));
	PQsetNoticeReceiver(db->connection, on_notice, db);
	if (PQstatus(db->connection) != CONNECTION_OK) {
		const char *text = PQerrorMessage(db->connection);

		return error_set(err, ERR_UNAVAILABLE, "could not connect to the database: %.*s",
				 first_line(text), text);
	}
	cancel_renew(db);
	if (!db_script(db, SESSION_SETUP, err))
		return false;
	for (size_t i = 0; i < db->channel_count; i++)
		if (!db_script(db, db->channels[i], err))
			return false;
	db->reconnected = true;
	return true;
}

bool db_open(const char *conninfo, const char *application_name, struct db **out, struct error *err)
{
	/* Later values win, so what the connection string says comes after our defaults. */
	const char *const keywords[] = {
		"connect_timeout",
		"keepalives_idle",
		"keepalives_interval",
		"keepalives_count",
		"tcp_user_timeout",
		"application_name",
		"dbname",
		NULL,
	};
	const char *const values[] = {
		"5", "30", "10", "3", "15000", application_name, conninfo, NULL,
	};
	char *text = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &text);

	if (!options) {
		bool failed = error_set(err, ERR_INVALID, "connection string: %.*s",
					text ? first_line(text) : 0, text ? text : "");
		PQfreemem(text);
		return failed;
	}
	PQconninfoFree(options);
	struct db *db = xcalloc(1, sizeof(*db));
	pthread_mutex_init(&db->cancel_mutex, NULL);
	db->scratch = arena_new();
	db->connection = PQconnectdbParams(keywords, values, 1);
	if (!db->connection || !session_begin(db, err)) {
		db_close(db);
		return false;
	}
	db->reconnected = false;
	*out = db;
	return true;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	PQfreeCancel(db->cancel);
	PQfinish(db->connection);
	arena_free(db->scratch);
	pthread_mutex_destroy(&db->cancel_mutex);
	free(db);
}

/* libpq notices a closed connection only when it reads, so look before something is sent. */
static bool connection_lost(struct db *db)
{
	struct pollfd entry = {.fd = PQsocket(db->connection), .events = POLLIN};

	if (PQstatus(db->connection) != CONNECTION_OK)
		return true;
	if (poll(&entry, 1, 0) <= 0)
		return false;
	return !PQconsumeInput(db->connection) || PQstatus(db->connection) != CONNECTION_OK;
}

bool db_ensure(struct db *db, struct error *err)
{
	if (db->depth) {
		if (PQstatus(db->connection) == CONNECTION_OK)
			return true;
		db->doomed = true;
		return error_set(err, ERR_UNAVAILABLE,
				 "connection to the database was lost in a transaction");
	}
	if (!connection_lost(db))
		return true;
	PQreset(db->connection);
	return session_begin(db, err);
}

bool db_check(struct db *db, struct error *err)
{
	return db_ensure(db, err) && db_command(db, "SELECT 1", err);
}

/* The slot of a statement; its address is its identity. */
static size_t statement_slot(const struct db *db, const char *sql)
{
	size_t slot = ((uintptr_t)sql >> 4) * 2654435761u % DB_STATEMENTS_MAX;

	while (db->prepared[slot] && db->prepared[slot] != sql)
		slot = (slot + 1) % DB_STATEMENTS_MAX;
	return slot;
}

static bool prepare(struct db *db, const char *sql, const char **name, struct error *err)
{
	size_t slot = statement_slot(db, sql);

	*name = arena_printf(db->scratch, "muster_%zu", slot);
	if (db->prepared[slot])
		return true;
	CLEANUP(db_result_cleanup)
	PGresult *result = PQprepare(db->connection, *name, sql, 0, NULL);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return db_failed(db, result, err);
	db->prepared[slot] = sql;
	return true;
}

static bool statement_run(struct db *db, const char *sql, const struct db_args *args,
			  PGresult **out, struct error *err)
{
	struct db_wire wire;
	const char *name;

	arena_reset(db->scratch);
	db->constraint[0] = '\0';
	if (!db_ensure(db, err) || !prepare(db, sql, &name, err))
		return false;
	db_wire_encode(db->scratch, args, &wire);
	CLEANUP(db_result_cleanup)
	PGresult *result = PQexecPrepared(db->connection, name, wire.count, wire.values,
					  wire.lengths, wire.formats, 0);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		return db_failed(db, result, err);
	*out = result;
	result = NULL;
	return true;
}

bool db_query(struct db *db, struct arena *arena, const char *sql, const struct db_args *args,
	      struct db_rows *out, struct error *err)
{
	CLEANUP(db_result_cleanup) PGresult *result = NULL;

	if (!statement_run(db, sql, args, &result, err))
		return false;
	db_rows_copy(result, arena, out);
	return true;
}

bool db_exec(struct db *db, const char *sql, const struct db_args *args, int64_t *affected,
	     struct error *err)
{
	CLEANUP(db_result_cleanup) PGresult *result = NULL;

	if (!statement_run(db, sql, args, &result, err))
		return false;
	if (affected)
		*affected = strtoll(PQcmdTuples(result), NULL, 10);
	return true;
}

void db_rows_copy(const PGresult *result, struct arena *arena, struct db_rows *out)
{
	size_t rows = (size_t)PQntuples(result), columns = (size_t)PQnfields(result);
	const char **names = arena_array(arena, columns, sizeof(*names));
	struct db_cell *cells = arena_array(arena, rows * columns, sizeof(*cells));

	for (size_t column = 0; column < columns; column++)
		names[column] = arena_strdup(arena, PQfname(result, (int)column));
	for (size_t i = 0; i < rows * columns; i++) {
		int row = (int)(i / columns), column = (int)(i % columns);

		if (PQgetisnull(result, row, column))
			continue;
		const char *text = PQgetvalue(result, row, column);
		if (PQftype(result, column) == BYTEA_TYPE) {
			/* PQunescapeBytea takes a mutable-looking type for read-only text. */
			unsigned char *bytes =
				PQunescapeBytea((const unsigned char *)text, &cells[i].length);
			cells[i].text = arena_memdup(arena, bytes, cells[i].length);
			PQfreemem(bytes);
		} else {
			cells[i].length = (size_t)PQgetlength(result, row, column);
			cells[i].text = arena_memdup(arena, text, cells[i].length);
		}
	}
	*out = (struct db_rows){rows, columns, names, cells};
}

bool db_listen(struct db *db, const char *channel, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(CHANNELS); i++) {
		if (strcmp(CHANNELS[i].name, channel) != 0)
			continue;
		if (db->channel_count == DB_CHANNELS_MAX)
			return error_set(err, ERR_INTERNAL, "too many channels on one connection");
		if (!db_ensure(db, err) || !db_command(db, CHANNELS[i].listen, err))
			return false;
		db->channels[db->channel_count++] = CHANNELS[i].listen;
		return true;
	}
	return error_set(err, ERR_INTERNAL, "channel %s is not known", channel);
}
