/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything of http/ that reads texts of a stranger: paths, ranges, quality values, headers. Each
 * input goes through all of them.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/routes.h"
#include "base/arena.h"
#include "base/encoding.h"
#include "http/accept.h"
#include "http/framing.h"
#include "http/range.h"
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_path(struct arena *arena, const char *text)
{
	const struct route_table table = {ROUTES, ROUTES_COUNT};
	struct route_match match;
	char *decoded = uri_decode(arena, text, strlen(text));

	if (decoded != NULL)
		assert(utf8_valid(decoded, strlen(decoded)));
	if (!uri_path_valid(text))
		return;
	route_find(&table, "GET", text, &match);
	for (size_t i = 0; i < match.arg_count; i++) {
		assert(match.args[i].text >= text);
		assert(match.args[i].text + match.args[i].length <= text + strlen(text));
	}
}

static void fuzz_range(const char *text)
{
	int64_t first;
	int64_t last;

	if (range_parse(text, 1000, &first, &last) == RANGE_PART)
		assert(first >= 0 && first <= last && last < 1000);
}

static void fuzz_accept(const char *text)
{
	int quality = accept_encoding_quality(text, "gzip");

	assert(quality >= 0 && quality <= 1000);
	(void)accept_names_type(text, "text/html");
}

/* Lines "name:value", each copied so that the value stands behind its name as the library has it. */
static void fuzz_framing(struct arena *arena, char *text)
{
	struct framing framing;
	char *rest = NULL;

	framing_init(&framing);
	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *copy = arena_strdup(arena, line);
		size_t name = strcspn(copy, ":");
		char *value = copy[name] == '\0' ? NULL : copy + name + 1;

		framing_header(&framing, copy, name, value, value == NULL ? 0 : strlen(value));
	}
	if (framing_finish(&framing, "HTTP/1.1", "POST")) {
		assert(framing.host_count == 1);
		assert(!framing.chunked || framing.content_length == -1);
	} else {
		assert(framing.status >= 400 && framing.reason != NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	char *text = arena_memdup(arena, data, size);

	fuzz_path(arena, text);
	fuzz_range(text);
	fuzz_accept(text);
	fuzz_framing(arena, text);
	arena_free(arena);
	return 0;
}
