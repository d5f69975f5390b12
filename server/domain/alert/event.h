/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events for the outside world: alert.firing, rollout.paused, node.enrolled ... Emitting one leaves
 * a delivery for every webhook of the project that wants it, in the transaction of the change that
 * it tells of; server/notify sends them.
 */
#pragma once

#include <jansson.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* data (taken, also on failure) becomes {"type", "timestamp", "data"} and must hold no secret. */
MUST_CHECK bool event_emit(struct ctx *ctx, const char *type, json_t *data, struct error *err);
