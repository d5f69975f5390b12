/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a config that stand at their own paths, because the program was there before Muster. What
 * stood at a path first is kept in originals/<service>/, bytes, mode and owner, for as long as a
 * version manages the path, and put back when none does any more. What stood there right before a
 * change is kept with the change, as a snapshot is. Every step may be repeated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "reconcile/plan.h"

/* Keeps what stands at the paths of both versions, once per change. */
MUST_CHECK bool in_place_save(const struct plan_step *step, int64_t generation, struct error *err);

/* Keeps what stood there first, writes the files of the new version, and gives back the paths that
 * only the old one had. */
MUST_CHECK bool in_place_switch(const struct plan_step *step, const struct content_place *place,
				struct error *err);

/* Puts back what in_place_save has kept. */
MUST_CHECK bool in_place_restore(const struct plan_step *step, int64_t generation,
				 struct error *err);

/* Forgets the first content of paths that the version in force does not manage: they were given
 * back. service NULL: it manages none. */
void in_place_forget(const char *name, const struct content_service *service);

/* Where a file of the config is in force: at its own path, or below services/. In the arena. */
const char *in_place_path(struct arena *arena, const struct content_service *service,
			  const struct content_file *file);
