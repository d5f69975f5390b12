/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

enum { BLOCK_BYTES = 32 * 1024 };

struct block {
	struct block *next;
	size_t capacity;
	size_t used;
	alignas(max_align_t) unsigned char data[];
};

struct deferred {
	struct deferred *next;
	void (*release)(void *object);
	void *object;
};

struct arena {
	struct block *blocks; /* the first one is the one that is being filled */
	struct deferred *deferred;
	size_t used;
};

void out_of_memory(size_t size)
{
	log_error("out of memory, stopping: bytes=%zu", size);
	abort();
}

void *xcalloc(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size ? size : 1);

	if (!memory)
		out_of_memory(size);
	return memory;
}

void *xrealloc(void *memory, size_t size)
{
	void *moved = realloc(memory, size ? size : 1);

	if (!moved)
		out_of_memory(size);
	return moved;
}

char *xstrdup(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		out_of_memory(strlen(text));
	return copy;
}

static struct block *block_new(size_t capacity)
{
	if (capacity > SIZE_MAX - sizeof(struct block))
		out_of_memory(capacity);
	struct block *block = malloc(sizeof(*block) + capacity);
	if (!block)
		out_of_memory(capacity);
	block->next = NULL;
	block->capacity = capacity;
	block->used = 0;
	return block;
}

struct arena *arena_new(void)
{
	struct arena *arena = xcalloc(1, sizeof(*arena));

	arena->blocks = block_new(BLOCK_BYTES);
	return arena;
}

static void run_deferred(struct arena *arena)
{
	while (arena->deferred) {
		struct deferred *deferred = arena->deferred;

		arena->deferred = deferred->next;
		deferred->release(deferred->object);
	}
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	run_deferred(arena);
	while (arena->blocks) {
		struct block *block = arena->blocks;

		arena->blocks = block->next;
		free(block);
	}
	free(arena);
}

void arena_reset(struct arena *arena)
{
	struct block *kept = NULL;

	run_deferred(arena);
	while (arena->blocks) {
		struct block *block = arena->blocks;

		arena->blocks = block->next;
		if (!kept && block->capacity == BLOCK_BYTES)
			kept = block;
		else
			free(block);
	}
	if (!kept)
		kept = block_new(BLOCK_BYTES);
	kept->next = NULL;
	kept->used = 0;
	arena->blocks = kept;
	arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	const size_t alignment = alignof(max_align_t);
	struct block *block = arena->blocks;

	if (size > SIZE_MAX - alignment)
		out_of_memory(size);
	size_t rounded = ((size ? size : 1) + alignment - 1) / alignment * alignment;
	if (rounded > block->capacity - block->used) {
		if (rounded > BLOCK_BYTES / 4) {
			/* Large pieces get a block of their own, behind the one being filled. */
			struct block *own = block_new(rounded);

			own->next = block->next;
			block->next = own;
			block = own;
		} else {
			struct block *fresh = block_new(BLOCK_BYTES);

			fresh->next = block;
			arena->blocks = fresh;
			block = fresh;
		}
	}
	void *memory = block->data + block->used;
	block->used += rounded;
	arena->used += rounded;
	return memset(memory, 0, rounded);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		out_of_memory(SIZE_MAX);
	return arena_alloc(arena, count * size);
}

void *arena_memdup(struct arena *arena, const void *data, size_t size)
{
	if (size == SIZE_MAX)
		out_of_memory(size);
	char *copy = arena_alloc(arena, size + 1);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_memdup(arena, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	return arena_memdup(arena, text, strnlen(text, length));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
	va_list again;

	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		out_of_memory(SIZE_MAX);
	size_t size = (size_t)length + 1;
	char *text = arena_alloc(arena, size);
	vsnprintf(text, size, format, arguments);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = arena_vprintf(arena, format, arguments);
	va_end(arguments);
	return text;
}

void arena_defer(struct arena *arena, void (*release)(void *object), void *object)
{
	struct deferred *deferred = arena_alloc(arena, sizeof(*deferred));

	deferred->release = release;
	deferred->object = object;
	deferred->next = arena->deferred;
	arena->deferred = deferred;
}

size_t arena_used_bytes(const struct arena *arena)
{
	return arena->used;
}
