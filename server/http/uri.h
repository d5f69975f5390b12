/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Percent-decoding, strict: two hex digits behind each '%', and the result is UTF-8 without
 * control characters. libmicrohttpd's own decoding is switched off, because it lets %00 cut a path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct arena;

/* The decoded text in the arena, or NULL when text is malformed. */
char *uri_decode(struct arena *arena, const char *text, size_t length);

/* Is this a path that we serve: begins with '/', printable ASCII, no "." or ".." segment (in any
 * encoding), at most HTTP_PATH_MAX bytes? */
bool uri_path_valid(const char *path);
