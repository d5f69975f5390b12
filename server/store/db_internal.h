/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the connection share: db.c (connecting, statements), db_values.c (parameters and
 * rows), db_transaction.c, db_listen.c. Nobody else includes this.
 */
#pragma once

#include <libpq-fe.h>
#include <pthread.h>

#include "store/db.h"

enum {
	DB_CHANNELS_MAX = 4,
	DB_STATEMENTS_MAX = 1024, /* a power of two; far more than there are statements */
	DB_ARGS_MAX = 48,
	DB_NAME_MAX = 64,
};

struct db {
	PGconn *connection;
	struct arena *scratch; /* texts of parameters, for one statement */
	const char *prepared[DB_STATEMENTS_MAX];
	const char *channels[DB_CHANNELS_MAX];
	size_t channel_count;
	int depth;	       /* 0 outside a transaction */
	bool doomed;	       /* a part of the transaction failed: it must not commit */
	bool retry;	       /* it failed by serialization or deadlock */
	bool commit_uncertain; /* a warning came instead of a replica's confirmation */
	bool reconnected;      /* since the last db_wait */
	char sqlstate[6];
	char constraint[DB_NAME_MAX];
	pthread_mutex_t cancel_mutex;
	PGcancel *cancel;
};

/* The parameters in the form that libpq wants; texts live in the scratch arena. */
struct db_wire {
	int count;
	const char *values[DB_ARGS_MAX];
	int lengths[DB_ARGS_MAX];
	int formats[DB_ARGS_MAX];
};

void db_wire_encode(struct arena *arena, const struct db_args *args, struct db_wire *out);
void db_rows_copy(const PGresult *result, struct arena *arena, struct db_rows *out);

/* Makes sure that there is a connection; never reconnects inside a transaction. */
MUST_CHECK bool db_ensure(struct db *db, struct error *err);

/* A constant statement without parameters or rows, in the simple protocol. */
MUST_CHECK bool db_command(struct db *db, const char *sql, struct error *err);

/* Several statements in one text: migrations. */
MUST_CHECK bool db_script(struct db *db, const char *sql, struct error *err);

/* Describes a failed result (NULL: no answer) and remembers its SQLSTATE. Returns false. */
bool db_failed(struct db *db, const PGresult *result, struct error *err);

void db_result_cleanup(PGresult **result);
