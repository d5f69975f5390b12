/* SPDX-License-Identifier: Apache-2.0 */
/* What a node says about the generation that it applies; mqtt/ingest brings it. */
#pragma once

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "protocol/messages.h"

/*
 * Within a transaction. Repeated, late and reordered results change nothing. A failure puts the
 * node's desired rows back to what ran before, as the node itself has done.
 */
MUST_CHECK bool rollout_on_result(struct ctx *ctx, const char *node_id,
				  const struct msg_result *result, struct error *err);

/*
 * Within a transaction: gives the node back what it ran before this rollout, as a new generation,
 * unless something newer has taken over meanwhile.
 */
MUST_CHECK bool rollout_restore(struct ctx *ctx, const char *rollout_id, const char *node_id,
				struct error *err);
