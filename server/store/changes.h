/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed of changes that dashboards follow. A change is written in the transaction that makes it and
 * seen by readers after its commit, none twice and none missed.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* kind is one of the names in migration 0007; wakes the event streams at commit. */
MUST_CHECK bool changes_insert(struct ctx *ctx, const char *kind, const char *object_id,
			       struct error *err);

/* The same for each row of [{project_id, id}], of any project; borrowed. */
MUST_CHECK bool changes_insert_set(struct ctx *ctx, const char *kind, const json_t *rows,
				   struct error *err);

/* Where a reader stands: changes are read in the order of transactions, then of ids. */
struct change_position {
	int64_t xid;
	int64_t id; /* of the change; unique by itself */
};

struct change {
	struct change_position position;
	const char *project_id;
	const char *kind;
	const char *object_id;
	usec_t at;
};

/*
 * Changes of all projects behind after, at most limit, up to the first that a running transaction may
 * still precede.
 */
MUST_CHECK bool changes_list_after(struct ctx *ctx, const struct change_position *after,
				   int64_t limit, struct change **out, size_t *count,
				   struct error *err);

/* The last one that is readable now; zeros when there is none. */
MUST_CHECK bool changes_newest(struct ctx *ctx, struct change_position *out, struct error *err);

/* Retention: drops what is older than before. */
MUST_CHECK bool changes_delete_old(struct ctx *ctx, usec_t before, struct error *err);
