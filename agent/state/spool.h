/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams to the server on disk: reported, logs, events, result. A message gets the next seq of
 * its stream and stays until the server has acknowledged it. Over the byte budget the oldest log
 * messages go first, then results, events last; the message behind a gap carries its begin (first) and
 * how much was lost (dropped: log lines, events, results), so that the server can tell what is
 * missing. The newest message of a stream always stays, since it tells of the gap. Of reported only
 * the newest matters, so a new one takes the place of those that were not acknowledged, and
 * nothing is lost.
 *
 * Bodies are stored without node, epoch and place, which spool_text puts in front, and with the wall
 * times of their making, which spool_text puts right when the clock was wrong (boots.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "protocol/topics.h"
#include "state/boots.h"
#include "state/state.h"

#define SPOOL_EPOCH_SIZE 17

/* What a message costs on top of its body: a small one takes room in the file, too. */
enum { SPOOL_MESSAGE_COST = 64 };

struct spool_message {
	int64_t seq;
	int64_t first;
	int64_t dropped; /* lines, events or results lost before this message */
	struct boot_stamp made;
	char *body; /* JSON object text */
};

struct spool_counters {
	int64_t produced; /* last seq given */
	int64_t acked;	  /* up to here the server has everything */
};

/* The epoch of all streams: made with the state file, renewed by spool_renumber. */
MUST_CHECK bool spool_epoch(struct state *state, char out[SPOOL_EPOCH_SIZE], struct error *err);

MUST_CHECK bool spool_counters(struct state *state, enum channel stream, struct spool_counters *out,
			       struct error *err);

/*
 * Adds a message, then makes room for budget_bytes. items is what is lost when it must go: the number
 * of its log lines or events, 1 for a result, 0 for a report. The body is borrowed; its members v,
 * epoch, seq and first are left out, and dropped is what is lost already.
 */
MUST_CHECK bool spool_append(struct state *state, enum channel stream, json_t *body, int64_t items,
			     int64_t budget_bytes, struct error *err);

/* The first kept message behind seq; *found is false when there is none. */
MUST_CHECK bool spool_next(struct state *state, enum channel stream, int64_t seq,
			   struct arena *arena, struct spool_message *out, bool *found,
			   struct error *err);

/* The server has all up to upto: those go. */
MUST_CHECK bool spool_ack(struct state *state, enum channel stream, int64_t upto,
			  struct error *err);

/*
 * Begins a new epoch with all kept messages numbered from 1: the server knows of more than we have
 * produced, so this file is a copy from the past.
 */
MUST_CHECK bool spool_renumber(struct state *state, struct error *err);

/* Bytes kept, all streams, the cost of each message included. */
MUST_CHECK bool spool_bytes(struct state *state, int64_t *bytes, struct error *err);

/*
 * The message as it travels. first may reach further back than the message knows. With a correction
 * (not 0) all its times are moved by it, and it says so (corrected_ms).
 */
char *spool_text(struct arena *arena, const struct spool_message *message, const char *node,
		 const char *epoch, int64_t first, usec_t correction);
