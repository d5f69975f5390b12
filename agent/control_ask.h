/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of control.h: asks the agent of the current folder, and blocks. */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

/* One line of the answer, borrowed; false ends the talk. */
typedef bool (*control_line_fn)(json_t *line, void *arg);

/*
 * Sends the request (borrowed), with file beside it when that is not -1, and calls back for each line.
 * What the agent answers as an error becomes the error. ERR_NOT_FOUND: no agent runs here.
 */
MUST_CHECK bool control_ask_lines(const json_t *request, int file, control_line_fn on_line,
				  void *arg, struct error *err);

/* The same for an answer of one line, which lives in the arena. */
MUST_CHECK bool control_ask(const json_t *request, struct arena *arena, json_t **answer,
			    struct error *err);
