/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that plays some of the nodes: one loop over epoll and one heap of timers. It talks to the parent through
 * memory that both see.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "sim/conn.h"
#include "sim/content.h"
#include "sim/fleet.h"
#include "sim/node.h"
#include "sim/options.h"
#include "sim/record.h"
#include "sim/stats.h"
#include "sim/tls.h"

enum { WORKERS_MAX = 256 };

/* What parent and workers share. */
struct shared {
	atomic_bool running;  /* the fleet is connected: outages, logs and events begin */
	atomic_int storm;     /* counts up: all connections are to be cut */
	atomic_bool draining; /* nothing new is begun, what is under way ends */
	atomic_bool stopping;
	struct rollout_table rollouts;
	struct stats stats[WORKERS_MAX];
};

struct worker {
	const struct options *options;
	const struct fleet *fleet;
	struct shared *shared;
	struct stats *stats;
	struct conn_target *targets; /* one per broker */
	struct tls_shared *tls;
	struct record *record;

	int epoll;
	struct node *nodes;
	size_t first, count;
	struct node **heap;
	size_t heap_count;
	struct node *waiting, **waiting_tail;
	size_t connecting;
	struct contents *contents;

	usec_t now, now_utc; /* of this turn */
	usec_t begun;
	bool running, draining;
	int storm;

	/* For one node at a time. */
	struct arena *arena;
	struct strbuf out;  /* packets to be sent */
	struct strbuf text; /* of one message */
	uint8_t *input;
	size_t input_size;
};

/* Plays fleet->nodes[first .. first + count - 1] until the parent says stop. */
MUST_CHECK bool worker_run(const struct options *options, const struct fleet *fleet,
			   struct shared *shared, size_t number, size_t first, size_t count,
			   struct error *err);

/* Keeps the heap right after node->next_due has changed; 0: out of it. */
void worker_reschedule(struct worker *worker, struct node *node);

/* A connection is no longer in the making: the next may begin. */
void worker_connected(struct worker *worker);
/* Puts a node into the queue of those that want to connect. */
void worker_queue(struct worker *worker, struct node *node);
