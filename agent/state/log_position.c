/* SPDX-License-Identifier: Apache-2.0 */
#include "state/log_position.h"

#include "state/sql.h"

bool log_position_find(struct state *state, const char *service, struct log_position *out,
		       struct error *err)
{
	static const char SQL[] =
		"SELECT segment, offset, lines FROM log_position WHERE service = ?1";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, service);
	if (!sql_step(state, statement, &row, err))
		return false;
	*out = (struct log_position){0};
	if (row) {
		out->segment = sqlite3_column_int64(statement, 0);
		out->offset = sqlite3_column_int64(statement, 1);
		out->lines = sqlite3_column_int64(statement, 2);
	}
	sql_done(statement);
	return true;
}

bool log_position_update(struct state *state, const char *service,
			 const struct log_position *position, struct error *err)
{
	static const char SQL[] =
		"INSERT INTO log_position(service, segment, offset, lines) VALUES(?1, ?2, ?3, ?4)"
		" ON CONFLICT(service) DO UPDATE SET segment = excluded.segment,"
		" offset = excluded.offset, lines = excluded.lines";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, service);
	sql_bind_int(statement, 2, position->segment);
	sql_bind_int(statement, 3, position->offset);
	sql_bind_int(statement, 4, position->lines);
	return sql_run(state, statement, err);
}
