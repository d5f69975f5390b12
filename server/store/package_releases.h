/* SPDX-License-Identifier: Apache-2.0 */
/* Tables package_release and release_key. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/package.h"

/* Newest first; name NULL = all. after_at, after_id: where the last page ended, or NULL. */
MUST_CHECK bool package_releases_list(struct ctx *ctx, const char *name, const char *after_at,
				      const char *after_id, int64_t limit,
				      struct package_release **out, size_t *count,
				      struct error *err);
MUST_CHECK bool package_releases_count(struct ctx *ctx, const char *name, int64_t *out,
				       struct error *err);

/* platform NULL: any. found is false when there is none. */
MUST_CHECK bool package_releases_find(struct ctx *ctx, const char *name, const char *version,
				      const char *platform, struct package_release *out,
				      bool *found, struct error *err);

/* CONFLICT when name, version and platform are taken. */
MUST_CHECK bool package_releases_insert(struct ctx *ctx, const struct package_release *release,
					struct error *err);

/* CONFLICT while a node should run it, or a rollout or its undoing may need it. */
MUST_CHECK bool package_releases_delete(struct ctx *ctx, const struct package_release *release,
					struct error *err);

/* Until the end of the transaction nobody else adds or removes releases of this archive. */
MUST_CHECK bool package_archives_lock(struct ctx *ctx, const char *sha256, struct error *err);

/* Whether a release of any project still needs the archive. */
MUST_CHECK bool package_archives_used(struct ctx *ctx, const char *sha256, bool *used,
				      struct error *err);

/* Whether some project has both as releases of one package. */
MUST_CHECK bool package_archives_related(struct ctx *ctx, const char *one, const char *other,
					 bool *related, struct error *err);

/* Keys that are not revoked, oldest first. */
MUST_CHECK bool release_keys_list(struct ctx *ctx, struct release_key **out, size_t *count,
				  struct error *err);

/* public_key: 32 bytes. CONFLICT when the project has it already. */
MUST_CHECK bool release_keys_insert(struct ctx *ctx, const struct release_key *key,
				    const void *public_key, struct error *err);

/* NOT_FOUND. */
MUST_CHECK bool release_keys_revoke(struct ctx *ctx, const char *id, struct error *err);
