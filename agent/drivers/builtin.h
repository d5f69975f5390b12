/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drivers that the agent brings along: each a JSON object of the same shape as
 * "service" in a package manifest, which then overrides it key by key.
 */
#pragma once

#include <jansson.h>

/* A new reference, or NULL: no such driver. */
json_t *driver_defaults(const char *name);

/* NULL-terminated. */
extern const char *const DRIVER_NAMES[];
