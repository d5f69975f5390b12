/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of the dashboard, embedded into the program by
 * cmake/embed_assets.py. All memory is static and read-only. The table is empty
 * when the program was built without the dashboard (WITH_WEB=OFF or no web/dist).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One encoding of an asset. data is NULL when this encoding was not built. */
struct asset_body {
	const unsigned char *data;
	size_t size_bytes;
	const char *etag; /* strong, with the quotes, different for each encoding */
};

struct asset {
	const char *path; /* begins with '/': "/index.html", "/assets/index-4f3a.js" */
	const char *mime; /* the whole Content-Type value */
	bool immutable;	  /* the name holds a hash: may be cached for ever */
	struct asset_body raw;
	struct asset_body gz;
	struct asset_body br;
};

/* Sorted by path as strcmp does. */
extern const struct asset ASSETS[];
extern const size_t ASSETS_COUNT;

/* The asset with exactly this path, or NULL. */
const struct asset *asset_find(const char *path);
