/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams to the server on disk: reported, logs, events, result. A message gets the next seq of
 * its stream and stays until the server has acknowledged it. Over the byte budget the oldest log
 * messages go first, then results, events last; the message behind a gap carries its begin (first), so
 * that the server can tell what is missing. Of reported only the newest matters, so a new one
 * takes the place of those that were not acknowledged.
 *
 * Bodies are stored without node, epoch and place, which spool_text puts in front.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "protocol/topics.h"
#include "state/state.h"

#define SPOOL_EPOCH_SIZE 17

struct spool_message {
	int64_t seq;
	int64_t first;
	int64_t dropped; /* log lines lost before this message */
	char *body;	 /* JSON object text */
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
 * Adds a message, then makes room for budget_bytes. items is the number of log lines in it. The
 * body is borrowed; its members v, epoch, seq and first are left out.
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

/* Bytes kept, all streams. */
MUST_CHECK bool spool_bytes(struct state *state, int64_t *bytes, struct error *err);

/* The message as it travels. first may reach further back than the message knows. */
char *spool_text(struct arena *arena, const struct spool_message *message, const char *node,
		 const char *epoch, int64_t first);
