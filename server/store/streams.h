/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table node_stream: how far each upward stream of each node is stored. Deduplication and
 * acknowledgement both come from here, in the transaction that stores the messages themselves.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct stream_place {
	const char *node_id;
	const char *stream;
	const char *epoch;
	int64_t last_seq; /* 0: nothing yet */
	bool changed;	  /* the caller's mark of what to write back */
};

/* Places of all streams and epochs of these nodes, of any project, sorted by node id. */
MUST_CHECK bool streams_load(struct ctx *ctx, const char *const *node_ids, size_t count,
			     struct stream_place **out, size_t *out_count, struct error *err);

/* Writes the places that are marked as changed. A place never goes back. */
MUST_CHECK bool streams_save(struct ctx *ctx, const struct stream_place *places, size_t count,
			     struct error *err);

/* Drops all but the newest epochs of the streams of these nodes: an agent that lost its disk starts
 * a new one each time, and one that means no good may start many. */
MUST_CHECK bool streams_prune(struct ctx *ctx, const char *const *node_ids, size_t count,
			      struct error *err);
