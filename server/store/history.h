/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nodes were told to run, and since when: table node_service_history, with the text of each service once
 * in service_content. Written with every generation (domain/desired); read by plans, undo and baseline.
 * Within ctx->project_id.
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

/* That a node was told a service; generations are texts of numbers. */
struct history_told {
	const char *node_id, *generation, *service, *digest;
};

struct history_service {
	const char *digest; /* by history_digest */
	json_t *json;
};

struct history_batch {
	const char *const *nodes, *const *generations; /* of each node that got a generation */
	size_t node_count;
	struct history_told *told; /* every service that any of these generations holds */
	size_t told_count;
	struct history_service *services; /* each of their digests at least once */
	size_t service_count;
};

/* Within the transaction that gives the nodes these generations, after their rows are written: adds what is
 * other than before. */
MUST_CHECK bool history_tell(struct ctx *ctx, const struct history_batch *batch, struct error *err);

/* Of the text of a service with its keys in order. */
const char *history_digest(struct ctx *ctx, json_t *service);

struct history_row {
	const char *node_id, *service;
	usec_t valid_from;
	int64_t generation;
	bool removed;
	const char *driver;
	bool run;
	const char *package_name, *package_version; /* NULL: none, or deleted since */
	const char *config_id, *config_name;
	int64_t config_version;
	const char *rollout_id;
	int64_t rollout_number; /* 0: not by a rollout that is still known */
	const char *rollout_name, *rollout_kind, *created_by, *approved_by;
};

/* What the node should run now, by service; removed services are left out. */
MUST_CHECK bool history_now(struct ctx *ctx, const char *node_id, struct history_row **out,
			    size_t *count, struct error *err);

/* All changes of the node, newest first; before: where the last page ended, 0 = the newest. */
MUST_CHECK bool history_list(struct ctx *ctx, const char *node_id, usec_t before, int64_t limit,
			     struct history_row **out, size_t *count, struct error *err);

/* When the oldest row of the project begins; 0 when there is none. */
MUST_CHECK bool history_start(struct ctx *ctx, usec_t *out, struct error *err);

/* Forgets what ended before this moment, and contents that nothing names any more; at most limit of each. */
MUST_CHECK bool history_forget(struct ctx *ctx, usec_t before, int64_t limit, int64_t *deleted,
			       struct error *err);
