/* SPDX-License-Identifier: Apache-2.0 */
/* What link.c (connection) and streams.c (spool) share. */
#pragma once

#include <mosquitto.h>

#include "base/arena.h"
#include "link/link.h"
#include "link/pace.h"
#include "link/window.h"
#include "state/spool.h"

struct link {
	struct link_options options;
	struct mosquitto *client; /* one per connection attempt */
	usec_t time;		  /* trusted, at the begin of the attempt */
	int fd;			  /* watched by the loop, or -1 */
	bool online;		  /* CONNACK was positive */
	bool lost;		  /* the library has ended the connection */
	bool inside;		  /* in a call of the library: no clean-up now */
	int attempt;		  /* failed ones in a row */
	size_t broker;		  /* index of the next to try, the former ones last */
	const char *url;	  /* of the one that it is at, or tries */
	usec_t away_since;	  /* boot time: none of the brokers was reached, 0: one is */
	usec_t returned_at;	  /* boot time: to a former one, 0: never */
	usec_t deadline;	  /* boot time, for CONNACK */
	uint64_t tick_timer;
	uint64_t connect_timer;
	uint64_t wake_timer;
	char epoch[SPOOL_EPOCH_SIZE];
	struct window windows[CHANNEL_COUNT];
	struct pace paces[CHANNEL_COUNT];
	usec_t held_until;   /* boot time; 0: the streams are not kept back */
	uint64_t pace_timer; /* the next paced message is due */
	struct arena *arena; /* of one send or one message */
	usec_t served;	     /* boot time of the first acknowledgement, 0: none */
	usec_t owed;	     /* since when the broker owes us an answer; 0: it does not */
	int beats;	     /* newest version of beats that the server takes */
	char reason[200];
};

/* Publishes and keeps the loop's interest right. */
bool link_send(struct link *link, enum channel channel, const void *bytes, size_t size);

/* Reads epoch and counters: at each connection. */
bool streams_connect(struct link *link, struct error *err);

/* Sends what the windows and the socket take. */
void streams_send(struct link *link);

/* Sends again what was not acknowledged in time. */
void streams_tick(struct link *link);

/* An ack message as it came. */
void streams_receive_ack(struct link *link, const void *payload, size_t size);
