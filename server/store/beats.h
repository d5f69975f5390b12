/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table node_beat: when a node was last seen, and the figures of its newest beat. Most of what nodes
 * send ends here and nowhere else, so a batch of beats is one statement.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "protocol/beat.h"

struct beat_row {
	const char *node_id;
	int broker; /* where it was heard */
	usec_t at;
	struct msg_beat beat;
};

/*
 * Stores the beats of those nodes of which they say nothing new: that are online and active, run what they
 * should, are at the broker where they were before, and told us the message that the beat refers to. Each node at most once. others (room for count) gets
 * the indices of the rest, of which nothing is stored.
 */
MUST_CHECK bool beats_put(struct ctx *ctx, const struct beat_row *rows, size_t count,
			  size_t *others, size_t *other_count, struct error *err);

/*
 * Rows [{id, seen_at, mark, cpu, memory, disk}]: a sign of life. With mark a health message came, and the figures
 * are those of a beat after it, or null; without mark and figures, these stay.
 */
MUST_CHECK bool beats_seen(struct ctx *ctx, const json_t *rows, struct error *err);
