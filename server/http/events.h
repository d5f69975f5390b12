/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events: one hub, fed with the changes of the whole installation, and any number of
 * clients that each see those of their project. Each text is made once and shared by all. A ring of the newest changes lets a client that
 * comes back with Last-Event-ID miss nothing; one that was away for too long is told to read everything
 * again ("event: resync").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

struct arena;
struct event_hub;
struct request;

struct event {
	int64_t id;		/* of the last change that it tells; never 0 */
	const char *project_id; /* NULL: for everybody */
	const char *kind;	/* "node", "rollout": one of the topics */
	const char *data;	/* JSON text in one line */
};

/* Each client holds a connection, hence the caps. */
struct event_hub *event_hub_new(size_t clients_max, size_t clients_per_user);
void event_hub_free(struct event_hub *hub); /* every stream must have ended. Accepts NULL */

/* Where the history begins: the newest change before the first event_hub_publish. */
void event_hub_start(struct event_hub *hub, int64_t last_id);

/* Copies the event. Any thread. */
void event_hub_publish(struct event_hub *hub, const struct event *event);

/* Pings, dead clients, streams that have lasted long enough. Called a few times a second. */
void event_hub_tick(struct event_hub *hub);

/* Ends all streams and takes no new ones. */
void event_hub_stop(struct event_hub *hub);

/* What a stream is allowed by, so that it can be ended when that ends. */
struct event_stream {
	const char *topics; /* comma separated, NULL = all */
	const char *right;  /* names a session or a token: event_hub_rights, event_hub_end */
	usec_t until;	    /* the stream ends then, and its rights are looked at anew; 0 = never */
};

/* Hands the connection of a request to the hub. ERR_LIMITED over a cap, ERR_UNAVAILABLE while stopping. */
MUST_CHECK bool request_reply_events(struct request *req, struct event_hub *hub,
				     const struct event_stream *stream, struct error *err);

/* The rights of all open streams, each at least once; texts in the arena. */
const char *const *event_hub_rights(struct event_hub *hub, struct arena *arena, size_t *count);

/* Ends the streams that a right stood for, with "event: logout". */
void event_hub_end(struct event_hub *hub, const char *right);
