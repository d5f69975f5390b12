/* SPDX-License-Identifier: Apache-2.0 */
/* How often a node is told its desired state again because it seems to be behind. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/fleet/fleet.h"

/* Whether the node may be told now. */
bool fleet_memory_allows(const struct fleet_memory *memory, const char *node, usec_t now);

/* It was told: not again for ten seconds. */
void fleet_memory_mark(struct fleet_memory *memory, const char *node, usec_t now);
