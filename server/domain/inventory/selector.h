/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label selectors in the grammar of Kubernetes: requirements joined by commas, each one of
 *
 *   key   !key   key=value   key==value   key!=value   key in (a,b)   key notin (a,b)   key>5   key<5
 *
 * As there, "!=" and "notin" also match a node without the key. "*" alone matches every node, an
 * empty selector none: nobody should change a fleet by forgetting something.
 *
 * The parsed form is JSON that the SQL function node_matches() evaluates:
 * [{"key":"site","op":"in","values":["plant-3"]}, {"key":"line","op":"gt","number":4}].
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

enum {
	SELECTOR_MAX_BYTES = 4096,
	SELECTOR_MAX_REQUIREMENTS = 64,
	SELECTOR_MAX_VALUES = 256,
};

/* requirements is kept by the arena. INVALID names the position, counted from 1. */
MUST_CHECK bool selector_parse(const char *text, struct arena *arena, json_t **requirements,
			       struct error *err);

/* The same answer as the SQL function gives, for labels that are at hand. */
bool selector_matches(const json_t *requirements, const json_t *labels);
