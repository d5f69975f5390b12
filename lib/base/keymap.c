/* SPDX-License-Identifier: Apache-2.0 */
#include "base/keymap.h"

#include <stdint.h>
#include <string.h>

enum { FIRST_SIZE = 64 };

struct keymap_slot {
	const void *key; /* NULL: free */
	size_t length;
	uint64_t hash;
	size_t number;
};

void keymap_init(struct keymap *map, struct arena *arena)
{
	*map = (struct keymap){
		.arena = arena,
		.slots = arena_array(arena, FIRST_SIZE, sizeof(*map->slots)),
		.size = FIRST_SIZE,
	};
}

/* FNV-1a. Keys come from our own database, and a flood of equal hashes costs time only. */
static uint64_t hash_of(const void *key, size_t length)
{
	const unsigned char *bytes = key;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* The slot of the key, or the free one where it belongs. */
static struct keymap_slot *slot_of(const struct keymap *map, const void *key, size_t length,
				   uint64_t hash)
{
	size_t at = (size_t)hash & (map->size - 1);

	for (;; at = (at + 1) & (map->size - 1)) {
		struct keymap_slot *slot = &map->slots[at];
		if (slot->key == NULL || (slot->hash == hash && slot->length == length &&
					  memcmp(slot->key, key, length) == 0))
			return slot;
	}
}

static void grow(struct keymap *map)
{
	struct keymap bigger = {
		.slots = arena_array(map->arena, map->size * 2, sizeof(*bigger.slots)),
		.size = map->size * 2,
	};

	for (size_t i = 0; i < map->size; i++) {
		const struct keymap_slot *slot = &map->slots[i];
		if (slot->key != NULL)
			*slot_of(&bigger, slot->key, slot->length, slot->hash) = *slot;
	}
	map->slots = bigger.slots;
	map->size = bigger.size;
}

size_t keymap_number(struct keymap *map, const void *key, size_t length, bool *fresh)
{
	uint64_t hash = hash_of(key, length);
	struct keymap_slot *slot = slot_of(map, key, length, hash);
	bool is_new = slot->key == NULL;

	if (fresh != NULL)
		*fresh = is_new;
	if (!is_new)
		return slot->number;
	if (map->count * 2 >= map->size) {
		grow(map);
		slot = slot_of(map, key, length, hash);
	}
	/* One byte more, so that an empty key is not NULL either. */
	char *copy = arena_alloc(map->arena, length + 1);
	memcpy(copy, key, length);
	*slot = (struct keymap_slot){copy, length, hash, map->count++};
	return slot->number;
}
