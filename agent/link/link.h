/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to the broker: connects with the device certificate, reconnects with full jitter,
 * sends the streams of the spool and handles their acknowledgements. The broker is not trusted:
 * what arrives is only bounded here, and verified by its reader.
 *
 * Runs on the agent's loop. libmosquitto resolves names with getaddrinfo, which may block:
 * agent/main.c bounds it with RES_OPTIONS; everything else here never waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "protocol/beat.h"
#include "protocol/topics.h"
#include "state/state.h"

struct link;

struct trusted_time;

struct link_brokers {
	const char *const *urls; /* "mqtts://host:port"; tried in turn */
	size_t count;
	const char *const *former; /* tried too when none of urls was reached for a while */
	size_t former_count;
};

struct link_options {
	struct loop *loop;
	struct state *state;
	const char *node;
	struct link_brokers brokers;
	int64_t broker_patience_ms;	 /* that while */
	const struct trusted_time *time; /* what the broker's certificate is judged by */
	const char *ca_file;
	const char *certificate_file;
	const char *key_file;
	int64_t reconnect_min_ms;
	int64_t reconnect_max_ms;
	int64_t catchup_rate_bytes; /* of one stream per second after a time offline; 0: no limit */
	int64_t catchup_spread_ms;  /* logs and events begin within this time, by chance */
	/* The broker has accepted us (or the epoch has changed): say hello. */
	void (*connected)(void *arg);
	/* A desired or command message of at most LIMIT_DOWN_MESSAGE bytes. */
	void (*received)(enum channel channel, const void *payload, size_t size, void *arg);
	/* The server has not got the health message that beats refer to. */
	void (*lacks_health)(void *arg);
	void *arg;
};

/* Strings are borrowed until link_free. Connects by itself in the next turn. */
struct link *link_new(const struct link_options *options);

/* Says farewell (at most farewell_ms) and closes. */
void link_free(struct link *link, int farewell_ms);

bool link_online(const struct link *link);

/* Since when the server answers this process, as boot time; 0: it has not yet. */
usec_t link_served(const struct link *link);

/* Why it is not online, or "connected"; valid until the next turn. */
const char *link_reason(const struct link *link);

/* Publishes a message that is not of a stream, text as it is. False when not online. */
bool link_publish(struct link *link, enum channel channel, const char *text);

/* Whether the server has said on this connection that it takes beats. */
bool link_takes_beats(const struct link *link);
/* Publishes one. False when not online. */
bool link_beat(struct link *link, const struct msg_beat *beat);

/*
 * Keeps the streams back until link_release, at most for delay_ms: until it is known what time it is,
 * so that times can be put right. Ends with the connection.
 */
void link_hold(struct link *link, int64_t delay_ms);
void link_release(struct link *link);

/* Connects again, soon: with the files as they are then. */
void link_reconnect(struct link *link, const char *why);

/*
 * These are the brokers from now on (borrowed): connects again, soon, unless it is at one of urls. Where it
 * came back to a former one since urls could not be reached, it waits ten times broker_patience_ms before
 * it tries them again.
 */
void link_move(struct link *link, const struct link_brokers *brokers);

/* Something was added to the spool. */
void link_wake(struct link *link);
