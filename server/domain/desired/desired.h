/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds what a node should run: the content of its next generation, from the desired rows of its
 * services. A service that nobody touched keeps the very JSON of the generation before, so that a
 * new variable value or release key never restarts what was not asked for, and a rollback gets back
 * the bytes that ran, not a new rendering.
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

/*
 * Within a transaction: gives the node a new generation and leaves its message in the outbox.
 * ERR_INVALID when a config cannot be rendered (text says where), ERR_TOO_LARGE when the content
 * passes LIMIT_DESIRED_CONTENT, ERR_CONFLICT when the node is retired.
 */
MUST_CHECK bool desired_rebuild(struct ctx *ctx, const struct desired_request *request,
				int64_t *generation, struct error *err);

struct desired_service;
struct render_input;
/*
 * The JSON of one service as a node gets it, without a database: what a plan uses to foresee it.
 * input->version is the service's config version with contents, or NULL when it has no config. *out is kept
 * by the arena. ERR_INVALID and ERR_TOO_LARGE as above.
 */
MUST_CHECK bool desired_service_render(const struct render_input *input,
				       const struct desired_service *service, struct arena *arena,
				       json_t **out, struct error *err);
