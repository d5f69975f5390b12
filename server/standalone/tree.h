/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data directory of a server: which folders it has, and the lock that makes sure that one
 * musterd at a time uses it. Used by standalone and by serve.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct tree {
	const char *root; /* absolute, without symlinks */
	const char *keys;
	const char *run;
	const char *log;
	int lock; /* descriptor */
};

/*
 * Makes what is missing and takes the lock: ERR_CONFLICT names the process that has it. Strings
 * live in the arena; tree_close gives the lock back.
 */
MUST_CHECK bool tree_open(const char *data_dir, struct arena *arena, struct tree *out,
			  struct error *err);
void tree_close(struct tree *tree);
