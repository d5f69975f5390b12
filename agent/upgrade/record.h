/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the disk knows of an upgrade of the agent itself, below DIR/agent: upgrade.json while another
 * agent is being tried or has just failed, state.db as it was before the trial, and the symlink
 * current to the program in force (absent: the installed one). The paths given are the agent's
 * folder, so that nothing here depends on the current one.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

enum upgrade_state {
	UPGRADE_NONE,
	UPGRADE_TRYING, /* the program is being tried, or was when the power failed */
	UPGRADE_BROKEN, /* it did not prove itself; the reason waits to be reported */
};

struct upgrade_record {
	enum upgrade_state state;
	const char *program; /* absolute; "": the installed one */
	int attempts;	     /* trials begun, after power cuts too */
	const char *code;    /* of a broken one */
	const char *text;
	const char *stderr_text; /* last lines, or NULL */
};

/* No file gives UPGRADE_NONE. A damaged one is an error. Strings live in the arena. */
MUST_CHECK bool upgrade_record_load(const char *root, struct arena *arena,
				    struct upgrade_record *out, struct error *err);
MUST_CHECK bool upgrade_record_save(const char *root, const struct upgrade_record *record,
				    struct error *err);
/* Also drops the copy of the state. */
MUST_CHECK bool upgrade_record_delete(const char *root, struct error *err);

/* The program in force, "" when it is the installed one. */
const char *upgrade_current(const char *root, struct arena *arena);
MUST_CHECK bool upgrade_set_current(const char *root, const char *program, struct error *err);

/* Copies the closed state file aside, unless an earlier attempt did. */
MUST_CHECK bool upgrade_keep_state(const char *root, struct error *err);

/*
 * After a trial that failed: when the tried agent has left a state file that this one cannot read, the
 * copy takes its place, and messages are numbered anew so that the server takes them.
 */
MUST_CHECK bool upgrade_restore_state(const char *root, struct error *err);
