/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text with variables:
 *
 *   ${name}            the value of name: [A-Za-z_][A-Za-z0-9_.-]*
 *   ${name:-default}   the same, or the text up to the brace when name is not defined
 *   ${muster.package}  stays as it is: the agent fills in what only the device knows
 *   $${                a literal ${
 *
 * Pure: values come from a callback. Errors name file, line and column.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/strbuf.h"

/* Gives the value of a variable; NULL when it is not defined. inline_default: the text after ":-" of
 * this place, or NULL. False aborts with err set. */
typedef bool (*template_value_fn)(void *arg, const char *name, const char *inline_default,
				  const char **value, struct error *err);

struct template_source {
	const char *path;
	const char *text;
	size_t length;
	template_value_fn value;
	void *arg;
};

/* Appends the rendered text; scratch holds names for the time of the call. TOO_LARGE when out has
 * reached its maximum. INVALID: "broker.conf:3:12: ..." with the file's path as field. */
MUST_CHECK bool template_render(const struct template_source *source, struct arena *scratch,
				struct strbuf *out, struct error *err);

/* Whether the text parses, whatever the variables may be. */
MUST_CHECK bool template_check(const char *path, const char *text, size_t length,
			       struct error *err);

bool template_name_valid(const char *name);
