/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements on the state file, for the files of this folder only. Statements are prepared once
 * and kept by their text, which must be a string that stays (a literal).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "base/arena.h"
#include "base/error.h"
#include "state/state.h"

enum { SQL_CACHE = 80 };

struct state {
	sqlite3 *db;
	char *path;
	bool damaged;	   /* SQLite has said so */
	bool committed;	   /* the step that is open changes what is in force */
	char trouble[400]; /* see state_trouble */
	int64_t boot;	   /* id of the current one, 0: not looked up yet */
	int depth;	   /* of state_begin */
	bool failed;	   /* an inner pair has failed: the outermost rolls back */
	size_t cached;
	struct {
		const char *text;
		sqlite3_stmt *statement;
	} cache[SQL_CACHE];
};

/* Ready to bind and step; borrowed. Reset it (sql_done) before the next use. */
MUST_CHECK bool sql_prepare(struct state *state, const char *text, sqlite3_stmt **out,
			    struct error *err);

/* Steps: *row says whether there is one. On failure and at the end the statement is reset. */
MUST_CHECK bool sql_step(struct state *state, sqlite3_stmt *statement, bool *row,
			 struct error *err);

/* Steps a statement that gives no rows. */
MUST_CHECK bool sql_run(struct state *state, sqlite3_stmt *statement, struct error *err);

/* Gives a statement back that was not stepped to its end. */
void sql_done(sqlite3_stmt *statement);

/* Gives a little of the file's unused space back to the disk, when there is much of it. */
void sql_shrink(struct state *state);

void sql_bind_text(sqlite3_stmt *statement, int index, const char *value); /* NULL: null */
void sql_bind_int(sqlite3_stmt *statement, int index, int64_t value);

/* Column of the current row; text lives in the arena, NULL when null. */
char *sql_text(sqlite3_stmt *statement, int column, struct arena *arena);
