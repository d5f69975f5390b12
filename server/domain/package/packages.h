/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishing packages: an archive and the manifest that a release key signed. What is stored was checked
 * against each other: signature, manifest, hash, size, every entry of the archive. Archives lie below
 * the data directory under their SHA-256.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"
#include "model/package.h"

enum { UPLOADS_MAX = 20, UPLOAD_HOURS = 24 };

struct package_draft {
	json_t *envelope;   /* DSSE, borrowed */
	const char *path;   /* of the archive, on the data directory's file system; moved away */
	const char *sha256; /* of its bytes, computed by us */
	int64_t size_bytes;
	const char *upload_id; /* ends with the publication, or NULL */
};

/* INVALID: signature, manifest or archive, with the place. CONFLICT: the version exists. */
MUST_CHECK bool package_publish(struct ctx *ctx, const struct package_draft *draft,
				struct package_release *out, struct error *err);

/* platform NULL: every platform of this version. CONFLICT while nodes should run it. */
MUST_CHECK bool package_delete(struct ctx *ctx, const char *name, const char *version,
			       const char *platform, struct error *err);

/* Where the archive of this hash lies, in the arena. */
const char *package_path(struct ctx *ctx, const char *sha256);

/* --- uploads in parts --- */

MUST_CHECK bool upload_create(struct ctx *ctx, int64_t size, const char *sha256, struct upload *out,
			      struct error *err);
MUST_CHECK bool upload_find(struct ctx *ctx, const char *id, struct upload *out, struct error *err);

/* Appends the bytes of a file at offset; CONFLICT when offset is not where the upload stands. */
MUST_CHECK bool upload_append(struct ctx *ctx, const char *id, int64_t offset, const char *part,
			      struct upload *out, struct error *err);

/* Publishes a complete upload and forgets it. */
MUST_CHECK bool upload_publish(struct ctx *ctx, const char *id, json_t *envelope,
			       struct package_release *out, struct error *err);

/* Retention: removes uploads that nobody finished, of all projects. */
MUST_CHECK bool uploads_expire(struct ctx *ctx, struct error *err);

/* --- release keys --- */

/* public_key: base64 of the raw key, or PEM. */
MUST_CHECK bool release_key_create(struct ctx *ctx, const char *name, const char *public_key,
				   struct release_key *out, struct error *err);
MUST_CHECK bool release_key_revoke(struct ctx *ctx, const char *id, struct error *err);
