/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "base/arena.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "domain/package/archive.h"
#include "domain/package/packages.h"
#include "domain/package/patches.h"
#include "domain/package/url.h"
#include "protocol/limits.h"
#include "store/package_releases.h"

#define MANIFEST_HEADER "Muster-Manifest"
enum { OFFSET_MAX_DIGITS = 15, SHA256_DIGITS = 64 };

static const struct field RELEASE_FIELDS[] = {
	FIELD_STRING(struct package_release, id, 0, 64),
	FIELD_STRING(struct package_release, name, 0, 64),
	FIELD_STRING(struct package_release, version, 0, 64),
	FIELD_STRING(struct package_release, platform, 0, 64),
	FIELD_STRING(struct package_release, sha256, 0, 64),
	FIELD_INT64(struct package_release, size, 0, 0, INT64_MAX),
	FIELD_STRING(struct package_release, format, 0, 16),
	FIELD_JSON(struct package_release, manifest, 0),
	FIELD_STRING(struct package_release, key_id, 0, 64),
	FIELD_STRING(struct package_release, uploaded_by, FIELD_NULLABLE, 512),
	FIELD_TIME(struct package_release, uploaded_at, 0),
	FIELD_INT64(struct package_release, nodes, 0, 0, INT64_MAX),
	FIELD_END,
};

static const struct field UPLOAD_FIELDS[] = {
	FIELD_STRING(struct upload, id, 0, 64),
	FIELD_INT64(struct upload, size, 0, 0, INT64_MAX),
	FIELD_STRING(struct upload, sha256, 0, 64),
	FIELD_INT64_AS("offset", struct upload, received, 0, 0, INT64_MAX),
	FIELD_TIME(struct upload, expires_at, 0),
	FIELD_END,
};

static bool reply_list(struct request *req, const char *name, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct package_release *releases;
	const char *next = NULL;
	struct page page;
	int64_t total;
	size_t count;
	usec_t at;

	if (!request_page(req, 2, &page, err))
		return false;
	if (page.key_count && !time_parse(page.keys[0], strlen(page.keys[0]), &at))
		return error_set_field(err, ERR_INVALID, "cursor", "malformed cursor");
	if (!package_releases_list(ctx, name, page.key_count ? page.keys[0] : NULL,
				   page.key_count ? page.keys[1] : NULL, page.limit + 1, &releases,
				   &count, err) ||
	    !package_releases_count(ctx, name, &total, err))
		return false;
	if (name && !total)
		return error_set(err, ERR_NOT_FOUND, "package \"%.63s\" does not exist", name);
	if (count > (size_t)page.limit) {
		char text[TIME_TEXT_SIZE];

		count = (size_t)page.limit;
		time_format(releases[count - 1].uploaded_at, text);
		next = page_cursor(ctx, (const char *[]){text, releases[count - 1].id}, 2);
	}
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, fields_encode(RELEASE_FIELDS, &releases[i]));
	return request_reply_page(req, items, next, total);
}

bool packages_list_handler(struct request *req, struct error *err)
{
	return reply_list(req, NULL, err);
}

bool packages_get_handler(struct request *req, struct error *err)
{
	return reply_list(req, request_arg(req, 0), err);
}

bool packages_delete_handler(struct request *req, struct error *err)
{
	return package_delete(request_ctx(req), request_arg(req, 0), request_arg(req, 1),
			      request_query(req, "platform"), err) &&
	       request_reply_empty(req, 204);
}

/* The envelope that came beside a raw archive. */
static bool header_envelope(struct request *req, json_t **out, struct error *err)
{
	struct arena *arena = request_ctx(req)->arena;
	const char *text = request_header(req, MANIFEST_HEADER);
	json_t *envelope;
	size_t size;

	if (!text)
		return error_set_field(err, ERR_INVALID, MANIFEST_HEADER,
				       "an archive needs the header " MANIFEST_HEADER
				       ": base64 of its signed manifest");
	size_t length = strlen(text);
	char *bytes = arena_alloc(arena, BASE64_DECODED_SIZE(length) + 1);
	if (!base64_decode(text, length, bytes, BASE64_DECODED_SIZE(length), &size))
		return error_set_field(err, ERR_INVALID, MANIFEST_HEADER,
				       MANIFEST_HEADER " is not base64");
	if (!json_parse_limited(bytes, size, LIMIT_JSON_DEPTH, &envelope, err)) {
		error_prefix_field(err, MANIFEST_HEADER);
		return error_prefix(err, MANIFEST_HEADER);
	}
	*out = json_keep(envelope, arena);
	return true;
}

struct publish_body {
	const char *upload_id;
	json_t *manifest;
};

static const struct field PUBLISH_FIELDS[] = {
	FIELD_STRING(struct publish_body, upload_id, FIELD_REQUIRED, 64),
	FIELD_JSON(struct publish_body, manifest, FIELD_REQUIRED),
	FIELD_END,
};

static bool publish(struct request *req, struct package_release *out, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const struct request_upload *upload = request_upload(req);
	struct publish_body body = {0};
	json_t *envelope;

	if (upload) {
		if (!header_envelope(req, &envelope, err))
			return false;
		const struct package_draft draft = {envelope, upload->path, upload->sha256,
						    upload->size_bytes, NULL};
		return package_publish(ctx, &draft, out, err);
	}
	return fields_decode(PUBLISH_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &body,
			     err) &&
	       upload_publish(ctx, body.upload_id, body.manifest, out, err);
}

bool packages_post_handler(struct request *req, struct error *err)
{
	struct package_release release;

	return publish(req, &release, err) &&
	       request_reply_json(req, 201, fields_encode(RELEASE_FIELDS, &release));
}

