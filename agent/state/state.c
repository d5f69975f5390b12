/* SPDX-License-Identifier: Apache-2.0 */
#include "state/state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state/rescue.h"
#include "state/sql.h"

enum { SCHEMA_VERSION = 1, BUSY_TIMEOUT_MS = 2000, SHRINK_PAGES = 512 };

static const char ADDITIONS_KEY[] = "additions";

static const char SCHEMA[] =
	"CREATE TABLE value(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	/* slot: 'current' is what runs, 'candidate' is what was accepted and is not decided yet. */
	"CREATE TABLE desired(slot TEXT PRIMARY KEY, generation INTEGER NOT NULL,"
	" digest TEXT NOT NULL, content TEXT NOT NULL, fetch TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE verdict(digest TEXT PRIMARY KEY, generation INTEGER NOT NULL,"
	" state TEXT NOT NULL, error TEXT) WITHOUT ROWID;"
	/* At most one change is under way; its row goes when old or new is complete. */
	"CREATE TABLE journal(id INTEGER PRIMARY KEY CHECK(id = 1), generation INTEGER NOT NULL,"
	" digest TEXT NOT NULL, phase TEXT NOT NULL, attempts INTEGER NOT NULL, error TEXT);"
	"CREATE TABLE stream(stream TEXT PRIMARY KEY, produced INTEGER NOT NULL,"
	" acked INTEGER NOT NULL) WITHOUT ROWID;"
	/* first < seq: the messages between were given up for room; items and dropped count lines. */
	"CREATE TABLE spool(stream TEXT NOT NULL, seq INTEGER NOT NULL, first INTEGER NOT NULL,"
	" items INTEGER NOT NULL, dropped INTEGER NOT NULL, bytes INTEGER NOT NULL,"
	" body TEXT NOT NULL, PRIMARY KEY(stream, seq)) WITHOUT ROWID;"
	"CREATE TABLE package(sha256 TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT NOT NULL,"
	" used INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE release(name TEXT PRIMARY KEY, counter INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE command(id TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE log_position(service TEXT PRIMARY KEY, segment INTEGER NOT NULL,"
	" offset INTEGER NOT NULL, lines INTEGER NOT NULL) WITHOUT ROWID;"
	"PRAGMA user_version = 1;";

/*
 * What came later. Each only adds tables, and columns with a default, so that an older agent that is
 * put back after a failed upgrade can go on with the file: that is why the version stays. The value
 * "additions" counts those that are in; what was released is never changed.
 */
static const char *const ADDITIONS[] = {
	/* What is known of the time in each boot, and when a message was made; bytes are counted, since
	 * a full spool is too large to be summed up for each message. */
	"CREATE TABLE boot(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
	" least INTEGER NOT NULL, most INTEGER NOT NULL);"
	"ALTER TABLE spool ADD COLUMN boot INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE spool ADD COLUMN uptime INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE spool ADD COLUMN wall INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE stream ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;",
};

/* An older agent does not count. */
static const char RECOUNT[] = "UPDATE stream SET bytes = (SELECT coalesce(sum(bytes), 0)"
			      " FROM spool WHERE spool.stream = stream.stream)";

static bool fail(struct state *state, struct error *err, const char *doing)
{
	int code = sqlite3_errcode(state->db);
	enum error_code kind =
		code == SQLITE_FULL || code == SQLITE_BUSY ? ERR_UNAVAILABLE : ERR_INTERNAL;

	if (code == SQLITE_NOMEM)
		out_of_memory(0);
	state->damaged = state->damaged || code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
	return error_set(err, kind, "could not %s the state file: %s", doing,
			 sqlite3_errmsg(state->db));
}

