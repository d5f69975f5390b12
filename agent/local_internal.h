/* SPDX-License-Identifier: Apache-2.0 */
/* What the files behind local.h share. */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "base/clock.h"
#include "config.h"

struct local {
	struct arena *arena;
	struct config config;
	struct command_line line;
};

/*
 * Reads the command line and enters the agent's folder. need: at least so many words. What is given as a
 * file must be opened before (open_first gets the local), since a relative name means another
 * one from inside.
 */
MUST_CHECK bool local_begin(struct local *local, int argc, char **argv, int need,
			    bool (*open_first)(struct local *local, struct error *err),
			    struct error *err);

/* Says why it failed, if it did, and frees; returns the exit status. */
int local_finish(struct local *local, bool ok, const struct error *err);

/* Members of an answer; "" and 0 when absent. */
const char *text_at(const json_t *json, const char *key);
long long number_at(const json_t *json, const char *key);

/* "2026-01-02T03:04:05Z (7 min ago)" or "(in 7 min)"; now in UTC. "" for no time. */
const char *time_words(struct arena *arena, const char *time, usec_t now);
