/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded queues of messages between the link's thread and the ingest workers. All messages of a node
 * go to the same queue, so they stay in order. A full queue refuses: nodes send again what nobody
 * has acknowledged.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

/* A copy of what the broker delivered. */
struct message {
	struct message *next;
	usec_t received_at;
	int broker;	     /* the number of the one that has delivered it; set by the caller */
	size_t size;	     /* as it was sent */
	size_t kept;	     /* bytes that follow the topic; less than size when over the limit */
	const char *topic;   /* inside bytes */
	const void *payload; /* inside bytes */
	unsigned char bytes[];
};

/* Keeps at most keep_max bytes of the payload: what is over a limit is refused later, with a piece. */
struct message *message_new(const char *topic, const void *payload, size_t size, size_t keep_max,
			    usec_t received_at);
void message_free(struct message *message);

struct queue;

struct queue *queue_new(size_t max_count, size_t max_bytes);
void queue_free(struct queue *queue); /* and the messages in it; accepts NULL */

/* Takes the message over, or returns false when the queue is full or closed. */
bool queue_push(struct queue *queue, struct message *message);

/*
 * Waits for at least one message, at most wait_ms (-1: for ever), and hands out at most max of those that
 * are there, oldest first; they are the caller's. False when the queue was closed: nothing more will come.
 */
bool queue_pop(struct queue *queue, int wait_ms, struct message **out, size_t max, size_t *count);

/* Wakes who waits; from now on the queue is empty and refuses. */
void queue_close(struct queue *queue);

size_t queue_length(struct queue *queue);
