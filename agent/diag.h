/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What helps to understand a gateway from afar: pieces of text with a name each. No keys, no contents of
 * configuration files, no parameter values; log lines are redacted (redact.h). Works on the
 * current folder, with or without a running agent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum { DIAG_MAX_BYTES = 128 * 1024 }; /* of one piece */

struct diag_piece {
	const char *name; /* "host.txt" */
	const char *text;
};

/* Of the machine and the folder: piece index, in the arena. False: there is none. */
bool diag_piece_at(size_t index, struct arena *arena, struct diag_piece *out);

/* The end of a service's log; false when index is beyond the last folder below logs/. */
bool diag_log_at(size_t index, struct arena *arena, struct diag_piece *out);
