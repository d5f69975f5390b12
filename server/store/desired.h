/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What domain/desired needs to build a node's next generation, and where it puts it. Within
 * ctx->project_id.
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
	const char *name;
	const char *project; /* its name */
	const char *platform;
	bool retired;
	int64_t generation;  /* 0 before the first */
	const char *content; /* of that generation, or NULL */
};

/* A service with a desired part, and the facts of its package. */
struct desired_service {
	const char *service;
	const char *driver;
	bool run;
	json_t *parameters;    /* object or NULL */
	const char *config_id; /* NULL: no config */
	const char *config_name;
	int64_t config_version;
	const char *package_name; /* NULL: no package */
	const char *package_version;
	const char *package_platform;
	const char *package_sha256;
	int64_t package_size;
	const char *package_envelope; /* DSSE JSON */
};

struct desired_key {
	const char *id;
	const void *public_key;
	size_t size;
};

/* Locks the node's row, so that generations are given one after the other. */
MUST_CHECK bool desired_node_lock(struct ctx *ctx, const char *node_id, struct desired_node *out,
				  struct error *err);
MUST_CHECK bool desired_services(struct ctx *ctx, const char *node_id, struct desired_service **out,
				 size_t *count, struct error *err);
MUST_CHECK bool desired_release_keys(struct ctx *ctx, struct desired_key **out, size_t *count,
				     struct error *err);

/* Stores the generation, points the node at it, forgets all but the newest twenty, and leaves one
 * row in the outbox. */
MUST_CHECK bool desired_insert(struct ctx *ctx, const char *node_id, int64_t generation,
			       const char *content, const char *digest, const char *rollout_id,
			       struct error *err);
