/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drawn numbers without a state: each depends on the seed, the node's number, what it is for, and a count,
 * and on nothing else. So the same seed gives every node the same fate, in whatever order messages arrive.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum draw_kind {
	DRAW_EPOCH,
	DRAW_BEAT,   /* jitter of heartbeats */
	DRAW_APPLY,  /* how long a change takes */
	DRAW_FAIL,   /* whether it fails */
	DRAW_CAUSE,  /* of what */
	DRAW_END,    /* and what became of it */
	DRAW_OUTAGE, /* when the connection goes */
	DRAW_RETURN, /* when it comes back */
	DRAW_CLEAN,  /* whether it says so before */
	DRAW_BACKOFF,
	DRAW_DROP,
	DRAW_DUPLICATE,
	DRAW_REORDER,
	DRAW_LOG,
	DRAW_EVENT,
	DRAW_VERIFY,
	DRAW_FIGURES, /* of the host */
};

struct draw {
	uint64_t seed;
	uint32_t node;
};

uint64_t draw_bits(const struct draw *draw, enum draw_kind kind, uint64_t count);

/* 0 <= x < 1 */
double draw_share(const struct draw *draw, enum draw_kind kind, uint64_t count);

/* True for this share of the counts; 0 never, 1 always. */
bool draw_happens(const struct draw *draw, enum draw_kind kind, uint64_t count, double share);

/* least <= x <= most */
int64_t draw_between(const struct draw *draw, enum draw_kind kind, uint64_t count, int64_t least,
		     int64_t most);

/* A waiting time of this mean: exponential, at most eight times the mean. */
int64_t draw_wait(const struct draw *draw, enum draw_kind kind, uint64_t count, int64_t mean);
