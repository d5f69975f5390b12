/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The desired state on disk. Four slots: current is what was applied last and worked, candidate is
 * what was accepted and is not decided yet, next is a newer one that came meanwhile, failed the last one that did not work. A verdict remembers a content that failed, by its
 * digest, so that it is never tried again by itself. The journal row exists while files and
 * services are being changed; reconcile reads it at start and finishes or undoes the change.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "state/state.h"

enum desired_slot { DESIRED_CURRENT, DESIRED_CANDIDATE, DESIRED_NEXT, DESIRED_FAILED };

struct desired_record {
	int64_t generation;
	const char *digest;  /* "sha256:<hex>" of content */
	const char *content; /* JSON text */
	const char *fetch;   /* JSON text: sha256 hex -> URL */
};

struct verdict {
	int64_t generation;
	const char *state; /* the final state of its result */
	const char *error; /* JSON text or NULL */
};

enum journal_phase {
	JOURNAL_NONE,
	JOURNAL_APPLYING,
	JOURNAL_ROLLING_BACK,
	JOURNAL_PUT_BACK, /* files and data are as before; what ran may run again */
};

struct journal {
	enum journal_phase phase;
	int64_t generation;
	const char *digest;
	int attempts;	   /* starts of this change, this one included */
	const char *error; /* why it is rolled back: JSON text or NULL */
};

/* *found is false when the slot is empty. Strings live in the arena. */
MUST_CHECK bool desired_find(struct state *state, enum desired_slot slot, struct arena *arena,
			     struct desired_record *out, bool *found, struct error *err);
/*
 * Durable when it returns true, outside of state_begin. What is in force must have the digest of its
 * content (else ERR_INVALID): the next start would take it for damaged, and the one before for right.
 */
MUST_CHECK bool desired_update(struct state *state, enum desired_slot slot,
			       const struct desired_record *record, struct error *err);
MUST_CHECK bool desired_delete(struct state *state, enum desired_slot slot, struct error *err);

/* What waits becomes the candidate; *promoted is false when nothing waits. */
MUST_CHECK bool desired_promote(struct state *state, bool *promoted, struct error *err);

/* The candidate has worked: it becomes current and the journal ends, as one step. */
MUST_CHECK bool desired_commit(struct state *state, struct error *err);

MUST_CHECK bool verdict_find(struct state *state, const char *digest, struct arena *arena,
			     struct verdict *out, bool *found, struct error *err);
/* The one of the highest generation. */
MUST_CHECK bool verdict_find_newest(struct state *state, struct arena *arena, struct verdict *out,
				    bool *found, struct error *err);
/* Remembers the verdict, puts the candidate aside as failed and ends the journal, as one step. */
MUST_CHECK bool verdict_insert(struct state *state, const char *digest,
			       const struct verdict *verdict, struct error *err);

/*
 * Forgets all verdicts: what failed may be tried again when it comes again. If the newest generation
 * is the one that failed, it becomes the candidate again at once (*again). *count: verdicts forgotten.
 */
MUST_CHECK bool verdict_forget(struct state *state, int64_t newest, int *count, bool *again,
			       struct error *err);

MUST_CHECK bool journal_find(struct state *state, struct arena *arena, struct journal *out,
			     struct error *err);
MUST_CHECK bool journal_update(struct state *state, const struct journal *journal,
			       struct error *err);
MUST_CHECK bool journal_delete(struct state *state, struct error *err);

/*
 * Remembers a command until it has expired. *known is true when its id is there already: it has
 * run or is running and must not run again.
 */
MUST_CHECK bool command_insert(struct state *state, const char *id, int64_t expires, int64_t now,
			       bool *known, struct error *err);
