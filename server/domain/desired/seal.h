/* SPDX-License-Identifier: Apache-2.0 */
/* The signed envelope in which a desired state travels, over the broker or in a bundle. */
#pragma once

#include <jansson.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct desired_letter {
	const char *node_id;
	int64_t generation;
	const char *digest;
	const char *content;
	json_t *fetch;	/* sha256 -> address; may be empty. Borrowed */
	usec_t expires; /* issued is ctx->now */
};

/* JSON text in the arena. */
MUST_CHECK bool desired_seal(struct ctx *ctx, const struct desired_letter *letter, char **out,
			     struct error *err);
