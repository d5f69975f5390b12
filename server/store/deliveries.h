/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries of events to webhooks: the queue that server/notify works off. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/alert.h"
#include "model/ctx.h"

/* Ids of the project's enabled webhooks that want events of this type ("rollout.*" and "*" match). */
MUST_CHECK bool deliveries_receivers(struct ctx *ctx, const char *type,
				     const char *const **webhooks, size_t *count,
				     struct error *err);

/* One delivery, due now; wakes the sender at commit. */
MUST_CHECK bool deliveries_insert(struct ctx *ctx, const char *webhook_id, const char *event_id,
				  const char *type, const char *body, struct error *err);

/* Newest first, behind (before, before_id). */
MUST_CHECK bool deliveries_list(struct ctx *ctx, const char *webhook_id, usec_t before,
				const char *before_id, int64_t limit, struct delivery **out,
				size_t *count, int64_t *total, struct error *err);
MUST_CHECK bool deliveries_get(struct ctx *ctx, const char *id, struct delivery *out,
			       struct error *err);
/* Due again now, from its first attempt. */
MUST_CHECK bool deliveries_requeue(struct ctx *ctx, const char *id, struct error *err);

/* What the sender needs of one delivery. */
struct delivery_job {
	const char *id;
	const char *project_id;
	const char *webhook_id;
	const char *event_id;
	const char *body;
	const char *url;
	const void *secret_sealed;
	size_t secret_size;
	int64_t attempt; /* of this try, from 1; the fencing token */
};

/* Over all projects: claims up to limit due deliveries for lease_s seconds. */
MUST_CHECK bool deliveries_claim(struct ctx *ctx, int64_t limit, int lease_s,
				 struct delivery_job **out, size_t *count, struct error *err);

/* Records a try, if nobody else has claimed meanwhile. next_at 0: no further try (state says why). */
struct delivery_outcome {
	const char *state; /* pending, succeeded, failed */
	usec_t next_at;
	int64_t status;	   /* HTTP, 0 = none */
	const char *error; /* or NULL */
	const char *excerpt;
};
MUST_CHECK bool deliveries_finish(struct ctx *ctx, const struct delivery_job *job,
				  const struct delivery_outcome *outcome, struct error *err);
