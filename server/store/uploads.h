/* SPDX-License-Identifier: Apache-2.0 */
/* Table upload: archives that arrive in parts. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/package.h"

/* At most limit unfinished ones per project: LIMITED. */
MUST_CHECK bool uploads_insert(struct ctx *ctx, const struct upload *upload, int64_t limit,
			       struct error *err);

/* NOT_FOUND when it does not exist or has expired. */
MUST_CHECK bool uploads_get(struct ctx *ctx, const char *id, struct upload *out, struct error *err);

/* The same and locks it until the transaction ends. */
MUST_CHECK bool uploads_get_for_update(struct ctx *ctx, const char *id, struct upload *out,
				       struct error *err);
MUST_CHECK bool uploads_set_received(struct ctx *ctx, const char *id, int64_t received,
				     struct error *err);
MUST_CHECK bool uploads_delete(struct ctx *ctx, const char *id, struct error *err);

/* Of all projects: removes what has expired and gives its ids, so that files can go too. */
MUST_CHECK bool uploads_delete_expired(struct ctx *ctx, const char *const **ids, size_t *count,
				       struct error *err);