bool sql_prepare(struct state *state, const char *text, sqlite3_stmt **out, struct error *err)
{
	sqlite3_stmt *statement = NULL;

	for (size_t i = 0; i < state->cached; i++) {
		if (state->cache[i].text == text) {
			*out = state->cache[i].statement;
			return true;
		}
	}
	if (sqlite3_prepare_v3(state->db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
	    SQLITE_OK)
		return fail(state, err, "use");
	assert(state->cached < SQL_CACHE);
	state->cache[state->cached].text = text;
	state->cache[state->cached++].statement = statement;
	*out = statement;
	return true;
}

bool sql_step(struct state *state, sqlite3_stmt *statement, bool *row, struct error *err)
{
	int code = sqlite3_step(statement);
	bool ok = code == SQLITE_ROW || code == SQLITE_DONE || fail(state, err, "use");

	if (code != SQLITE_ROW)
		sql_done(statement);
	if (ok)
		*row = code == SQLITE_ROW;
	return ok;
}

bool sql_run(struct state *state, sqlite3_stmt *statement, struct error *err)
{
	bool row = false;

	if (!sql_step(state, statement, &row, err))
		return false;
	assert(!row);
	return true;
}

void sql_done(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

void sql_bind_text(sqlite3_stmt *statement, int index, const char *value)
{
	int code = value ? sqlite3_bind_text(statement, index, value, -1, SQLITE_TRANSIENT)
			 : sqlite3_bind_null(statement, index);

	if (code == SQLITE_NOMEM)
		out_of_memory(strlen(value));
	assert(code == SQLITE_OK);
}

void sql_bind_int(sqlite3_stmt *statement, int index, int64_t value)
{
	int code = sqlite3_bind_int64(statement, index, value);

	assert(code == SQLITE_OK);
}

char *sql_text(sqlite3_stmt *statement, int column, struct arena *arena)
{
	const unsigned char *text = sqlite3_column_text(statement, column);

	return text ? arena_strdup(arena, (const char *)text) : NULL;
}

static bool execute(struct state *state, const char *text, struct error *err)
{
	return sqlite3_exec(state->db, text, NULL, NULL, NULL) == SQLITE_OK ||
	       fail(state, err, "use");
}

static bool read_version(struct state *state, int *version, struct error *err)
{
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, "PRAGMA user_version", &statement, err) ||
	    !sql_step(state, statement, &row, err))
		return false;
	*version = sqlite3_column_int(statement, 0);
	sql_done(statement);
	return true;
}

static bool add_missing(struct state *state, struct error *err)
{
	int64_t done;

	if (!state_get_int(state, ADDITIONS_KEY, 0, &done, err))
		return false;
	for (; done < (int64_t)ARRAY_SIZE(ADDITIONS); done++)
		if (!execute(state, ADDITIONS[done], err) ||
		    !state_set_int(state, ADDITIONS_KEY, done + 1, err))
			return false;
	return execute(state, RECOUNT, err);
}

/* Better now than in the middle of a change. */
static bool check(struct state *state, struct error *err)
{
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, "PRAGMA quick_check(1)", &statement, err) ||
	    !sql_step(state, statement, &row, err))
		return false;
	const char *text = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	bool ok = text && strcmp(text, "ok") == 0;
	if (!ok) {
		state->damaged = true;
		error_set(err, ERR_INTERNAL, "could not use the state file: %s",
			  text ? text : "no answer");
	}
	sql_done(statement);
	return ok;
}

static bool set_up(struct state *state, struct error *err)
{
	int version;

	sqlite3_busy_timeout(state->db, BUSY_TIMEOUT_MS);
	if (!execute(
		    state,
		    /* Before the first table, or it is without effect. */
		    "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		    "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
		    "PRAGMA cache_size = -256; PRAGMA wal_autocheckpoint = 64;"
		    "PRAGMA journal_size_limit = 1048576; PRAGMA mmap_size = 0;",
		    err) ||
	    !read_version(state, &version, err))
		return false;
	if (version > SCHEMA_VERSION)
		return error_set(err, ERR_CONFLICT,
				 "the state file has version %d, this agent knows up to %d: it was "
				 "written by a newer agent",
				 version, SCHEMA_VERSION);
	if ((version == SCHEMA_VERSION && !check(state, err)) || !state_begin(state, err))
		return false;
	bool ok = (version == SCHEMA_VERSION || execute(state, SCHEMA, err)) &&
		  add_missing(state, err);
	return state_end(state, ok, err);
}

static bool open_once(const char *path, struct state **out, bool *damaged, struct error *err)
{
	struct state *state = xcalloc(1, sizeof(*state));
	mode_t before = umask(0077);

	state->path = xstrdup(path);
	int code = sqlite3_open_v2(path, &state->db,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					   SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
				   NULL);
	bool ok = code == SQLITE_OK ? set_up(state, err) : fail(state, err, "open");
	umask(before);
	*damaged = state->damaged;
	if (!ok) {
		error_prefix(err, "%s", path);
		state_close(state);
		return false;
	}
	*out = state;
	return true;
}

/* A new file instead of one that cannot be used. */
static bool open_anew(const char *path, struct state **out, struct error *err)
{
	struct error why = *err;
	bool damaged;

	if (!damaged_set_aside(path, err) || !open_once(path, out, &damaged, err))
		return false;
	snprintf((*out)->trouble, sizeof((*out)->trouble), "%s; it is kept as %s.damaged", why.text,
		 path);
	return true;
}

