/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhooks by Standard Webhooks (standardwebhooks.com): the secret is shown once, stored encrypted
 * under a key outside the database, and signs every delivery.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/alert.h"
#include "model/ctx.h"

#define WEBHOOK_SECRET_SIZE 32 /* bytes behind "whsec_" */

/* Makes id and secret ("whsec_...", in the arena; never shown again). ERR_INVALID names the field. */
MUST_CHECK bool webhook_create(struct ctx *ctx, struct webhook *webhook, const char **secret,
			       struct error *err);
MUST_CHECK bool webhook_update(struct ctx *ctx, const struct webhook *webhook, struct error *err);
MUST_CHECK bool webhook_delete(struct ctx *ctx, const char *id, struct error *err);

/* Queues a webhook.test event for this webhook alone, whatever it listens to. */
MUST_CHECK bool webhook_test(struct ctx *ctx, const char *id, struct error *err);

/* Sends a delivery again, from its first attempt. */
MUST_CHECK bool webhook_redeliver(struct ctx *ctx, const char *delivery_id, struct error *err);
