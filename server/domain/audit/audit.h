/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of who did what. Written inside the transaction of the change that it tells of, so
 * that neither exists without the other; rows are never changed or removed.
 */
#pragma once

#include <jansson.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/*
 * action is "<object>.<verb>": "node.retire". object_id may be NULL. detail (NULL allowed) is taken,
 * also on failure, and must hold no secret. Actor, address and request id come from ctx.
 */
MUST_CHECK bool audit_write(struct ctx *ctx, const char *action, const char *object_kind,
			    const char *object_id, json_t *detail, struct error *err);
