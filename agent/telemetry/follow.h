/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads what services write: follows the segment files of their shims and puts batches of lines
 * into the spool. The position is kept together with the batch, so that a line goes up once, also
 * over a restart; a reader that came too late says how many lines it missed. No service can make
 * the agent slow: a turn reads a bounded amount.
 */
#pragma once

#include "base/loop.h"
#include "state/state.h"
#include "telemetry/outgoing.h"

struct follow;

struct follow_options {
	struct loop *loop;
	struct state *state;
	struct outgoing *outgoing;
	int64_t interval_ms; /* between looks at the files */
};

/* Follows every folder below logs/ of the current folder. */
struct follow *follow_new(const struct follow_options *options);
void follow_free(struct follow *follow); /* accepts NULL */

/* One look now; true when more is there than a turn takes. For tests and the last turn. */
bool follow_turn(struct follow *follow);
