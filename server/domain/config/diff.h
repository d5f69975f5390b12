/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line differences (Myers' algorithm, bounded): what changed between two texts, in hunks with three
 * lines around them. Texts that differ too much are shown as replaced as a whole. Pure.
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "model/config.h"

enum { DIFF_CONTEXT_LINES = 3, DIFF_MAX_EDITS = 1000 };

enum diff_op { DIFF_SAME, DIFF_ADDED, DIFF_REMOVED };

struct diff_line {
	enum diff_op op;
	const char *text; /* without the line end; not zero-terminated */
	size_t length;
};

struct diff_hunk {
	size_t old_start, old_count; /* lines, counted from 1 */
	size_t new_start, new_count;
	const struct diff_line *lines;
	size_t line_count;
};

struct diff {
	struct diff_hunk *hunks;
	size_t hunk_count;
};

struct diff_text {
	const char *data;
	size_t length;
};

void diff_lines(struct diff_text from, struct diff_text to, struct arena *arena, struct diff *out);

/* One file of two versions. */
struct file_diff {
	const char *path;
	const char *change; /* added, removed, modified, same */
	bool binary;	    /* then there are no hunks */
	struct diff diff;
};

/* By path; both versions with contents and ordered by path. */
void diff_versions(const struct config_version *from, const struct config_version *to,
		   struct arena *arena, struct file_diff **out, size_t *count);
