/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the time in each boot of the device. A message is stamped with the boot, the boot
 * clock and the wall clock; nobody vouches for the wall clock (a board without a battery begins at
 * 1970), but the boot clock never jumps. Messages that the server has signed tell at which UTC
 * time a boot began: not before least, and, after a question that was answered, not after most.
 * With that, times are put right when a message goes up.
 */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "state/state.h"

/* A wall clock this near is taken for right. */
#define BOOTS_TOLERANCE (5 * USEC_PER_SEC)

/* When something was made. */
struct boot_stamp {
	int64_t boot;  /* id of the boot, 0: unknown */
	usec_t uptime; /* boot clock */
	usec_t wall;   /* UTC as the device had it */
};

/* Now; the first call in a boot notes it, with what is known of the time before any message. */
MUST_CHECK bool boots_stamp(struct state *state, struct boot_stamp *out, struct error *err);

/* The current boot began at least then: from a signed message, or from what an earlier boot knew. */
MUST_CHECK bool boots_learn_least(struct state *state, usec_t least, struct error *err);

/* It began within this interval: a question was answered. */
MUST_CHECK bool boots_learn(struct state *state, usec_t least, usec_t most, struct error *err);

/*
 * What is to be added to the wall times of what was made then. 0: they are right as far as anybody
 * knows, or nothing is known.
 */
MUST_CHECK bool boots_correction(struct state *state, const struct boot_stamp *stamp,
				 usec_t *correction, struct error *err);
