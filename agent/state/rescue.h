/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What brings the agent up again on a full disk or with a damaged state file. Beside the file lie
 *
 *   <file>.ballast  room that nobody else can take. A start that finds no free byte gives it up:
 *                   SQLite needs some to map and to write its log.
 *   <file>.copy     the desired state in force once more, since without it nothing could be supervised.
 *   <file>.damaged  the file that could not be used, for whoever wants to know why; the newest one.
 *
 * For the files of this folder only; state_open does all of it.
 */
#pragma once

#include "state/desired.h"

enum { BALLAST_BYTES = 512 * 1024 };

/* Makes the ballast whole if the disk has many times its size left; else leaves it as it is. */
void ballast_fill(const char *path);

/* True when there was some, which is free now. */
bool ballast_drop(const char *path);

/* Makes the copy what is in force now, also after a step that was undone; where that fails there is none: an old one would mislead. */
void rescue_copy(struct state *state);
void copy_drop(const char *path);

/* Does the content have the digest of the record? What is in force is not believed without. */
bool record_is_whole(const struct desired_record *record);

/* Writes the row alone: no copy is made or dropped. */
MUST_CHECK bool desired_store(struct state *state, enum desired_slot slot,
			      const struct desired_record *record, struct error *err);

/*
 * After opening: where the file has lost what is in force, or is older than the copy (its log was lost),
 * the copy comes into force, and state_trouble says so. A change that was under way is forgotten then.
 */
MUST_CHECK bool rescue_settle(struct state *state, struct error *err);

/* Moves the file out of the way, its log too. */
MUST_CHECK bool damaged_set_aside(const char *path, struct error *err);
