/* SPDX-License-Identifier: Apache-2.0 */
/* A node as the API shows it. A new reference. */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "model/node.h"

json_t *node_encode(const struct node *node, struct arena *arena);
