/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The best time that the agent can prove: what the server has signed, going on with the boot clock.
 * It is never ahead of the real time by more than the server was, and never goes back, also not over
 * a restart. The wall clock of the device takes no part, since nobody vouches for it.
 */
#pragma once

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "state/state.h"

struct trusted_time {
	struct state *state;
	usec_t anchor;	/* trusted UTC ... */
	usec_t at_boot; /* ... at this boot time */
	usec_t kept;	/* what the state file has */
	bool anchored;	/* since the agent's start */
};

/* Takes up what an earlier run has kept; least is known from enrolment. */
MUST_CHECK bool trusted_time_init(struct trusted_time *time, struct state *state, usec_t least,
				  struct error *err);

usec_t trusted_time_now(const struct trusted_time *time);

/* A verified message was issued at this time. Keeps it when it is worth a write. */
MUST_CHECK bool trusted_time_learn(struct trusted_time *time, usec_t issued, struct error *err);

/* By how much the wall clock is ahead; 0 while nothing is known. */
int64_t trusted_time_offset_ms(const struct trusted_time *time);
