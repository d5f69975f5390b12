/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries of events to webhooks: the queue that server/notify works off. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* Ids of the project's enabled webhooks that want events of this type ("rollout.*" and "*" match). */
MUST_CHECK bool deliveries_receivers(struct ctx *ctx, const char *type,
				     const char *const **webhooks, size_t *count,
				     struct error *err);

/* One delivery, due now; wakes the sender at commit. */
MUST_CHECK bool deliveries_insert(struct ctx *ctx, const char *webhook_id, const char *event_id,
				  const char *type, const char *body, struct error *err);
