/* SPDX-License-Identifier: Apache-2.0 */
/* Forgets what nobody will look at again; one task of the scheduler. */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* Deletes in bounded batches; busy when more is left. */
MUST_CHECK bool retention_run(struct ctx *ctx, bool *busy, struct error *err);
