/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent reads back from its own state file at a start: rows of the journal, of verdicts and
 * of desired states, which may be torn, or of an agent that never was. Lines of the input are
 * the columns, as blobs whose first byte "#" makes a number of them; no reader may stumble, and
 * what is read must be fit to be acted on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "protocol/limits.h"
#include "reconcile/content.h"
#include "reconcile/failure.h"
#include "state/desired.h"
#include "state/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/mufzXXXXXX";
static struct state *state;

static void clean_up(void)
{
	struct error err;

	state_close(state);
	if (chdir("/") != 0 || !file_remove_tree(folder, &err))
		abort();
}

static void open_state(void)
{
	struct error err;

	if (state)
		return;
	if (!mkdtemp(folder) || chdir(folder) != 0 || !state_open("state.db", &state, &err))
		abort();
	atexit(clean_up);
	/* Nothing here has to survive a power cut. */
	if (sqlite3_exec(state->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL) != SQLITE_OK)
		abort();
}

static void bind(sqlite3_stmt *statement, int index, const char *value, size_t size)
{
	if (size > 0 && value[0] == '#')
		sqlite3_bind_int64(statement, index, strtoll(value + 1, NULL, 10));
	else if (size > 0 && value[0] == '?')
		sqlite3_bind_blob(statement, index, value + 1, (int)size - 1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_text(statement, index, value, (int)size, SQLITE_TRANSIENT);
}

/* The rest of the input goes on behind the columns of this row. */
static const char *insert(const char *sql, const char *text)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(state->db, sql, -1, &statement, NULL) != SQLITE_OK)
		abort();
	for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
		size_t length = strcspn(text, "\n");

		bind(statement, i, text, length);
		text += length + (text[length] == '\n');
	}
	sqlite3_step(statement);
	sqlite3_finalize(statement);
	return text;
}

static void check_failure(const char *text, struct arena *arena)
{
	struct msg_failure failure, again;

	failure_read(text, arena, &failure);
	if (!failure.phase || !failure.code || !failure.text)
		abort();
	failure_read(failure_text(&failure, arena), arena, &again);
	if (strcmp(failure.code, again.code) != 0 || failure.has_exit != again.has_exit)
		abort();
}

static void check_journal(struct arena *arena)
{
	struct journal journal;
	struct error err;

	if (!journal_find(state, arena, &journal, &err))
		return;
	if (journal.phase < JOURNAL_NONE || journal.phase > JOURNAL_PUT_BACK ||
	    (journal.phase != JOURNAL_NONE && !journal.digest))
		abort();
	check_failure(journal.error, arena);
}

static void check_records(const char *digest, struct arena *arena)
{
	static const enum desired_slot SLOTS[] = {DESIRED_CURRENT, DESIRED_CANDIDATE, DESIRED_NEXT};
	struct desired_record record;
	struct verdict verdict;
	struct content content;
	struct error err;
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(SLOTS); i++)
		if (desired_find(state, SLOTS[i], arena, &record, &found, &err) && found &&
		    (!record.digest || !record.fetch ||
		     (content_decode(record.content, strlen(record.content), arena, &content,
				     &err) &&
		      content.service_count > LIMIT_SERVICES)))
			abort();
	if (verdict_find(state, digest, arena, &verdict, &found, &err) && found)
		check_failure(verdict.error, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	const char *text = arena_strndup(arena, (const char *)data, size);
	struct error err;
	bool again;
	int count;

	open_state();
	if (sqlite3_exec(state->db,
			 "BEGIN; DELETE FROM journal; DELETE FROM verdict; DELETE FROM desired",
			 NULL, NULL, NULL) != SQLITE_OK)
		abort();
	text = insert("INSERT INTO journal(id, generation, digest, phase, attempts, error)"
		      " VALUES(1, ?1, ?2, ?3, ?4, ?5)",
		      text);
	text = insert("INSERT OR IGNORE INTO verdict(digest, generation, state, error)"
		      " VALUES('d', ?1, ?2, ?3)",
		      text);
	insert("INSERT OR IGNORE INTO desired(slot, generation, digest, content, fetch)"
	       " VALUES(?1, ?2, ?3, ?4, ?5)",
	       text);
	if (sqlite3_exec(state->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		abort();
	check_journal(arena);
	check_records("d", arena);
	if (!verdict_forget(state, 1, &count, &again, &err))
		abort();
	arena_free(arena);
	return 0;
}