bool state_open(const char *path, struct state **out, struct error *err)
{
	struct state *state;
	bool damaged = false;
	bool ok = open_once(path, &state, &damaged, err);

	/* What fails for want of room has many names in SQLite. */
	if (!ok && !damaged && ballast_drop(path))
		ok = open_once(path, &state, &damaged, err);
	if (!ok && damaged)
		ok = open_anew(path, &state, err);
	if (!ok)
		return false;
	if (!rescue_settle(state, err)) {
		state_close(state);
		return false;
	}
	state_keep_ballast(state);
	*out = state;
	return true;
}

bool state_open_bare(const char *path, struct state **out, struct error *err)
{
	bool damaged;

	return open_once(path, out, &damaged, err);
}

const char *state_trouble(const struct state *state)
{
	return state->trouble[0] ? state->trouble : NULL;
}

void state_keep_ballast(const struct state *state)
{
	ballast_fill(state->path);
}

void state_close(struct state *state)
{
	if (!state)
		return;
	for (size_t i = 0; i < state->cached; i++)
		sqlite3_finalize(state->cache[i].statement);
	sqlite3_close(state->db);
	free(state->path);
	free(state);
}

void sql_shrink(struct state *state)
{
	static const char SQL[] = "PRAGMA freelist_count";
	struct error ignored = {0};
	sqlite3_stmt *statement;
	bool row = false;
	int64_t unused = 0;

	if (!sql_prepare(state, SQL, &statement, &ignored) ||
	    !sql_step(state, statement, &row, &ignored) || !row)
		return;
	unused = sqlite3_column_int64(statement, 0);
	sql_done(statement);
	if (unused > SHRINK_PAGES)
		sqlite3_exec(state->db, "PRAGMA incremental_vacuum(128)", NULL, NULL, NULL);
}

bool state_begin(struct state *state, struct error *err)
{
	if (state->depth == 0) {
		if (!execute(state, "BEGIN IMMEDIATE", err))
			return false;
		state->failed = false;
	}
	state->depth++;
	return true;
}

bool state_end(struct state *state, bool ok, struct error *err)
{
	assert(state->depth > 0);
	if (!ok)
		state->failed = true;
	if (--state->depth > 0)
		return ok;
	bool committed = state->committed;
	state->committed = false;
	if (state->failed) {
		state->boot = 0; /* its row may be gone again */
		/* The first failure is what the caller must hear; SQLite may have rolled back itself. */
		sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
		if (committed)
			rescue_copy(state);
		if (ok)
			return error_set(err, ERR_INTERNAL, "a part of the step has failed");
		return false;
	}
	if (execute(state, "COMMIT", err)) {
		if (committed)
			rescue_copy(state);
		return true;
	}
	state->boot = 0;
	sqlite3_exec(state->db, "ROLLBACK", NULL, NULL, NULL);
	if (committed)
		rescue_copy(state);
	return false;
}

bool state_get(struct state *state, const char *key, struct arena *arena, char **value,
	       struct error *err)
{
	static const char SQL[] = "SELECT value FROM value WHERE key = ?1";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, key);
	if (!sql_step(state, statement, &row, err))
		return false;
	*value = row ? sql_text(statement, 0, arena) : NULL;
	sql_done(statement);
	return true;
}

bool state_set(struct state *state, const char *key, const char *value, struct error *err)
{
	static const char SQL[] = "INSERT INTO value(key, value) VALUES(?1, ?2)"
				  " ON CONFLICT(key) DO UPDATE SET value = excluded.value";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, key);
	sql_bind_text(statement, 2, value);
	return sql_run(state, statement, err);
}

bool state_get_int(struct state *state, const char *key, int64_t preset, int64_t *value,
		   struct error *err)
{
	static const char SQL[] = "SELECT CAST(value AS INTEGER) FROM value WHERE key = ?1";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, key);
	if (!sql_step(state, statement, &row, err))
		return false;
	*value = row ? sqlite3_column_int64(statement, 0) : preset;
	sql_done(statement);
	return true;
}

bool state_set_int(struct state *state, const char *key, int64_t value, struct error *err)
{
	static const char SQL[] = "INSERT INTO value(key, value) VALUES(?1, ?2)"
				  " ON CONFLICT(key) DO UPDATE SET value = excluded.value";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, key);
	sql_bind_int(statement, 2, value);
	return sql_run(state, statement, err);
}
