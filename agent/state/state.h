/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent must not forget: one SQLite file in WAL mode with full sync, so that everything
 * that was written before a power cut is there after it. This header holds the file itself, named
 * values and transactions; desired.h, spool.h and packages.h hold the tables. One thread, one
 * process (agent/main.c holds the lock of the folder).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct state;

/*
 * Opens or creates the file. One that is damaged is set aside, and a new one made with the desired
 * state in force as its copy has it; a disk without a free byte gets some room (rescue.h).
 */
MUST_CHECK bool state_open(const char *path, struct state **out, struct error *err);

/*
 * In words, what was wrong with the file when it was opened, NULL when nothing was. Without a
 * desired state in force then what runs must be left alone: it was not forgotten on purpose.
 */
const char *state_trouble(const struct state *state);

/* Now and then, so that room that was given up is taken again once there is plenty. */
void state_keep_ballast(const struct state *state);

/* The file as it is, with nothing put beside it: one that is damaged is ERR_INTERNAL. */
MUST_CHECK bool state_open_bare(const char *path, struct state **out, struct error *err);

/* Accepts NULL. */
void state_close(struct state *state);

/* A named value; *value is NULL when it was never set, else text in the arena. */
MUST_CHECK bool state_get(struct state *state, const char *key, struct arena *arena, char **value,
			  struct error *err);
MUST_CHECK bool state_set(struct state *state, const char *key, const char *value,
			  struct error *err);

/* The same as a number; preset when it was never set. */
MUST_CHECK bool state_get_int(struct state *state, const char *key, int64_t preset, int64_t *value,
			      struct error *err);
MUST_CHECK bool state_set_int(struct state *state, const char *key, int64_t value,
			      struct error *err);

/*
 * Makes what follows one step. Nested pairs join the outermost one. state_end commits when ok,
 * else rolls back, and then returns false with err as it was; so a writer ends with
 * "return state_end(state, ok, err)".
 */
MUST_CHECK bool state_begin(struct state *state, struct error *err);
MUST_CHECK bool state_end(struct state *state, bool ok, struct error *err);
