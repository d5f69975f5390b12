/* SPDX-License-Identifier: Apache-2.0 */
/* What the outbox sends: signed envelopes, made out of rows. */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "store/outbox.h"

/*
 * The envelope with the desired state of the item, with download addresses for the packages in it.
 * JSON text in the arena.
 */
MUST_CHECK bool envelope_desired(struct ctx *ctx, const struct outbox_item *item, char **out,
				 struct error *err);

/* The envelope with the command of the item: its payload with node and times added. */
MUST_CHECK bool envelope_command(struct ctx *ctx, const struct outbox_item *item, char **out,
				 struct error *err);

/* When a command made at created_at is not worth sending any more. */
usec_t command_expiry(usec_t created_at);
