/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The feed of changes that dashboards follow. A change is written in the transaction that makes it and
 * seen by readers after its commit, in the order of ids, none twice and none missed.
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

/* The same with facts for the dashboard; data is borrowed and small. */
MUST_CHECK bool changes_insert_data(struct ctx *ctx, const char *kind, const char *object_id,
				    const json_t *data, struct error *err);

struct change {
	int64_t id;
	const char *project_id;
	const char *kind;
	const char *object_id;
	usec_t at;
	json_t *data; /* NULL, or kept by the arena */
};

/*
 * Changes of all projects with an id above after, oldest first, at most limit, up to the first that a
 * running transaction may still precede.
 */
MUST_CHECK bool changes_list_after(struct ctx *ctx, int64_t after, int64_t limit,
				   struct change **out, size_t *count, struct error *err);

/* The oldest and newest id that are readable now; 0 and 0 when there is none. */
MUST_CHECK bool changes_range(struct ctx *ctx, int64_t *oldest, int64_t *newest, struct error *err);

/* Retention: drops what is older than before. */
MUST_CHECK bool changes_delete_old(struct ctx *ctx, usec_t before, struct error *err);
