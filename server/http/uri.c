/* SPDX-License-Identifier: Apache-2.0 */
#include "http/uri.h"

#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "http/limits.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes into out, which has room for length bytes; returns the size or -1. */
static long decode(const char *text, size_t length, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (byte == '%') {
			bool complete = length - i > 2;
			int high = complete ? hex_value(text[i + 1]) : -1;
			int low = complete ? hex_value(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -1;
			byte = (unsigned char)(high << 4 | low);
			i += 2;
		}
		if (byte < 0x20 || byte == 0x7f)
			return -1;
		out[used++] = (char)byte;
	}
	return utf8_valid(out, used) ? (long)used : -1;
}

char *uri_decode(struct arena *arena, const char *text, size_t length)
{
	char *out = arena_alloc(arena, length + 1);
	long used = decode(text, length, out);

	if (used < 0)
		return NULL;
	out[used] = '\0';
	return out;
}

static bool dot_segment(const char *segment, size_t length)
{
	size_t dots = 0;

	for (size_t i = 0; i < length; i++) {
		if (segment[i] == '.') {
			dots++;
		} else if (length - i >= 3 && segment[i] == '%' && segment[i + 1] == '2' &&
			   (segment[i + 2] == 'e' || segment[i + 2] == 'E')) {
			dots++;
			i += 2;
		} else {
			return false;
		}
	}
	return dots == 1 || dots == 2;
}

bool uri_path_valid(const char *path)
{
	if (*path != '/' || strlen(path) > HTTP_PATH_MAX)
		return false;
	for (const char *c = path; *c != '\0'; c++)
		if (*c <= 0x20 || *c >= 0x7f || *c == '\\')
			return false;
	while (*path == '/') {
		size_t length = strcspn(++path, "/");

		if (dot_segment(path, length))
			return false;
		path += length;
	}
	return true;
}
