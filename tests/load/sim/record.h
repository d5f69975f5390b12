/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulator's own log: one line for everything that a node was told, did and said, which tests/load/check.py
 * holds against the database. A file per worker:
 *
 *   <UTC microseconds> <node id> <what> <fields, separated by spaces, - for none>
 *
 *   desired <generation> <digest> <rollout> new|again|old|equivocation|foreign|bad
 *   run     <generation> <digest> <service=package@version#config@version,...>
 *   sent    <stream> <seq> <epoch> <what>      a message of a stream, when it is made
 *   verdict <generation> <digest> <rollout> <state>
 *   ack     <stream> <seq> <epoch>             the server has everything up to here
 */
#pragma once

#include <stddef.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"

struct record;

/* Makes the folder; appends to <folder>/<number>.log. */
MUST_CHECK bool record_open(const char *folder, size_t number, struct record **out,
			    struct error *err);
/* All accept NULL: nothing is recorded. */
void record_line(struct record *record, usec_t at, const char *node, const char *format, ...)
	PRINTF_FORMAT(4, 5);
MUST_CHECK bool record_close(struct record *record, struct error *err);
