/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast one stream is caught up after a time offline, so that a site that returns with hundreds of
 * gateways does not flood line and server. Only what was produced before the connection is
 * paced, and only when it is more than a window; what happens now follows at once when that is through.
 * Pure: a token bucket of bytes, to which the caller gives the time.
 */
#pragma once

#include <stdint.h>

#include "base/clock.h"

/* What a message costs on top of its bytes: a server handles messages, too. */
enum { PACE_MESSAGE_COST = 2048, PACE_BURST_S = 1 };

struct pace {
	int64_t rate_bytes; /* per second; 0: not paced */
	int64_t until;	    /* last seq that is paced */
	usec_t begin;	    /* boot time of the first message */
	usec_t at;	    /* to which credit was counted */
	int64_t credit;	    /* bytes that may go now; below 0: was sent ahead */
};

/*
 * A new connection: acked..produced is what waits. delay_ms is the share of chance, so that not all
 * nodes of a site begin in the same second.
 */
void pace_connect(struct pace *pace, int64_t rate_bytes, int64_t acked, int64_t produced,
		  int64_t delay_ms, usec_t now);

/* Milliseconds until the message of this seq may go; 0: now. */
int64_t pace_wait_ms(struct pace *pace, int64_t seq, usec_t now);

/* The message of this seq has gone. */
void pace_spend(struct pace *pace, int64_t seq, int64_t bytes);
