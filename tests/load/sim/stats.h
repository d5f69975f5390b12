/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the simulator counts. Each worker has a struct stats of its own in memory that it shares with the
 * parent, which adds them up; a number is written by one process only, so plain relaxed atomics do.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/clock.h"
#include "protocol/limits.h"

enum {
	/* 32 steps per power of two: 3 % at worst. Microseconds up to about half an hour. */
	HISTOGRAM_STEPS = 32,
	HISTOGRAM_BUCKETS = HISTOGRAM_STEPS * 27,
	ROLLOUTS_MAX = 64,
};

struct histogram {
	_Atomic uint64_t count;
	_Atomic uint64_t max_us;
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, int64_t us);
/* part may be counted on while it is added. */
void histogram_merge(struct histogram *sum, const struct histogram *part);
/* The value that this share of all does not exceed, in microseconds; 0 when there is none. */
int64_t histogram_at(const struct histogram *histogram, double share);

/* Names and meaning are in the table in stats.c. */
enum counter {
	COUNT_CONNECTED, /* now */
	COUNT_ONLINE,	 /* now: subscribed, and has said hello */
	COUNT_CONNECTS,
	COUNT_CONNECT_FAILURES,
	COUNT_CONNECTION_LOST,
	COUNT_OUTAGES,
	COUNT_ANSWERED, /* nodes that the server has answered since the last storm, now */
	COUNT_PUBLISHED,
	COUNT_HELLOS,
	COUNT_BEATS,
	COUNT_HEALTHS,
	COUNT_LOG_LINES,
	COUNT_LOG_LINES_ACKED,
	COUNT_EVENTS,
	COUNT_REPORTED,
	COUNT_RESULTS,
	COUNT_RESENT,
	COUNT_DROPPED,
	COUNT_DUPLICATED,
	COUNT_REORDERED,
	COUNT_DESIRED,
	COUNT_DESIRED_NEW,
	COUNT_DESIRED_AGAIN,
	COUNT_DESIRED_OLD,
	COUNT_VERIFIED,
	COUNT_COMMANDS,
	COUNT_ACKS,
	COUNT_ACKS_LATE,
	COUNT_APPLIED,
	COUNT_FAILED,
	COUNT_SUPERSEDED,
	COUNT_UNACKED, /* now: messages of streams that wait for the server */
	/* What must never be: */
	COUNT_BAD_SIGNATURE,
	COUNT_BAD_MESSAGE,
	COUNT_BACKWARDS,
	COUNT_EQUIVOCATION,
	COUNT_FOREIGN,
	COUNTER_COUNT,
};

enum lag {
	LAG_CONNECT, /* from the first SYN to the answer to SUBSCRIBE */
	LAG_ANSWER,  /* from hello to the server's first acknowledgement */
	LAG_PUBLISH, /* from PUBLISH with QoS 1 to the broker's PUBACK */
	LAG_ACK, /* from the first sending of a stream's message to the server's acknowledgement */
	LAG_DELIVERED, /* from "issued" in a new desired state to its arrival */
	LAG_CONVERGE,  /* from that arrival until its final result is acknowledged */
	LAG_COUNT,
};

struct stats {
	_Atomic int64_t counters[COUNTER_COUNT];
	struct histogram lags[LAG_COUNT];
};

struct counter_info {
	const char *name; /* in JSON */
	const char *help;
	bool fault; /* must be 0 */
};
extern const struct counter_info COUNTERS[COUNTER_COUNT];
extern const struct counter_info LAGS[LAG_COUNT];

/* Only the owner of stats may call these. */
void stats_add(struct stats *stats, enum counter counter, int64_t count);
void stats_lag(struct stats *stats, enum lag lag, int64_t us);

/*
 * How a rollout reaches the fleet: all workers write here. Times are UTC in microseconds; lags are counted from
 * first_issued, when the server signed the first of its desired states.
 */
struct rollout_stats {
	char id[LIMIT_NODE_ID + 1];
	_Atomic int64_t first_issued, last_delivered, last_confirmed;
	_Atomic int64_t delivered, succeeded, failed, confirmed;
	struct histogram delivered_lag, confirmed_lag;
};

/* In memory shared by all processes. */
struct rollout_table {
	_Atomic bool lock;
	_Atomic size_t count;
	struct rollout_stats rollouts[ROLLOUTS_MAX];
};

/* The entry of the rollout, a new one the first time; NULL when the table is full. */
struct rollout_stats *rollout_stats_find(struct rollout_table *table, const char *id);
void rollout_delivered(struct rollout_stats *rollout, usec_t issued, usec_t now);
void rollout_confirmed(struct rollout_stats *rollout, bool succeeded, usec_t now);

/* The sum of all workers. */
void stats_sum(struct stats *sum, const struct stats *parts, size_t count);
/* Faults that must never be, all together. */
int64_t stats_faults(const struct stats *sum);
json_t *stats_encode(const struct stats *sum, const struct rollout_table *table);
