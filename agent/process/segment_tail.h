/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the log of one service from its end, or on from a place; see segment.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct segment_cursor {
	uint64_t segment; /* 0: before all */
	int64_t offset;
};

/* The place before the last lines whole records of a folder; its begin when there are fewer. */
void segment_tail(const char *folder, size_t lines, struct segment_cursor *cursor);

/*
 * Reads whole records behind the cursor, at most size bytes, into buffer and moves the cursor behind
 * them; 0: nothing there yet. A segment that is gone is skipped.
 */
size_t segment_read(const char *folder, struct segment_cursor *cursor, char *buffer, size_t size);
