/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging of JSON objects and replacing of ${...} in their strings. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

/*
 * Puts the keys of over into base: objects are merged key by key, null removes the
 * key, anything else replaces. ERR_TOO_LARGE when nested deeper than depth.
 */
MUST_CHECK bool merge_objects(json_t *base, const json_t *over, unsigned depth, struct error *err);

/* The value of a name ("muster.config", "param.port"), in the arena; NULL: not defined. */
typedef const char *(*expand_lookup_fn)(const char *name, struct arena *arena, const void *arg);

struct expansion {
	expand_lookup_fn lookup;
	const void *arg;
	/* What is not defined: kept as it stands, or an error. "$${" becomes "${" only in the
	 * strict form, since the server has done that for files. */
	bool strict;
	size_t max_bytes; /* of one result */
	size_t *budget;	  /* expand_tree: bytes left for all strings together */
};

MUST_CHECK bool expand_text(const struct expansion *expansion, const char *text, size_t length,
			    struct arena *arena, struct strbuf *out, struct error *err);

/* A new tree with every string value expanded (keys stay). The caller's reference.
 * err->field names the place. */
MUST_CHECK bool expand_tree(const struct expansion *expansion, const json_t *value, unsigned depth,
			    struct arena *arena, json_t **out, struct error *err);
