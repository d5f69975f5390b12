/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of services below the agent's folder: services/<name>/<generation>/config/ is written
 * once and never changed; the symlink current says which generation is in force, previous which
 * one was before the change that is under way. Every step may be repeated after a power cut.
 * Paths are relative to the current folder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "reconcile/content.h"

/* Writes the generation's folder, complete and synced. Does nothing when it is there. */
MUST_CHECK bool tree_write(const struct content_service *service, const struct content_place *place,
			   int64_t generation, struct error *err);

/* Is current on this generation? */
bool tree_is_on(const char *name, int64_t generation);

/* Puts current on the generation, and remembers in previous where it was. */
MUST_CHECK bool tree_switch(const char *name, int64_t generation, struct error *err);

/* If current is on the generation: back to previous, or away when there was none (added). */
MUST_CHECK bool tree_switch_back(const char *name, int64_t generation, bool added,
				 struct error *err);

/* Removes generations but the newest keep and those that a symlink names, and what is half made. */
void tree_prune(const char *name, int keep);

/* Removes the snapshots of changes that are decided: their data is of use to nobody any more. */
void tree_drop_snapshots(const char *name);

/* Forgets a service that was removed; its data folder stays. */
void tree_remove(const char *name);

/* Files in force that differ from the content. drift_files lives in the arena. */
void tree_find_drift(const struct content_service *service, const struct content_place *place,
		     struct arena *arena, const char *const **drift_files, size_t *count);

/* Writes a new file, synced; it belongs to the user of the service if that can be. */
MUST_CHECK bool tree_write_file(const char *path, const struct content_service *service,
				mode_t mode, const void *data, size_t size, struct error *err);

/* "services/<name>/<generation>/replaced": what the change found at paths of their own. */
const char *tree_replaced_path(struct arena *arena, const char *name, int64_t generation);

/* "services/<name>/<generation>/snapshot" in the arena. */
const char *tree_snapshot_path(struct arena *arena, const char *name, int64_t generation);
