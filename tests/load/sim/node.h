/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One simulated node: what an agent remembers, the state of its connection, and what it is about to do. node.c
 * brings it through connection and messages, stream.c numbers what it says, change.c applies what it is told.
 * Functions append packets to worker->out; whoever called into a node from outside sends them with node_flush.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "protocol/messages.h"
#include "protocol/topics.h"
#include "sim/conn.h"
#include "sim/content.h"
#include "sim/draw.h"
#include "sim/fleet.h"
#include "sim/say.h"
#include "sim/stats.h"

struct worker;

enum node_phase {
	NODE_OFFLINE,
	NODE_WAITING, /* for its turn to connect */
	NODE_CONNECTING,
	NODE_HANDSHAKE, /* of TLS */
	NODE_CONNACK,	/* waits for it */
	NODE_SUBACK,
	NODE_ONLINE,
};

enum node_timer {
	TIMER_CONNECT, /* to begin, or to give an attempt up */
	TIMER_BEAT,
	TIMER_PING,
	TIMER_CHANGE, /* the next phase of a change */
	TIMER_LOG,
	TIMER_EVENT,
	TIMER_OUTAGE,
	TIMER_RETRY, /* look for what nobody has acknowledged */
	TIMER_HELD,  /* a message that was to be overtaken goes anyway */
	TIMER_COUNT,
};

/* One message of a stream, kept until the server has acknowledged it. */
struct message {
	struct message *next;
	int64_t seq;
	usec_t sent_at; /* first time; 0: not yet */
	int lines;	/* of a log */
	/* Of a final result: */
	usec_t received_at; /* when its desired state came; 0: not final */
	struct rollout_stats *rollout;
	bool succeeded;
	size_t size;
	char text[];
};

struct stream {
	int64_t acked, sent; /* produced is in the node's progress */
	int retries;
	usec_t since; /* last acknowledgement, or first message on its way */
	struct message *head, *tail;
	size_t kept;
};

struct change {
	struct content *content; /* NULL: nothing is being applied */
	int64_t generation;
	usec_t received_at;
	struct rollout_stats *rollout;
	enum result_state told; /* last phase */
	usec_t begun;
	int64_t lasts_us;
	const struct say_cause *cause; /* NULL: it will succeed */
	enum result_state end;
};

struct node {
	const struct identity *identity;
	struct draw draw;
	int shard;

	size_t heap; /* its place, from 1; 0: no timer */
	usec_t next_due;
	usec_t due[TIMER_COUNT];
	struct node *next_waiting;

	enum node_phase phase;
	struct conn conn;
	unsigned int attempt;
	usec_t begun;	    /* connecting */
	usec_t last_packet; /* sent */
	usec_t hello_at;    /* 0: it has been answered */
	bool answered;	    /* since the last storm */
	bool seen;	    /* was online in this run */
	uint16_t packet_id;
	uint16_t puback_id; /* whose lag is being measured, or 0 */
	usec_t puback_since;
	uint8_t *held; /* a packet that is to be overtaken */
	size_t held_size;

	struct progress progress;
	struct content *content; /* what runs; NULL: nothing, or not known */
	struct change change;
	struct stream streams[STREAM_COUNT];
	usec_t full_health; /* when all was told; 0: not since something changed */
	int mark;	    /* of that */
	int beats_taken;    /* newest version of beats that the server takes */

	uint64_t beats, attempts, outages, published, logs, events, heard;
};

/* Streams in the order of struct progress and of hello. */
static inline size_t stream_index(enum channel channel)
{
	return (size_t)(channel - CHANNEL_REPORTED);
}

/* --- node.c --- */

void node_init(struct worker *worker, struct node *node, const struct identity *identity,
	       uint32_t number);
void node_release(struct worker *worker, struct node *node);

/* A timer that is due, an event of epoll. */
void node_due(struct worker *worker, struct node *node);
void node_event(struct worker *worker, struct node *node, uint32_t events);
/* Its turn has come. */
void node_connect(struct worker *worker, struct node *node);

/* Cuts the connection; it comes back after pause_us. */
void node_cut(struct worker *worker, struct node *node, bool abrupt, usec_t pause_us);
/* Says farewell; nothing more will happen. */
void node_leave(struct worker *worker, struct node *node);
/* The run has begun, or the node is back in it: outages, logs and events are due from now on. */
void node_arm(struct worker *worker, struct node *node);

void node_flush(struct worker *worker, struct node *node);
void node_hello(struct worker *worker, struct node *node);
void node_timer(struct worker *worker, struct node *node, enum node_timer timer, usec_t at);

/* --- say_node.c --- */

/* Sends a message now, or loses, doubles or delays it as drawn. Nothing when the node is not online. */
void node_publish(struct worker *worker, struct node *node, enum channel channel, const char *text,
		  size_t size);
void node_beat(struct worker *worker, struct node *node);
void node_log(struct worker *worker, struct node *node);
void node_tell_event(struct worker *worker, struct node *node);
void node_tell_reported(struct worker *worker, struct node *node);
void node_send_held(struct worker *worker, struct node *node);

/* --- stream.c --- */

/* The place of the next message; its text is then given to stream_put. */
struct say_place stream_next(const struct worker *worker, const struct node *node,
			     enum channel channel);
/* Keeps the text and sends it when there is room in the window. */
struct message *stream_put(struct worker *worker, struct node *node, enum channel channel,
			   const struct strbuf *text);
void stream_send(struct worker *worker, struct node *node, enum channel channel);
void streams_connect(struct worker *worker, struct node *node);
void streams_retry(struct worker *worker, struct node *node);
void streams_release(struct node *node);
void stream_ack(struct worker *worker, struct node *node, const struct msg_ack *ack);

/* --- change.c --- */

void change_desired(struct worker *worker, struct node *node, const void *payload, size_t size);
void change_due(struct worker *worker, struct node *node);
