/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which variables a rendering asks for. Two nodes that agree on these get the same files: a plan for a
 * hundred thousand nodes renders once for all that do.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "model/config.h"

/* Each name once, in the order of its first appearance. Zeroed is empty. */
struct config_names {
	const char **items;
	size_t count;
	size_t capacity;
};

/* Those of all files and of variables.json; version comes with contents. What cannot be parsed adds what was
 * found before: rendering it fails on every node alike. */
void config_names_add_version(struct config_names *names, const struct config_version *version,
			      struct arena *arena);

/* Those of every string in json (a service's parameters); NULL adds nothing. */
void config_names_add_json(struct config_names *names, json_t *json, struct arena *arena);

bool config_names_have(const struct config_names *names, const char *name);
