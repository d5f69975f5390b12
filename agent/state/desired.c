/* SPDX-License-Identifier: Apache-2.0 */
#include "state/desired.h"

#include <string.h>

#include "state/rescue.h"
#include "state/sql.h"

static const char *const SLOT_NAMES[] = {[DESIRED_CURRENT] = "current",
					 [DESIRED_CANDIDATE] = "candidate",
					 [DESIRED_NEXT] = "next",
					 [DESIRED_FAILED] = "failed"};
static const char *const PHASE_NAMES[] = {[JOURNAL_NONE] = "none",
					  [JOURNAL_APPLYING] = "applying",
					  [JOURNAL_ROLLING_BACK] = "rolling_back",
					  [JOURNAL_PUT_BACK] = "put_back"};

bool desired_find(struct state *state, enum desired_slot slot, struct arena *arena,
		  struct desired_record *out, bool *found, struct error *err)
{
	static const char SQL[] =
		"SELECT generation, digest, content, fetch FROM desired WHERE slot = ?1";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, SLOT_NAMES[slot]);
	if (!sql_step(state, statement, &row, err))
		return false;
	*found = row;
	if (row) {
		out->generation = sqlite3_column_int64(statement, 0);
		out->digest = sql_text(statement, 1, arena);
		out->content = sql_text(statement, 2, arena);
		out->fetch = sql_text(statement, 3, arena);
	}
	sql_done(statement);
	return true;
}

bool desired_store(struct state *state, enum desired_slot slot, const struct desired_record *record,
		   struct error *err)
{
	static const char SQL[] = "INSERT INTO desired(slot, generation, digest, content, fetch)"
				  " VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(slot) DO UPDATE SET"
				  " generation = excluded.generation, digest = excluded.digest,"
				  " content = excluded.content, fetch = excluded.fetch";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, SLOT_NAMES[slot]);
	sql_bind_int(statement, 2, record->generation);
	sql_bind_text(statement, 3, record->digest);
	sql_bind_text(statement, 4, record->content);
	sql_bind_text(statement, 5, record->fetch);
	return sql_run(state, statement, err);
}

/* Opens a step after which something else is in force. */
static bool begin_commit(struct state *state, struct error *err)
{
	if (!state_begin(state, err))
		return false;
	/* Rather none than one that is over; the new one is made once this is on the disk. */
	copy_drop(state->path);
	state->committed = true;
	return true;
}

bool desired_update(struct state *state, enum desired_slot slot,
		    const struct desired_record *record, struct error *err)
{
	if (slot != DESIRED_CURRENT)
		return desired_store(state, slot, record, err);
	if (!record_is_whole(record))
		return error_set(err, ERR_INVALID, "the digest %s is not that of its content",
				 record->digest);
	return begin_commit(state, err) &&
	       state_end(state, desired_store(state, slot, record, err), err);
}

bool desired_delete(struct state *state, enum desired_slot slot, struct error *err)
{
	static const char SQL[] = "DELETE FROM desired WHERE slot = ?1";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, SLOT_NAMES[slot]);
	return sql_run(state, statement, err);
}

static bool run_plain(struct state *state, const char *text, struct error *err)
{
	sqlite3_stmt *statement;

	return sql_prepare(state, text, &statement, err) && sql_run(state, statement, err);
}

bool journal_delete(struct state *state, struct error *err)
{
	static const char SQL[] = "DELETE FROM journal";

	return run_plain(state, SQL, err);
}

bool desired_commit(struct state *state, struct error *err)
{
	static const char DROP[] = "DELETE FROM desired WHERE slot = 'current' AND EXISTS"
				   " (SELECT 1 FROM desired WHERE slot = 'candidate')";
	static const char RENAME[] = "UPDATE desired SET slot = 'current' WHERE slot = 'candidate'";

	if (!begin_commit(state, err))
		return false;
	bool ok = run_plain(state, DROP, err) && run_plain(state, RENAME, err) &&
		  journal_delete(state, err);
	return state_end(state, ok, err);
}

bool desired_promote(struct state *state, bool *promoted, struct error *err)
{
	static const char DROP[] = "DELETE FROM desired WHERE slot = 'candidate' AND EXISTS"
				   " (SELECT 1 FROM desired WHERE slot = 'next')";
	static const char RENAME[] = "UPDATE desired SET slot = 'candidate' WHERE slot = 'next'";

	if (!state_begin(state, err))
		return false;
	bool ok = run_plain(state, DROP, err) && run_plain(state, RENAME, err);
	*promoted = ok && sqlite3_changes(state->db) > 0;
	return state_end(state, ok, err);
}

/* Steps the statement and reads its one row; digest NULL: without a parameter. */
static bool verdict_read(struct state *state, const char *sql, const char *digest,
			 struct arena *arena, struct verdict *out, bool *found, struct error *err)
{
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, sql, &statement, err))
		return false;
	if (digest)
		sql_bind_text(statement, 1, digest);
	if (!sql_step(state, statement, &row, err))
		return false;
	*found = row;
	if (row) {
		out->generation = sqlite3_column_int64(statement, 0);
		out->state = sql_text(statement, 1, arena);
		out->error = sql_text(statement, 2, arena);
	}
	sql_done(statement);
	return true;
}

bool verdict_find(struct state *state, const char *digest, struct arena *arena, struct verdict *out,
		  bool *found, struct error *err)
{
	static const char SQL[] = "SELECT generation, state, error FROM verdict WHERE digest = ?1";

	return verdict_read(state, SQL, digest, arena, out, found, err);
}

bool verdict_find_newest(struct state *state, struct arena *arena, struct verdict *out, bool *found,
			 struct error *err)
{
	static const char SQL[] = "SELECT generation, state, error FROM verdict"
				  " ORDER BY generation DESC LIMIT 1";

