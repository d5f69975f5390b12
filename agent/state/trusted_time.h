/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The best time that the agent can prove: what the server has signed, going on with the boot clock.
 * It is never ahead of the real time by more than the server was, and never goes back, also not over
 * a restart. The wall clock of the device takes no part, since nobody vouches for it.
 *
 * A signed message may have waited on its way, so it proves only that it is not earlier. Once per boot,
 * and daily, the agent asks with a random word (in hello): the signed answer lies between question
 * and arrival, and with it the times of what goes up are put right (boots.h).
 */
#pragma once

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "state/state.h"

#define TRUSTED_TIME_NONCE_SIZE 17

struct trusted_time {
	struct state *state;
	usec_t anchor;	/* trusted UTC ... */
	usec_t at_boot; /* ... at this boot time */
	usec_t kept;	/* what the state file has */
	bool anchored;	/* since the agent's start */
	bool answered;	/* a question, since the agent's start */
	usec_t answered_at;
	usec_t heard_at; /* boot time of the first answer of this run, late or not; 0: none */
	usec_t asked_at;
	char nonce[TRUSTED_TIME_NONCE_SIZE]; /* of the open question, or "" */
};

/* Takes up what an earlier run has kept; least is known from enrolment. */
MUST_CHECK bool trusted_time_init(struct trusted_time *time, struct state *state, usec_t least,
				  struct error *err);

usec_t trusted_time_now(const struct trusted_time *time);

/* A verified message was issued at this time. Keeps it when it is worth a write. */
MUST_CHECK bool trusted_time_learn(struct trusted_time *time, usec_t issued, struct error *err);

/* Is it time for a question? */
bool trusted_time_wants_answer(const struct trusted_time *time);

/* Begins a question: the word that the answer must repeat. An older question is forgotten. */
const char *trusted_time_ask(struct trusted_time *time);

/* A verified answer. ERR_INVALID when nobody has asked so. */
MUST_CHECK bool trusted_time_answer(struct trusted_time *time, const char *nonce, usec_t issued,
				    struct error *err);

/* By how much the wall clock is ahead; 0 while nothing is known. */
int64_t trusted_time_offset_ms(const struct trusted_time *time);
