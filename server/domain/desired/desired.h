/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds what nodes should run: the content of their next generations, from the desired rows of their
 * services. A service that nobody touched keeps the very JSON of the generation before, so that a
 * new variable value or release key never restarts what was not asked for, and a rollback gets back
 * the bytes that ran, not a new rendering.
 *
 * Content is built once per distinct outcome, however many nodes get it; the number of statements does not
 * depend on the number of nodes.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct desired_request {
	const char *node_id;
	const char *rollout_id; /* NULL: not by a rollout */
	/* Of the rollout's step. It makes a retry new content: an agent does not try again by itself
	 * what has failed on it before. */
	int64_t attempt;
	int64_t gate_ms;
	int64_t deadline_ms;
	/* What ran before comes back: packages may have a lower release than those that run. */
	bool downgrade;
	/*
	 * Services to build anew: an object whose value is the JSON to use as it is, or null to render.
	 * Borrowed. All others are kept.
	 */
	json_t *touched;
};

struct desired_outcome {
	int64_t generation; /* 0: why says what is wrong with this node */
	struct error why;
};

/*
 * Within a transaction: gives each node a new generation and leaves its message in the outbox. All
 * requests are of one rollout, and each node comes once. False is for what is wrong with all of them; of
 * single nodes the outcome says: INVALID when a config cannot be rendered (text says where), TOO_LARGE
 * when the content passes LIMIT_DESIRED_CONTENT, CONFLICT when the node is retired, NOT_FOUND.
 */
MUST_CHECK bool desired_rebuild_all(struct ctx *ctx, const struct desired_request *requests,
				    size_t count, struct desired_outcome outcomes[],
				    struct error *err);

/* The same for one node. */
MUST_CHECK bool desired_rebuild(struct ctx *ctx, const struct desired_request *request,
				int64_t *generation, struct error *err);

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

struct render_input;
/*
 * The JSON of one service as a node gets it, without a database: what a plan uses to foresee it.
 * input->version is the service's config version with contents, or NULL when it has no config. *out is kept
 * by the arena. ERR_INVALID and ERR_TOO_LARGE as above.
 */
MUST_CHECK bool desired_service_render(const struct render_input *input,
				       const struct desired_service *service, struct arena *arena,
				       json_t **out, struct error *err);
