/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/package/packages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/id.h"
#include "domain/audit/audit.h"
#include "domain/package/archive.h"
#include "domain/package/manifest.h"
#include "domain/package/patches.h"
#include "protocol/dsse.h"
#include "protocol/limits.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/package_releases.h"
#include "store/uploads.h"

enum { FOLDER_MODE = 0700 };

const char *package_path(struct ctx *ctx, const char *archive)
{
	return arena_printf(ctx->arena, "%s/packages/%s", ctx->server->data_dir, archive);
}

static bool trusted_keys(struct ctx *ctx, struct dsse_key **out, size_t *count, struct error *err)
{
	struct release_key *keys;

	if (!release_keys_list(ctx, &keys, count, err))
		return false;
	if (!*count)
		return error_set_field(err, ERR_INVALID, "manifest",
				       "the project has no release key: add the one that signed "
				       "the manifest first");
	struct dsse_key *trusted = arena_array(ctx->arena, *count, sizeof(*trusted));
	for (size_t i = 0; i < *count; i++) {
		size_t size;

		if (!base64_decode(keys[i].public_key, strlen(keys[i].public_key),
				   trusted[i].public_key, ED25519_PUBLIC_SIZE, &size))
			return error_set(err, ERR_INTERNAL, "release key %s is damaged",
					 keys[i].id);
		memcpy(trusted[i].id, keys[i].key_id, sizeof(trusted[i].id));
	}
	*out = trusted;
	return true;
}

/* A manifest is only looked at once its signature holds. */
static bool manifest_open(struct ctx *ctx, json_t *envelope, struct package_manifest *out,
			  const char **key, struct error *err)
{
	struct dsse_key *keys;
	size_t count, length;
	char *payload;

	if (!trusted_keys(ctx, &keys, &count, err))
		return false;
	if (!dsse_open(ctx->arena, envelope, DSSE_PACKAGE, keys, count, &payload, &length, key,
		       err)) {
		/* The caller is known and may publish: what is wrong is the document. */
		const char *reason = arena_strdup(ctx->arena, err->text);
		bool refused = err->code == ERR_FORBIDDEN;

		return error_set_field(err, ERR_INVALID, "manifest", "manifest: %s%s", reason,
				       refused ? " (no release key of the project has signed it)"
					       : "");
	}
	return manifest_parse(payload, length, ctx->arena, out, err);
}

static bool match_check(const struct package_manifest *manifest, const struct package_draft *draft,
			struct error *err)
{
	if (draft->size_bytes > ARCHIVE_MAX_PACKED_BYTES)
		return error_set_field(err, ERR_TOO_LARGE, "archive",
				       "archive is larger than %" PRId64 " bytes",
				       ARCHIVE_MAX_PACKED_BYTES);
	if (draft->size_bytes != manifest->archive.size)
		return error_set_field(err, ERR_INVALID, "manifest.archive.size",
				       "archive has %" PRId64 " bytes, its manifest says %" PRId64,
				       draft->size_bytes, manifest->archive.size);
	if (strcmp(draft->sha256, manifest->archive.sha256) != 0)
		return error_set_field(err, ERR_INVALID, "manifest.archive.sha256",
				       "archive has sha256 %.12s..., its manifest says %.12s...",
				       draft->sha256, manifest->archive.sha256);
	return true;
}

/* A manifest that names the tar inside lets agents build it from what they have, without the archive. */
static bool content_check(const struct package_manifest *manifest,
			  const struct tarball_facts *content, struct error *err)
{
	const struct manifest_tar *tar = &manifest->archive.tar;

	if (!tar->sha256)
		return true;
	if (tar->size != content->content_bytes)
		return error_set_field(err, ERR_INVALID, "manifest.archive.tar.size",
				       "the tar inside has %" PRId64 " bytes, its manifest says "
				       "%" PRId64,
				       content->content_bytes, tar->size);
	if (strcmp(tar->sha256, content->content_sha256) != 0)
		return error_set_field(
			err, ERR_INVALID, "manifest.archive.tar.sha256",
			"the tar inside has sha256 %.12s..., its manifest says %.12s...",
			content->content_sha256, tar->sha256);
	return true;
}

