/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks, within ctx->project_id. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/alert.h"
#include "model/ctx.h"

MUST_CHECK bool webhooks_list(struct ctx *ctx, struct webhook **out, size_t *count,
			      struct error *err);
MUST_CHECK bool webhooks_get(struct ctx *ctx, const char *id, struct webhook *out,
			     struct error *err);
MUST_CHECK bool webhooks_insert(struct ctx *ctx, const struct webhook *webhook, struct error *err);
/* Name, url, events and enabled. */
MUST_CHECK bool webhooks_update(struct ctx *ctx, const struct webhook *webhook, struct error *err);
MUST_CHECK bool webhooks_delete(struct ctx *ctx, const char *id, struct error *err);