/* --- uploads in parts --- */

static const struct field UPLOAD_BODY_FIELDS[] = {
	FIELD_INT64(struct upload, size, FIELD_REQUIRED, 1, INT64_MAX),
	FIELD_STRING(struct upload, sha256, FIELD_REQUIRED, SHA256_DIGITS),
	FIELD_END,
};

static bool reply_upload(struct request *req, unsigned int status, const struct upload *upload)
{
	request_reply_header(req, "Upload-Offset",
			     arena_printf(request_ctx(req)->arena, "%" JSON_INTEGER_FORMAT,
					  (json_int_t)upload->received));
	return request_reply_json(req, status, fields_encode(UPLOAD_FIELDS, upload));
}

bool uploads_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct upload body = {0}, upload;

	return fields_decode(UPLOAD_BODY_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena,
			     &body, err) &&
	       upload_create(ctx, body.size, body.sha256, &upload, err) &&
	       reply_upload(req, 201, &upload);
}

bool uploads_get_handler(struct request *req, struct error *err)
{
	struct upload upload;

	return upload_find(request_ctx(req), request_arg(req, 0), &upload, err) &&
	       reply_upload(req, 200, &upload);
}

bool uploads_patch_handler(struct request *req, struct error *err)
{
	const struct request_upload *part = request_upload(req);
	const char *text = request_header(req, "Upload-Offset");
	size_t digits = text ? strspn(text, "0123456789") : 0;
	struct upload upload;

	if (digits == 0 || digits > OFFSET_MAX_DIGITS || text[digits])
		return error_set_field(err, ERR_INVALID, "Upload-Offset",
				       "header Upload-Offset is not a number of bytes");
	if (!part)
		return error_set(err, ERR_INVALID,
				 "a part is sent as application/octet-stream, not as JSON");
	return upload_append(request_ctx(req), request_arg(req, 0), strtoll(text, NULL, 10),
			     part->path, &upload, err) &&
	       reply_upload(req, 200, &upload);
}

/* --- release keys --- */

static const struct field KEY_FIELDS[] = {
	FIELD_STRING(struct release_key, id, FIELD_READ_ONLY, 64),
	FIELD_STRING(struct release_key, name, FIELD_REQUIRED, 128),
	FIELD_STRING(struct release_key, key_id, FIELD_READ_ONLY, 64),
	FIELD_STRING(struct release_key, public_key, FIELD_REQUIRED, 1024),
	FIELD_TIME(struct release_key, created_at, FIELD_READ_ONLY),
	FIELD_END,
};

bool release_keys_list_handler(struct request *req, struct error *err)
{
	struct release_key *keys;
	size_t count;

	if (!release_keys_list(request_ctx(req), &keys, &count, err))
		return false;
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, fields_encode(KEY_FIELDS, &keys[i]));
	return request_reply_page(req, items, NULL, (int64_t)count);
}

bool release_keys_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct release_key body = {0}, key;

	return fields_decode(KEY_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &body,
			     err) &&
	       release_key_create(ctx, body.name, body.public_key, &key, err) &&
	       request_reply_json(req, 201, fields_encode(KEY_FIELDS, &key));
}

bool release_keys_delete_handler(struct request *req, struct error *err)
{
	return release_key_revoke(request_ctx(req), request_arg(req, 0), err) &&
	       request_reply_empty(req, 204);
}

/* --- what agents fetch --- */

static bool is_archive(const char *text)
{
	return strlen(text) == SHA256_DIGITS && strspn(text, "0123456789abcdef") == SHA256_DIGITS;
}

/* The address is good for this archive, and so for whatever leads to it. */
static bool check_address(struct request *req, const char *archive, struct error *err)
{
	struct ctx *ctx = request_ctx(req);

	if (!is_archive(archive))
		return error_set(err, ERR_NOT_FOUND, "no such archive");
	return package_url_verify(ctx->server, archive, request_query(req, "node"),
				  request_query(req, "expires"), request_query(req, "sig"),
				  ctx->now) ||
	       error_set(err, ERR_FORBIDDEN,
			 "the signature of this address is not valid or has expired");
}

static bool reply_archive(struct request *req, const char *path, const char *tag, struct error *err)
{
	const struct reply_file file = {
		.path = path,
		.content_type = "application/octet-stream",
		.etag = arena_printf(request_ctx(req)->arena, "\"%s\"", tag),
		.cache_control = "private, max-age=31536000, immutable",
	};

	return request_reply_file(req, &file, err);
}

bool download_get_handler(struct request *req, struct error *err)
{
	const char *archive = request_arg(req, 0);

	return check_address(req, archive, err) &&
	       reply_archive(req, package_path(request_ctx(req), archive), archive, err);
}

bool download_patch_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *archive = request_arg(req, 0), *base = request_arg(req, 1);
	bool related;

	if (!check_address(req, archive, err))
		return false;
	if (!is_archive(base))
		return error_set(err, ERR_NOT_FOUND, "no such archive");
	if (!package_archives_related(ctx, base, archive, &related, err))
		return false;
	const enum patch_state state =
		related ? patches_ask(ctx->server->patches, base, archive) : PATCH_NONE;
	if (state == PATCH_NONE)
		return error_set(err, ERR_NOT_FOUND, "there is no patch between these archives");
	if (state == PATCH_WAITS)
		return error_set(err, ERR_UNAVAILABLE, "the patch is being made");
	const char *path = patches_path(ctx->server->data_dir, base, archive, ctx->arena);
	return reply_archive(req, path, strrchr(path, '/') + 1, err);
}
