/* SPDX-License-Identifier: Apache-2.0 */
/* What bundles need of nodes, within ctx->project_id and of nodes that are not retired. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"
#include "model/ctx.h"

struct bundle_state {
	int64_t generation; /* newest; 0: the node was never told anything */
	const char *digest;
	const char *content; /* the exact bytes that are signed */
};

/* ERR_CONFLICT when the node is retired. */
MUST_CHECK bool bundles_state_get(struct ctx *ctx, const char *node_id, struct bundle_state *out,
				  struct error *err);

/* Does the key (SHA-256, hex) belong to a certificate of the node, of now or before? */
MUST_CHECK bool bundles_key_known(struct ctx *ctx, const char *node_id, const char *key_sha256,
				  bool *known, struct error *err);
