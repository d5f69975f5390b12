/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table outbox: messages to nodes that a change has left for the broker. A claim is a lease, the
 * attempt its fencing token: who lost the lease meanwhile neither deletes nor delays the row.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct outbox_item {
	int64_t id;
	int64_t attempt;
	bool command; /* else desired */
	const char *node_id;
	const char *project_id;
	bool retired;
	bool online;
	usec_t created_at;
	int broker;	 /* where the node was heard last; -1: nowhere yet */
	int trust;	 /* number of the newest statement on signing keys that the node has */
	json_t *payload; /* of a command; kept by the arena */

	/* The newest desired state; generation 0: there is none. */
	int64_t generation;
	const char *digest;
	const char *content;
};

/* Is it a command of this kind? */
bool outbox_is(const struct outbox_item *item, const char *kind);

/* Claims at most limit rows that are due, oldest first, for lease_s seconds. */
MUST_CHECK bool outbox_claim(struct ctx *ctx, int lease_s, int64_t limit, struct outbox_item **out,
			     size_t *count, struct error *err);

/* Deletes those of the items that are still ours. */
MUST_CHECK bool outbox_delete(struct ctx *ctx, const struct outbox_item *const *items, size_t count,
			      struct error *err);

/* Gives those that are still ours back, to be tried again after delays_ms (parallel to items). */
MUST_CHECK bool outbox_postpone(struct ctx *ctx, const struct outbox_item *const *items,
				const int64_t *delays_ms, size_t count, struct error *err);

/* What waits for a later time is due now: a broker is back. */
MUST_CHECK bool outbox_hurry(struct ctx *ctx, struct error *err);

/* Puts the newest desired state of these nodes into the outbox again, unless it is there already, and
 * wakes it. For nodes that turn out to be behind. */
MUST_CHECK bool outbox_insert_desired(struct ctx *ctx, const char *const *node_ids, size_t count,
				      struct error *err);

/* Puts a command into the outbox for each row [{node_id, payload}], in the place of one of the same kind
 * that still waits for the node, and wakes it. Borrowed. */
MUST_CHECK bool outbox_replace_commands(struct ctx *ctx, const char *kind, const json_t *rows,
					struct error *err);

/* Statements on signing keys for all nodes that are there; the others ask when they come. */
MUST_CHECK bool outbox_insert_keys(struct ctx *ctx, struct error *err);

/* What a retired node needs: the end of its session at the broker. */
MUST_CHECK bool outbox_insert_cut(struct ctx *ctx, const char *node_id, struct error *err);

/* Rows that wait, for the gauge. */
MUST_CHECK bool outbox_count(struct ctx *ctx, int64_t *count, struct error *err);
