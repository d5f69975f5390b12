/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By what an open stream of events is allowed: a session or a token, in a project. A text names it
 * without holding a secret, and can be asked about again while the stream lasts.
 */
#pragma once

#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* In ctx's project; from the arena. */
const char *right_of_session(struct ctx *ctx, const char *secret);
const char *right_of_token(struct ctx *ctx, const char *token_id);

/* Those among rights that hold no longer: signed out, revoked, expired, disabled, out of the project. */
MUST_CHECK bool rights_ended(struct ctx *ctx, const char *const *rights, size_t count,
			     const char *const **ended, size_t *ended_count, struct error *err);
