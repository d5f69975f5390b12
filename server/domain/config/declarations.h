/* SPDX-License-Identifier: Apache-2.0 */
/*
 * variables.json of a configuration: which variables it has, their defaults and types.
 *
 *   {"broker_port": {"default": 1883, "type": "int", "description": "TCP port"},
 *    "site_token": {"required": true}}
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

enum { DECLARATIONS_MAX = 256 };

struct declaration {
	const char *name;
	const char *preset; /* default as text, or NULL */
	const char *type;   /* string, int, bool */
	bool required;
};

struct declarations {
	const struct declaration *items;
	size_t count;
};

/* INVALID: "variables.json: ..." */
MUST_CHECK bool declarations_parse(const char *text, size_t length, struct arena *arena,
				   struct declarations *out, struct error *err);

/* NULL when it is not declared. */
const struct declaration *declarations_find(const struct declarations *declarations,
					    const char *name);

/* Whether the value is of the declared type. */
bool declaration_accepts(const struct declaration *declaration, const char *value);
