/* SPDX-License-Identifier: Apache-2.0 */
/* Tables config, config_version, config_file. Versions are only ever inserted. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/config.h"
#include "model/ctx.h"

/* By id or name. NOT_FOUND. */
MUST_CHECK bool configs_get(struct ctx *ctx, const char *id_or_name, struct config *out,
			    struct error *err);

/* The same and locks the row until the transaction ends. */
MUST_CHECK bool configs_get_for_update(struct ctx *ctx, const char *id, struct config *out,
				       struct error *err);

/* By name; after: where the last page ended, or NULL. */
MUST_CHECK bool configs_list(struct ctx *ctx, const char *after, int64_t limit, struct config **out,
			     size_t *count, struct error *err);
MUST_CHECK bool configs_count(struct ctx *ctx, int64_t *out, struct error *err);

/* CONFLICT on field "name" when it is taken. */
MUST_CHECK bool configs_insert(struct ctx *ctx, const struct config *config, struct error *err);

/* With all versions. CONFLICT while a node should run one of them, or a rollout or its undoing may need
 * one. */
MUST_CHECK bool configs_delete(struct ctx *ctx, const struct config *config, struct error *err);

/* One version; no 0 = the latest. Files come with contents when asked for. NOT_FOUND. */
MUST_CHECK bool config_versions_get(struct ctx *ctx, const char *config_id, int64_t no,
				    bool with_contents, struct config_version *out,
				    struct error *err);

/* Newest first, without files; below: number at which the last page ended, or 0. */
MUST_CHECK bool config_versions_list(struct ctx *ctx, const char *config_id, int64_t below,
				     int64_t limit, struct config_version **out, size_t *count,
				     struct error *err);

/* Version and files; contents go to the blobs. Sets the config's latest. Within a transaction that
 * holds the config's lock. */
MUST_CHECK bool config_versions_insert(struct ctx *ctx, const struct config_version *version,
				       struct error *err);
