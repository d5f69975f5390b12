/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What domain/desired needs to build the next generation of many nodes at once, and where it puts it. Each
 * function is one statement, whatever the number of nodes. Within ctx->project_id.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct desired_node {
	const char *id;
	const char *name;
	const char *project; /* its name */
	bool retired;
	int64_t generation; /* 0 before the first */
	const char *digest; /* of that generation's content, or NULL */
	const char *labels; /* JSON object as text */
};

/* A service with a desired part. */
struct desired_row {
	const char *node_id;
	const char *service;
	const char *driver;
	bool run;
	const char *parameters; /* JSON object as text, or NULL */
	const char *config_id;	/* NULL: no config */
	const char *config_name;
	int64_t config_version;
	const char *package_id; /* NULL: no package */
};

struct desired_package {
	const char *id;
	const char *name;
	const char *version;
	const char *platform;
	const char *sha256;
	int64_t size;
	const char *envelope; /* DSSE JSON */
};

struct desired_content {
	const char *digest;
	const char *text;
};

struct desired_value {
	const char *node_id;
	const char *name;
	const char *value;
};

struct desired_key {
	const char *id;
	const void *public_key;
	size_t size;
};

/* Locks the nodes' rows, so that generations are given one after the other; ordered by id. */
MUST_CHECK bool desired_nodes_lock(struct ctx *ctx, const char *const *ids, size_t id_count,
				   struct desired_node **out, size_t *count, struct error *err);
/* Ordered by node and service. */
MUST_CHECK bool desired_rows(struct ctx *ctx, const char *const *ids, size_t id_count,
			     struct desired_row **out, size_t *count, struct error *err);
/* What these nodes have now, each distinct content once, ordered by digest. */
MUST_CHECK bool desired_contents(struct ctx *ctx, const char *const *ids, size_t id_count,
				 struct desired_content **out, size_t *count, struct error *err);
/* Packages by id, in that order. */
MUST_CHECK bool desired_packages(struct ctx *ctx, const char *const *ids, size_t id_count,
				 struct desired_package **out, size_t *count, struct error *err);
/* Values of variables at the level of these nodes, ordered by node and name. */
MUST_CHECK bool desired_values(struct ctx *ctx, const char *const *ids, size_t id_count,
			       struct desired_value **out, size_t *count, struct error *err);
MUST_CHECK bool desired_release_keys(struct ctx *ctx, struct desired_key **out, size_t *count,
				     struct error *err);

/*
 * Node nodes[i] gets generation generations[i] with contents[places[i] - 1]; both are texts of numbers.
 * Points the nodes at them, forgets all but the newest twenty, and leaves one row in the outbox for each.
 */
struct desired_batch {
	const char *const *nodes;
	const char *const *generations;
	const char *const *places;
	size_t node_count;
	const char *const *contents;
	const char *const *digests;
	size_t content_count;
	const char *rollout_id; /* or NULL */
};
MUST_CHECK bool desired_insert(struct ctx *ctx, const struct desired_batch *batch,
			       struct error *err);
