/* SPDX-License-Identifier: Apache-2.0 */
/* How far the log of each service has been put into the spool. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "state/state.h"

struct log_position {
	int64_t segment; /* number of the file; 0: nothing was read yet */
	int64_t offset;	 /* behind the last whole record */
	int64_t lines;	 /* records read since the log was begun */
};

MUST_CHECK bool log_position_find(struct state *state, const char *service,
				  struct log_position *out, struct error *err);
MUST_CHECK bool log_position_update(struct state *state, const char *service,
				    const struct log_position *position, struct error *err);
