/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/fleet/memory.h"

#include <stdlib.h>

#include "base/arena.h"

enum { SLOTS = 8192 };

static const usec_t PAUSES[] = {
	[TELLING_DESIRED] = 10 * USEC_PER_SEC,
	[TELLING_HEALTH] = 10 * USEC_PER_SEC,
	[TELLING_PLACE] = 10 * USEC_PER_MINUTE,
};

/* Two nodes may share a slot: the price is one message too many, never one too few. */
struct slot {
	uint64_t node;
	usec_t until;
};

struct fleet_memory {
	struct slot slots[SLOTS];
};

struct fleet_memory *fleet_memory_new(void)
{
	return xcalloc(1, sizeof(struct fleet_memory));
}

void fleet_memory_free(struct fleet_memory *memory)
{
	free(memory);
}

uint64_t fleet_memory_hash(const char *node)
{
	uint64_t value = UINT64_C(14695981039346656037); /* FNV-1a */

	for (; *node != '\0'; node++)
		value = (value ^ (unsigned char)*node) * UINT64_C(1099511628211);
	return value;
}

/* Another hash for each thing that a node is told. */
static uint64_t key_of(const char *node, enum fleet_telling what)
{
	return fleet_memory_hash(node) + (uint64_t)what;
}

bool fleet_memory_allows(const struct fleet_memory *memory, const char *node,
			 enum fleet_telling what, usec_t now)
{
	const uint64_t value = key_of(node, what);
	const struct slot *slot = &memory->slots[value % SLOTS];

	return slot->node != value || now >= slot->until;
}

void fleet_memory_mark(struct fleet_memory *memory, const char *node, enum fleet_telling what,
		       usec_t now)
{
	const uint64_t value = key_of(node, what);

	memory->slots[value % SLOTS] = (struct slot){.node = value, .until = now + PAUSES[what]};
}
