/* SPDX-License-Identifier: Apache-2.0 */
#include "state/packages.h"

#include "state/sql.h"

enum { MAX_OLD = 256 };

bool packages_use(struct state *state, const char *sha256, const char *name, const char *version,
		  int64_t generation, struct error *err)
{
	static const char SQL[] =
		"INSERT INTO package(sha256, name, version, used) VALUES(?1, ?2, ?3, ?4)"
		" ON CONFLICT(sha256) DO UPDATE SET name = excluded.name,"
		" version = excluded.version, used = max(used, excluded.used)";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, sha256);
	sql_bind_text(statement, 2, name);
	sql_bind_text(statement, 3, version);
	sql_bind_int(statement, 4, generation);
	return sql_run(state, statement, err);
}

bool packages_list_old(struct state *state, int keep, struct arena *arena, const char ***out,
		       size_t *count, struct error *err)
{
	static const char SQL[] =
		"SELECT sha256 FROM (SELECT sha256, row_number() OVER"
		" (PARTITION BY name ORDER BY used DESC, sha256) AS rank FROM package)"
		" WHERE rank > ?1";
	const char **list = arena_array(arena, MAX_OLD, sizeof(*list));
	sqlite3_stmt *statement;
	size_t n = 0;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_int(statement, 1, keep);
	do {
		if (!sql_step(state, statement, &row, err))
			return false;
		if (row)
			list[n++] = sql_text(statement, 0, arena);
	} while (row && n < MAX_OLD);
	sql_done(statement);
	*out = list;
	*count = n;
	return true;
}

bool packages_delete(struct state *state, const char *sha256, struct error *err)
{
	static const char SQL[] = "DELETE FROM package WHERE sha256 = ?1";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, sha256);
	return sql_run(state, statement, err);
}

bool packages_known(struct state *state, const char *sha256, bool *known, struct error *err)
{
	static const char SQL[] = "SELECT 1 FROM package WHERE sha256 = ?1";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, sha256);
	if (!sql_step(state, statement, &row, err))
		return false;
	sql_done(statement);
	*known = row;
	return true;
}

bool packages_latest(struct state *state, const char *name, struct arena *arena,
		     const char **sha256, struct error *err)
{
	static const char SQL[] =
		"SELECT sha256 FROM package WHERE name = ?1 ORDER BY used DESC, sha256 LIMIT 1";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, name);
	if (!sql_step(state, statement, &row, err))
		return false;
	*sha256 = row ? sql_text(statement, 0, arena) : NULL;
	sql_done(statement);
	return true;
}

bool release_find(struct state *state, const char *name, int64_t *counter, struct error *err)
{
	static const char SQL[] = "SELECT counter FROM release WHERE name = ?1";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, name);
	if (!sql_step(state, statement, &row, err))
		return false;
	*counter = row ? sqlite3_column_int64(statement, 0) : 0;
	sql_done(statement);
	return true;
}

bool release_note(struct state *state, const char *name, int64_t counter, bool lower,
		  struct error *err)
{
	static const char SQL[] =
		"INSERT INTO release(name, counter) VALUES(?1, ?2) ON CONFLICT(name)"
		" DO UPDATE SET counter = iif(?3, excluded.counter, max(counter, excluded.counter))";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, name);
	sql_bind_int(statement, 2, counter);
	sql_bind_int(statement, 3, lower);
	return sql_run(state, statement, err);
}
