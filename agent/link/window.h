/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far one stream has been sent and acknowledged. Pure: the caller gives the time and does the
 * sending. At most LIMIT_STREAM_WINDOW sequence numbers are on their way; without an
 * acknowledgement for WINDOW_PATIENCE everything is sent again, since the broker's PUBACK says
 * nothing about the server. The patience doubles each time, since a server that is behind does not
 * catch up by being told everything again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"

#define WINDOW_PATIENCE (10 * USEC_PER_SEC)
#define WINDOW_MAX_DOUBLINGS 5

struct window {
	int64_t acked;	 /* the server has everything up to here */
	int64_t sent;	 /* last sent in this connection, or acked */
	int64_t floor;	 /* what the server last said to have: less than acked after it lost data */
	int retries;	 /* since the last acknowledgement */
	usec_t progress; /* boot time of the last acknowledgement or first send */
};

enum window_ack {
	WINDOW_ACK_OLD,	     /* nothing new */
	WINDOW_ACK_PROGRESS, /* acked has grown: drop what it covers */
	WINDOW_ACK_BEHIND,   /* the server has lost what we dropped: send on, with a gap marker */
	WINDOW_ACK_FUTURE,   /* it has more than we produced: begin a new epoch */
};

/* A new connection: everything behind acked goes out again. */
void window_connect(struct window *window, int64_t acked, usec_t now);

bool window_has_room(const struct window *window);
void window_mark_sent(struct window *window, int64_t seq, usec_t now);

/* produced: the last seq that exists. */
enum window_ack window_acknowledge(struct window *window, int64_t upto, int64_t produced,
				   usec_t now);

/* Gives up waiting when it is time, so that the next send begins behind acked. */
bool window_retry(struct window *window, usec_t now);

/* The first that a message of this stream must cover to connect to what the server has. */
int64_t window_first(const struct window *window, int64_t seq, int64_t first);

/* Full jitter: a random delay up to min * 2^attempt, at most max. attempt begins at 0. */
int64_t backoff_delay_ms(int attempt, int64_t min_ms, int64_t max_ms);
