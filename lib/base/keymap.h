/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for keys: the first distinct key is 0, the next 1, and so on. For grouping many things by
 * what they have in common. Lives and ends with its arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct keymap_slot;

struct keymap {
	struct arena *arena;
	struct keymap_slot *slots; /* a power of two of them */
	size_t size;
	size_t count; /* distinct keys so far */
};

void keymap_init(struct keymap *map, struct arena *arena);

/* The number of the key (length bytes, copied when it is new); *fresh (or NULL): whether it is new. */
size_t keymap_number(struct keymap *map, const void *key, size_t length, bool *fresh);
