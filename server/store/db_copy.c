/* SPDX-License-Identifier: Apache-2.0 */
/* COPY: rows in PostgreSQL's binary form, many times faster than statements. */
#include "store/db_internal.h"

static const char SIGNATURE[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
static const char TRAILER[] = "\377\377";

enum { SIGNATURE_SIZE = 19, TRAILER_SIZE = 2 };

bool db_copy_begin(struct db *db, const char *sql, struct error *err)
{
	if (!db_ensure(db, err))
		return false;
	CLEANUP(db_result_cleanup) PGresult *result = PQexec(db->connection, sql);

	if (PQresultStatus(result) != PGRES_COPY_IN)
		return db_failed(db, result, err);
	/* What goes wrong here is told by db_copy_end. */
	db_copy_put(db, SIGNATURE, SIGNATURE_SIZE);
	return true;
}

void db_copy_put(struct db *db, const void *data, size_t size_bytes)
{
	if (PQputCopyData(db->connection, data, (int)size_bytes) != 1)
		db->doomed = true;
}

bool db_copy_end(struct db *db, struct error *err)
{
	db_copy_put(db, TRAILER, TRAILER_SIZE);
	(void)PQputCopyEnd(db->connection, NULL);
	CLEANUP(db_result_cleanup) PGresult *result = PQgetResult(db->connection);
	CLEANUP(db_result_cleanup) PGresult *end = PQgetResult(db->connection);

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return db_failed(db, result, err);
	return true;
}
