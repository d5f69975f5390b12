/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one error type. The caller owns it (usually on its stack), nothing in it
 * needs freeing, and it is passed as the last parameter, never NULL.
 *
 * A fallible function returns true on success; on failure it returns false,
 * has filled in *err, and has left its outputs alone. Codes say what the caller
 * does next and are never rewritten on the way up; error_prefix adds context.
 * Secrets and tokens never appear in the text.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"

enum error_code {
	ERR_NONE,
	ERR_INVALID,	     /* the input is wrong; the same input will fail again */
	ERR_UNAUTHENTICATED, /* who is it? */
	ERR_FORBIDDEN,	     /* known, but not allowed */
	ERR_NOT_FOUND,
	ERR_CONFLICT,	 /* the world has moved: read again, then decide */
	ERR_TOO_LARGE,	 /* over a limit of size, depth or count */
	ERR_LIMITED,	 /* too often: come back later */
	ERR_UNAVAILABLE, /* a part that is needed is away: retry */
	ERR_TIMEOUT,
	ERR_INTERNAL, /* a bug or a broken machine */
};

struct error {
	enum error_code code;
	char text[240];
	char field[64]; /* path of the failing field ("changes[2].version"), or "" */
};

/* Fills in *err (without a field) and returns false, so that failing is one line. */
#define error_set(err, ...) (error_fill((err), __VA_ARGS__), error_false())

/* error_set_field(err, code, field, format, ...): also names the input field that is to blame. */
#define error_set_field(err, ...) (error_fill_field((err), __VA_ARGS__), error_false())

/* error_set_errno(err, code, errno, format, ...): appends ": " and the text of errno. */
#define error_set_errno(err, ...) (error_fill_errno((err), __VA_ARGS__), error_false())

/* error_prefix(err, format, ...): puts "<text>: " before the message. Code and field stay. */
#define error_prefix(err, ...) (error_fill_prefix((err), __VA_ARGS__), error_false())

/* The macros let the compiler see the false, and so that outputs are only used after success. */
static inline bool error_false(void)
{
	return false;
}

void error_fill(struct error *err, enum error_code code, const char *format, ...)
	PRINTF_FORMAT(3, 4);
void error_fill_field(struct error *err, enum error_code code, const char *field,
		      const char *format, ...) PRINTF_FORMAT(4, 5);
void error_fill_errno(struct error *err, enum error_code code, int error_number, const char *format,
		      ...) PRINTF_FORMAT(4, 5);
void error_fill_prefix(struct error *err, const char *format, ...) PRINTF_FORMAT(2, 3);

/* Puts prefix before the field path: "a" + "b" = "a.b", "a" + "[1]" = "a[1]". */
void error_prefix_field(struct error *err, const char *prefix);

/* Back to ERR_NONE and empty texts. */
void error_clear(struct error *err);

/* Stable lower-case name: "invalid", "not_found" ... */
const char *error_code_name(enum error_code code);
