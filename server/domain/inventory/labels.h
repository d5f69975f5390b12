/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of nodes, by the rules of Kubernetes: an optional DNS prefix and '/', then a name of 63. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"

enum { LABELS_MAX = 64 };

bool label_key_valid(const char *key, size_t length);
bool label_value_valid(const char *value, size_t length); /* may be empty */

/* An object of valid keys with valid strings; NULL is an empty set. INVALID names field.key. */
MUST_CHECK bool labels_check(const json_t *labels, const char *field, struct error *err);