	return verdict_read(state, SQL, NULL, arena, out, found, err);
}

static bool verdict_store(struct state *state, const char *digest, const struct verdict *verdict,
			  struct error *err)
{
	static const char SQL[] =
		"INSERT INTO verdict(digest, generation, state, error) VALUES(?1, ?2, ?3, ?4)"
		" ON CONFLICT(digest) DO UPDATE SET generation = excluded.generation,"
		" state = excluded.state, error = excluded.error";
	/* A server that never stops sending new failures must not fill the disk. */
	static const char TRIM[] =
		"DELETE FROM verdict WHERE digest NOT IN"
		" (SELECT digest FROM verdict ORDER BY generation DESC LIMIT 100)";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_text(statement, 1, digest);
	sql_bind_int(statement, 2, verdict->generation);
	sql_bind_text(statement, 3, verdict->state);
	sql_bind_text(statement, 4, verdict->error);
	return sql_run(state, statement, err) && run_plain(state, TRIM, err);
}

static bool put_aside(struct state *state, struct error *err)
{
	static const char DROP[] = "DELETE FROM desired WHERE slot = 'failed' AND EXISTS"
				   " (SELECT 1 FROM desired WHERE slot = 'candidate')";
	static const char RENAME[] = "UPDATE desired SET slot = 'failed' WHERE slot = 'candidate'";

	return run_plain(state, DROP, err) && run_plain(state, RENAME, err);
}

bool verdict_insert(struct state *state, const char *digest, const struct verdict *verdict,
		    struct error *err)
{
	if (!state_begin(state, err))
		return false;
	bool ok = verdict_store(state, digest, verdict, err) && put_aside(state, err) &&
		  journal_delete(state, err);
	return state_end(state, ok, err);
}

bool verdict_forget(struct state *state, int64_t newest, int *count, bool *again, struct error *err)
{
	static const char FORGET[] = "DELETE FROM verdict";
	static const char AGAIN[] =
		"UPDATE desired SET slot = 'candidate' WHERE slot = 'failed' AND generation = ?1"
		" AND NOT EXISTS (SELECT 1 FROM desired WHERE slot = 'candidate')";
	sqlite3_stmt *statement;

	if (!state_begin(state, err))
		return false;
	bool ok = run_plain(state, FORGET, err);
	*count = ok ? sqlite3_changes(state->db) : 0;
	ok = ok && sql_prepare(state, AGAIN, &statement, err);
	if (ok) {
		sql_bind_int(statement, 1, newest);
		ok = sql_run(state, statement, err);
	}
	*again = ok && sqlite3_changes(state->db) > 0;
	return state_end(state, ok, err);
}

/* A word of another agent's making: the change begins, and is judged, anew. */
static enum journal_phase phase_of(const char *word)
{
	for (size_t i = JOURNAL_APPLYING; word && i < ARRAY_SIZE(PHASE_NAMES); i++)
		if (strcmp(word, PHASE_NAMES[i]) == 0)
			return (enum journal_phase)i;
	return JOURNAL_APPLYING;
}

bool journal_find(struct state *state, struct arena *arena, struct journal *out, struct error *err)
{
	static const char SQL[] = "SELECT generation, digest, phase, attempts, error FROM journal";
	sqlite3_stmt *statement;
	bool row;

	if (!sql_prepare(state, SQL, &statement, err) || !sql_step(state, statement, &row, err))
		return false;
	memset(out, 0, sizeof(*out));
	if (row) {
		out->generation = sqlite3_column_int64(statement, 0);
		out->digest = sql_text(statement, 1, arena);
		out->phase = phase_of(sql_text(statement, 2, arena));
		out->attempts = sqlite3_column_int(statement, 3);
		out->error = sql_text(statement, 4, arena);
	}
	sql_done(statement);
	return true;
}

bool journal_update(struct state *state, const struct journal *journal, struct error *err)
{
	static const char SQL[] =
		"INSERT INTO journal(id, generation, digest, phase, attempts, error)"
		" VALUES(1, ?1, ?2, ?3, ?4, ?5) ON CONFLICT(id) DO UPDATE SET"
		" generation = excluded.generation, digest = excluded.digest,"
		" phase = excluded.phase, attempts = excluded.attempts, error = excluded.error";
	sqlite3_stmt *statement;

	if (!sql_prepare(state, SQL, &statement, err))
		return false;
	sql_bind_int(statement, 1, journal->generation);
	sql_bind_text(statement, 2, journal->digest);
	sql_bind_text(statement, 3, PHASE_NAMES[journal->phase]);
	sql_bind_int(statement, 4, journal->attempts);
	sql_bind_text(statement, 5, journal->error);
	return sql_run(state, statement, err);
}

bool command_insert(struct state *state, const char *id, int64_t expires, int64_t now, bool *known,
		    struct error *err)
{
	static const char TRIM[] = "DELETE FROM command WHERE expires < ?1";
	static const char SQL[] = "INSERT INTO command(id, expires) VALUES(?1, ?2)"
				  " ON CONFLICT(id) DO NOTHING";
	sqlite3_stmt *trim, *insert;

	if (!sql_prepare(state, TRIM, &trim, err) || !sql_prepare(state, SQL, &insert, err))
		return false;
	sql_bind_int(trim, 1, now);
	if (!sql_run(state, trim, err))
		return false;
	sql_bind_text(insert, 1, id);
	sql_bind_int(insert, 2, expires);
	if (!sql_run(state, insert, err))
		return false;
	*known = sqlite3_changes(state->db) == 0;
	return true;
}
