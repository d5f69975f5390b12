/* SPDX-License-Identifier: Apache-2.0 */
#include "http/route.h"

#include <assert.h>
#include <string.h>

/* Length of the segment at text, which ends at '/' or the end. */
static size_t segment_length(const char *text)
{
	return strcspn(text, "/");
}

/*
 * Compares one pattern with a path and collects the arguments. literals gets a number in which
 * literal segments further left weigh more, so that the most literal pattern can be chosen.
 */
static bool pattern_match(const char *pattern, const char *path, struct route_match *match,
			  unsigned int *literals)
{
	size_t args = 0;

	*literals = 0;
	while (*pattern == '/' && *path == '/') {
		size_t pattern_length = segment_length(++pattern);
		size_t path_length = segment_length(++path);

		*literals <<= 1;
		if (*pattern == '{') {
			assert(args < HTTP_ARGS_MAX);
			if (path_length == 0)
				return false;
			match->args[args].text = path;
			match->args[args++].length = path_length;
		} else {
			if (pattern_length != path_length ||
			    memcmp(pattern, path, path_length) != 0)
				return false;
			*literals |= 1;
		}
		pattern += pattern_length;
		path += path_length;
	}
	match->arg_count = args;
	return *pattern == '\0' && *path == '\0';
}

static void add_allowed(struct route_match *match, const char *method)
{
	size_t used = strlen(match->allow);
	size_t length = strlen(method);

	if (strstr(match->allow, method) != NULL || used + length + 3 > sizeof(match->allow))
		return;
	if (used > 0) {
		memcpy(match->allow + used, ", ", 3);
		used += 2;
	}
	memcpy(match->allow + used, method, length + 1);
}

void route_find(const struct route_table *table, const char *method, const char *path,
		struct route_match *match)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	unsigned int best = 0;

	*match = (struct route_match){.route = NULL};
	for (size_t i = 0; i < table->count; i++) {
		const struct route *row = &table->rows[i];
		struct route_match candidate = {.route = row};
		unsigned int literals;

		if (!pattern_match(row->pattern, path, &candidate, &literals))
			continue;
		if (strcmp(row->method, wanted) != 0) {
			add_allowed(match, row->method);
			continue;
		}
		if (match->route != NULL && literals <= best)
			continue;
		memcpy(candidate.allow, match->allow, sizeof(candidate.allow));
		*match = candidate;
		best = literals;
	}
}
