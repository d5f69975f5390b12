/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The patches between versions that the server has made: data/patches/<base>-<target>, each made once, when
 * the first node asks, by a child process; one at a time. ".none" beside it says that there is nothing to
 * gain. When all together have more than 2 GiB, those go that were not asked for the longest.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct patches;

enum patch_state {
	PATCH_READY,
	PATCH_WAITS, /* it is being made, or will be */
	PATCH_NONE,  /* there is none, and will be none */
};

/* Begins with an empty queue. Thread-safe from then on. data_dir must outlive it. */
MUST_CHECK bool patches_start(const char *data_dir, struct patches **out, struct error *err);
/* Ends the child, too. Accepts NULL. */
void patches_stop(struct patches *patches);

/* Both are SHA-256 of archives of one package. Orders the patch when it is not there. */
enum patch_state patches_ask(struct patches *patches, const char *base, const char *target);

/* In the arena. */
const char *patches_path(const char *data_dir, const char *base, const char *target,
			 struct arena *arena);

/* Forgets all patches from and to an archive that is gone. */
void patches_forget(const char *data_dir, const char *sha256);
