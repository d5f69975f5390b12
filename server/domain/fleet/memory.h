/* SPDX-License-Identifier: Apache-2.0 */
/* How often a node is told the same again because it seems not to know. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/fleet/fleet.h"

enum fleet_telling {
	TELLING_DESIRED, /* it is behind: its desired state */
	TELLING_HEALTH,	 /* we lack the message that its beats refer to */
	TELLING_PLACE,	 /* it belongs to another broker: only every ten minutes */
};

/* Whether the node may be told now. */
bool fleet_memory_allows(const struct fleet_memory *memory, const char *node,
			 enum fleet_telling what, usec_t now);

/* It was told: not again for ten seconds. */
void fleet_memory_mark(struct fleet_memory *memory, const char *node, enum fleet_telling what,
		       usec_t now);

uint64_t fleet_memory_hash(const char *node);
