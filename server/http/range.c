/* SPDX-License-Identifier: Apache-2.0 */
#include "http/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

/* Reads digits at *text; false without any, or when they pass int64_t. */
static bool read_number(const char **text, int64_t *out)
{
	const char *c = *text;
	int64_t value = 0;

	if (*c < '0' || *c > '9')
		return false;
	for (; *c >= '0' && *c <= '9'; c++) {
		if (value > (INT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (*c - '0');
	}
	*text = c;
	*out = value;
	return true;
}

static const char *skip_blank(const char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	return text;
}

static enum range_result suffix_range(const char *text, int64_t size, int64_t *first, int64_t *last)
{
	int64_t length;

	if (!read_number(&text, &length) || *skip_blank(text) != '\0')
		return RANGE_WHOLE;
	if (length == 0 || size == 0)
		return RANGE_UNSATISFIABLE;
	*first = length >= size ? 0 : size - length;
	*last = size - 1;
	return RANGE_PART;
}

enum range_result range_parse(const char *header, int64_t size_bytes, int64_t *first, int64_t *last)
{
	int64_t from;
	int64_t to;

	if (header == NULL || strncasecmp(header, "bytes=", 6) != 0)
		return RANGE_WHOLE;
	header = skip_blank(header + 6);
	if (*header == '-')
		return suffix_range(header + 1, size_bytes, first, last);
	if (!read_number(&header, &from) || *header++ != '-')
		return RANGE_WHOLE;
	if (*skip_blank(header) == '\0')
		to = INT64_MAX;
	else if (!read_number(&header, &to) || *skip_blank(header) != '\0' || to < from)
		return RANGE_WHOLE;
	if (from >= size_bytes)
		return RANGE_UNSATISFIABLE;
	*first = from;
	*last = to >= size_bytes ? size_bytes - 1 : to;
	return RANGE_PART;
}
