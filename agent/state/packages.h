/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent knows about the unpacked packages (packages/<sha256>/): when each was last part
 * of an applied state, so that the two before it can be kept, and the highest release counter of
 * each name that ran, so that nobody can go back unnoticed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "state/state.h"

/* Marks as used by this generation, which just was committed. */
MUST_CHECK bool packages_use(struct state *state, const char *sha256, const char *name,
			     const char *version, int64_t generation, struct error *err);

/* The packages that may go: all but the keep last used of each name. */
MUST_CHECK bool packages_list_old(struct state *state, int keep, struct arena *arena,
				  const char ***out, size_t *count, struct error *err);
MUST_CHECK bool packages_delete(struct state *state, const char *sha256, struct error *err);
MUST_CHECK bool packages_known(struct state *state, const char *sha256, bool *known,
			       struct error *err);

/* Which package of this name was last part of an applied state; NULL: none. */
MUST_CHECK bool packages_latest(struct state *state, const char *name, struct arena *arena,
				const char **sha256, struct error *err);

/* 0 when none of this name has run. */
MUST_CHECK bool release_find(struct state *state, const char *name, int64_t *counter,
			     struct error *err);
/* Notes that this release has run. The counter only goes down when lower says so. */
MUST_CHECK bool release_note(struct state *state, const char *name, int64_t counter, bool lower,
			     struct error *err);
