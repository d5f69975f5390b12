/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/encoding.h"

static const char *const CODE_NAMES[] = {
	[ERR_NONE] = "none",
	[ERR_INVALID] = "invalid",
	[ERR_UNAUTHENTICATED] = "unauthenticated",
	[ERR_FORBIDDEN] = "forbidden",
	[ERR_NOT_FOUND] = "not_found",
	[ERR_CONFLICT] = "conflict",
	[ERR_TOO_LARGE] = "too_large",
	[ERR_LIMITED] = "limited",
	[ERR_UNAVAILABLE] = "unavailable",
	[ERR_TIMEOUT] = "timeout",
	[ERR_INTERNAL] = "internal",
};

void error_fill(struct error *err, enum error_code code, const char *format, ...)
{
	char text[sizeof(err->text)];
	va_list arguments;

	/* The arguments may point into *err, so it is written last. */
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	err->code = code;
	memcpy(err->text, text, sizeof(text));
	utf8_clean(err->text);
	err->field[0] = '\0';
}

void error_fill_field(struct error *err, enum error_code code, const char *field,
		      const char *format, ...)
{
	char text[sizeof(err->text)];
	char path[sizeof(err->field)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(path, sizeof(path), "%s", field);
	err->code = code;
	memcpy(err->text, text, sizeof(text));
	utf8_clean(err->text);
	memcpy(err->field, path, sizeof(path));
	utf8_clean(err->field);
}

void error_fill_errno(struct error *err, enum error_code code, int error_number, const char *format,
		      ...)
{
	char text[sizeof(err->text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* Safe with threads in glibc since 2.32 and in musl, which know different strerror_r. */
	error_fill(err, code, "%s: %s", text, strerror(error_number));
}

void error_fill_prefix(struct error *err, const char *format, ...)
{
	char prefix[sizeof(err->text)];
	char text[2 * sizeof(err->text) + 2];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(prefix, sizeof(prefix), format, arguments);
	va_end(arguments);
	snprintf(text, sizeof(text), "%s: %s", prefix, err->text);
	memcpy(err->text, text, sizeof(err->text) - 1);
	err->text[sizeof(err->text) - 1] = '\0';
	utf8_clean(err->text);
}

void error_prefix_field(struct error *err, const char *prefix)
{
	char path[sizeof(err->field)];
	const char *dot = err->field[0] == '\0' || err->field[0] == '[' ? "" : ".";

	if (snprintf(path, sizeof(path), "%s%s%s", prefix, dot, err->field) < 0)
		return;
	memcpy(err->field, path, sizeof(path));
	utf8_clean(err->field);
}

void error_clear(struct error *err)
{
	*err = (struct error){.code = ERR_NONE};
}

const char *error_code_name(enum error_code code)
{
	if ((size_t)code >= ARRAY_SIZE(CODE_NAMES))
		return "internal";
	return CODE_NAMES[code];
}