/* The archive takes its place; content of this hash that is there already stays. */
static bool archive_place(struct ctx *ctx, const struct package_draft *draft, struct error *err)
{
	const char *folder = arena_printf(ctx->arena, "%s/packages", ctx->server->data_dir);
	const char *target = package_path(ctx, draft->sha256);

	if (!file_make_folders(folder, FOLDER_MODE, err))
		return false;
	if (file_exists(target))
		return true;
	if (rename(draft->path, target) < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not store the archive");
	return file_sync_folder(folder, err);
}

struct publication {
	const struct package_draft *draft;
	struct package_release *release;
};

static bool publish_run(struct ctx *ctx, void *arg, struct error *err)
{
	struct publication *publication = arg;
	struct package_release *release = publication->release;
	const char *upload_id = publication->draft->upload_id;

	return package_archives_lock(ctx, release->sha256, err) &&
	       package_releases_insert(ctx, release, err) &&
	       audit_write(ctx, "package.create", "package", release->id,
			   json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", release->name, "version",
				     release->version, "platform", release->platform, "sha256",
				     release->sha256, "key", release->key_id),
			   err) &&
	       changes_insert(ctx, "package", release->name, err) &&
	       (!upload_id || uploads_delete(ctx, upload_id, err)) &&
	       archive_place(ctx, publication->draft, err);
}

bool package_publish(struct ctx *ctx, const struct package_draft *draft,
		     struct package_release *out, struct error *err)
{
	struct package_manifest manifest;
	struct archive_facts facts;
	const char *key;
	char *id = arena_alloc(ctx->arena, ID_SIZE);

	if (!manifest_open(ctx, draft->envelope, &manifest, &key, err) ||
	    !match_check(&manifest, draft, err) ||
	    !archive_check(draft->path, manifest.archive.format, &facts, err) ||
	    !content_check(&manifest, &facts.content, err))
		return false;
	id_random(id, "");
	struct package_release release = {
		.id = id,
		.name = manifest.name,
		.version = manifest.version,
		.platform = manifest.platform,
		.sha256 = draft->sha256,
		.size = draft->size_bytes,
		.format = manifest.archive.format,
		.release = manifest.release,
		.manifest = manifest.json,
		.envelope = json_text(draft->envelope, ctx->arena),
		.key_id = key,
		.uploaded_by = ctx->actor->name,
		.uploaded_at = ctx->now,
	};
	struct publication publication = {draft, &release};
	if (!db_transaction(ctx, publish_run, &publication, err))
		return false;
	*out = release;
	return true;
}

struct deletion {
	const char *name, *version, *platform;
};

static bool delete_one(struct ctx *ctx, const struct package_release *release, struct error *err)
{
	bool used;

	if (!package_archives_lock(ctx, release->sha256, err) ||
	    !package_releases_delete(ctx, release, err) ||
	    !audit_write(ctx, "package.delete", "package", release->id,
			 json_pack("{s:s, s:s, s:s}", "name", release->name, "version",
				   release->version, "platform", release->platform),
			 err) ||
	    !changes_insert(ctx, "package", release->name, err) ||
	    !package_archives_used(ctx, release->sha256, &used, err))
		return false;
	/* Still under the lock: nobody can publish the same bytes meanwhile. */
	if (!used && unlink(package_path(ctx, release->sha256)) < 0 && errno != ENOENT)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not remove the archive");
	if (!used)
		patches_forget(ctx->server->data_dir, release->sha256);
	return true;
}

static bool delete_run(struct ctx *ctx, void *arg, struct error *err)
{
	const struct deletion *deletion = arg;
	struct package_release release;
	bool found, any = false;

	for (;;) {
		if (!package_releases_find(ctx, deletion->name, deletion->version,
					   deletion->platform, &release, &found, err))
			return false;
		if (!found && !any)
			return error_set(err, ERR_NOT_FOUND, "package %.63s %.63s does not exist",
					 deletion->name, deletion->version);
		if (!found)
			return true;
		any = true;
		if (!delete_one(ctx, &release, err))
			return false;
	}
}

bool package_delete(struct ctx *ctx, const char *name, const char *version, const char *platform,
		    struct error *err)
{
	struct deletion deletion = {name, version, platform};

	return db_transaction(ctx, delete_run, &deletion, err);
}
