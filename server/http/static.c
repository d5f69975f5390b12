/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dashboard's files, answered in the library's thread from responses that are made once. Names
 * with a hash are immutable; a missing one is 404, never the start page, or a browser with an old
 * page would run HTML as a script. Other unknown paths that a person typed get the start page.
 */
#include <stdlib.h>
#include <string.h>

#include "http/accept.h"
#include "http/assets.h"
#include "http/internal.h"

#define IMMUTABLE "public, max-age=31536000, immutable"
#define CSP                                                                               \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " \
	"font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "   \
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "                   \
	"require-trusted-types-for 'script'"

enum encoding { ENCODING_RAW, ENCODING_GZIP, ENCODING_BROTLI, ENCODING_COUNT };

static const char *const ENCODING_NAMES[] = {"identity", "gzip", "br"};

struct prepared {
	struct MHD_Response *full[ENCODING_COUNT]; /* NULL: not built */
	struct MHD_Response *unchanged[ENCODING_COUNT];
};

struct http_static {
	struct prepared *files; /* one for each of ASSETS */
	struct MHD_Response *not_found;
	struct MHD_Response *no_method;
	struct MHD_Response *no_dashboard;
};

static void add(struct MHD_Response *response, const char *name, const char *value)
{
	(void)MHD_add_response_header(response, name, value);
}

/* Without a copy. */
static struct MHD_Response *response_of(size_t size, const void *data)
{
	/* The prototype lacks a const; the library only reads. */
	return MHD_create_response_from_buffer(size, (void *)(uintptr_t)data,
					       MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *plain_text(const char *text)
{
	struct MHD_Response *response = response_of(strlen(text), text);

	add(response, "Content-Type", "text/plain; charset=utf-8");
	add(response, "Cache-Control", "no-store");
	reply_common_headers(response);
	return response;
}

static void describe(struct MHD_Response *response, const struct asset *asset,
		     const struct asset_body *body, enum encoding encoding)
{
	add(response, "ETag", body->etag);
	add(response, "Vary", "Accept-Encoding");
	add(response, "Cache-Control", asset->immutable ? IMMUTABLE : "no-cache");
	add(response, "Content-Security-Policy", CSP);
	if (encoding != ENCODING_RAW)
		add(response, "Content-Encoding", ENCODING_NAMES[encoding]);
	reply_common_headers(response);
}

static const struct asset_body *body_of(const struct asset *asset, enum encoding encoding)
{
	if (encoding == ENCODING_GZIP)
		return &asset->gz;
	return encoding == ENCODING_BROTLI ? &asset->br : &asset->raw;
}

static void prepare(struct prepared *file, const struct asset *asset)
{
	for (enum encoding i = ENCODING_RAW; i < ENCODING_COUNT; i++) {
		const struct asset_body *body = body_of(asset, i);

		if (body->data == NULL)
			continue;
		file->full[i] = response_of(body->size_bytes, body->data);
		add(file->full[i], "Content-Type", asset->mime);
		describe(file->full[i], asset, body, i);
		file->unchanged[i] = response_of(0, "");
		describe(file->unchanged[i], asset, body, i);
	}
}

struct http_static *static_new(void)
{
	struct http_static *assets = xcalloc(1, sizeof(*assets));

	assets->files = xcalloc(ASSETS_COUNT + 1, sizeof(*assets->files));
	for (size_t i = 0; i < ASSETS_COUNT; i++)
		prepare(&assets->files[i], &ASSETS[i]);
	assets->not_found = plain_text("not found\n");
	assets->no_method = plain_text("method not allowed\n");
	add(assets->no_method, "Allow", "GET, HEAD");
	assets->no_dashboard = plain_text("This Muster was built without its dashboard.\n");
	return assets;
}

void static_free(struct http_static *assets)
{
	if (assets == NULL)
		return;
	for (size_t i = 0; i < ASSETS_COUNT; i++) {
		for (enum encoding e = ENCODING_RAW; e < ENCODING_COUNT; e++) {
			if (assets->files[i].full[e] == NULL)
				continue;
			MHD_destroy_response(assets->files[i].full[e]);
			MHD_destroy_response(assets->files[i].unchanged[e]);
		}
	}
	MHD_destroy_response(assets->not_found);
	MHD_destroy_response(assets->no_method);
	MHD_destroy_response(assets->no_dashboard);
	free(assets->files);
	free(assets);
}

static const char *header(struct MHD_Connection *mhd, const char *name)
{
	return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

/* The best of what the client takes and what was built; smaller wins among equals. */
static enum encoding choose(const struct prepared *file, const char *accept)
{
	enum encoding best = ENCODING_RAW;
	int best_quality = 0;

	for (enum encoding i = ENCODING_COUNT; i-- > ENCODING_RAW;) {
		int quality = accept_encoding_quality(accept, ENCODING_NAMES[i]);

		if (file->full[i] != NULL && quality > best_quality) {
			best = i;
			best_quality = quality;
		}
	}
	return best;
}

static enum MHD_Result reply_asset(struct http_static *assets, struct MHD_Connection *mhd,
				   const struct asset *asset)
{
	const struct prepared *file = &assets->files[asset - ASSETS];
	enum encoding encoding = choose(file, header(mhd, "Accept-Encoding"));
	const char *known = header(mhd, "If-None-Match");

	if (known != NULL && strstr(known, body_of(asset, encoding)->etag) != NULL)
		return MHD_queue_response(mhd, 304, file->unchanged[encoding]);
	return MHD_queue_response(mhd, 200, file->full[encoding]);
}

enum MHD_Result static_reply(struct http_static *assets, struct MHD_Connection *mhd,
			     const char *method, const char *path)
{
	const struct asset *asset;

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return MHD_queue_response(mhd, 405, assets->no_method);
	asset = asset_find(strcmp(path, "/") == 0 ? "/index.html" : path);
	if (asset == NULL && strncmp(path, "/assets/", 8) != 0 &&
	    accept_names_type(header(mhd, "Accept"), "text/html"))
		asset = asset_find("/index.html");
	if (asset != NULL)
		return reply_asset(assets, mhd, asset);
	if (ASSETS_COUNT == 0 && strcmp(path, "/") == 0)
		return MHD_queue_response(mhd, 200, assets->no_dashboard);
	return MHD_queue_response(mhd, 404, assets->not_found);
}
