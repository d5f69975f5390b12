/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beats are put aside and stored together, a thousand or some tenths of a second at a time, the last
 * of each node: that a node lives is all that most of them say. One that says more goes the way of other messages. A
 * node's messages keep their order: whoever has another message of a node stores its beat first.
 * Belongs to one ingest worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "domain/fleet/fleet.h"

struct fleet_beats;

struct fleet_beats *fleet_beats_new(void);
void fleet_beats_free(struct fleet_beats *beats); /* accepts NULL */

/*
 * Takes the beats out of a batch of decoded messages; the others move up and their number is returned.
 * flush is set when the beats have to be stored before these, or now at the latest. now is monotonic. The
 * same batch may be given again after a failure.
 */
size_t fleet_beats_take_out(struct fleet_beats *beats, struct fleet_message *messages, size_t count,
			    usec_t now, bool *flush);

/* Milliseconds until they are to be stored, 0: now, -1: there are none. */
int fleet_beats_wait_ms(const struct fleet_beats *beats, usec_t now);

/*
 * Stores them. outcome and failure are as of fleet_take; they are kept until it succeeds, or until
 * fleet_beats_drop.
 */
MUST_CHECK bool fleet_beats_flush(struct ctx *ctx, const char *owner, struct fleet_memory *memory,
				  struct fleet_beats *beats, struct fleet_outcome *outcome,
				  struct error *err);

void fleet_beats_drop(struct fleet_beats *beats);
