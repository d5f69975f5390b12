/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beat: what a node sends while nothing has happened, some ten bytes instead of a health message. It
 * is the only message that is no JSON, since a gateway pays for each byte of it and the server reads tens of
 * thousands a second. schema/beat.md has the same as a table; a test holds both against one example.
 *
 * A beat says that all is as in the health message with this mark, but for the figures in it. A server that
 * has not got that message asks for it with an acknowledgement of health up to 0.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "protocol/limits.h"

/* The newest layout; a server names it in its acknowledgements, and no agent beats without. */
#define BEAT_VERSION 1

#define BEAT_UNKNOWN 255 /* no such figure */
#define BEAT_FULL 200	 /* 100 % */
#define BEAT_MAX_SIZE 64 /* bytes, with what newer agents may add */

struct msg_beat {
	int mark; /* 1..65535 */
	int64_t generation;
	int cpu, memory, disk; /* used, in half percents 0..BEAT_FULL, or BEAT_UNKNOWN */
};

/* How much is used, as it travels. total 0: unknown. */
int beat_figure(double used, double total);

/* Writes at most BEAT_MAX_SIZE bytes; returns how many. */
size_t msg_beat_encode(const struct msg_beat *msg, uint8_t out[BEAT_MAX_SIZE]);

/* ERR_INVALID or ERR_TOO_LARGE. What follows the known fields is ignored. */
MUST_CHECK bool msg_beat_decode(const void *bytes, size_t size, struct msg_beat *out,
				struct error *err);
