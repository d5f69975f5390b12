/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All open connections, and how long each may stay in what it does. libmicrohttpd's own timeout
 * counts from the last byte, so one byte now and then holds a connection for ever, and it does not
 * see every disconnect. A thread sweeps this list and shuts down the sockets that are overdue;
 * the library then cleans up by itself.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

struct connection;
struct connections;

enum connection_phase {
	CONNECTION_IDLE,   /* open, between requests or before the first */
	CONNECTION_READ,   /* a request is coming in */
	CONNECTION_WORK,   /* suspended: a worker has it; has limits of its own */
	CONNECTION_WRITE,  /* the answer is going out */
	CONNECTION_STREAM, /* server-sent events: pings find out whether it lives */
};

struct connection_limits {
	int64_t idle_ms;
	int64_t request_ms; /* to send a whole request without its body, and each answer without its body */
};

/* tick runs about four times a second in the sweeping thread. */
MUST_CHECK bool connections_new(const struct connection_limits *limits, void (*tick)(void *),
				void *tick_arg, struct connections **out, struct error *err);
void connections_free(struct connections *all); /* every connection must be gone */

struct connection *connection_open(struct connections *all, int fd);
/* Before the descriptor is closed, so that a reused one is never shut down. */
void connection_close(struct connections *all, struct connection *connection);

/* body_bytes to be written lengthen the limit of CONNECTION_WRITE at HTTP_MIN_RATE. */
void connection_phase(struct connections *all, struct connection *connection,
		      enum connection_phase phase, int64_t body_bytes);

/* bytes of a body came in: lengthens the limit at HTTP_MIN_RATE, never to more than a fresh one. */
void connection_progress(struct connections *all, struct connection *connection, size_t bytes);

int connection_fd(const struct connection *connection);

/* How many hold a whole request that is not answered yet. */
size_t connections_busy(struct connections *all);
