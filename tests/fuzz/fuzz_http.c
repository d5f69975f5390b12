/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a web client writes outside of JSON: paths, ranges, encodings.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "http/accept.h"
#include "http/range.h"
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_BYTES = 1000 };

static void check_uri(const char *text, size_t length, struct arena *arena)
{
	char *decoded = uri_decode(arena, text, length);

	if (decoded && (strlen(decoded) > length || !utf8_valid(decoded, strlen(decoded))))
		abort();
	if (uri_path_valid(text) && (text[0] != '/' || strstr(text, "/../")))
		abort();
}

static void check_range(const char *text)
{
	int64_t first = -1, last = -1;

	if (range_parse(text, FILE_BYTES, &first, &last) == RANGE_PART &&
	    (first < 0 || last < first || last >= FILE_BYTES))
		abort();
	if (range_parse(text, 0, &first, &last) == RANGE_PART)
		abort();
}

static void check_accept(const char *text)
{
	int quality = accept_encoding_quality(text, "gzip");

	if (quality < 0 || quality > 1000)
		abort();
	/* Only here to be read to its end. */
	if (accept_names_type(text, "text/html") && !strchr(text, '/'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	char *text = arena_memdup(arena, data, size);

	check_uri(text, size, arena);
	check_range(text);
	check_accept(text);
	arena_free(arena);
	return 0;
}
