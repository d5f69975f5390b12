/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by lifespan: one arena per unit of work (a request, a message, a tick).
 * Nothing is freed singly; arena_reset gives back everything at once. Running
 * out of memory aborts the program with a log line, so nothing here returns
 * NULL. Sizes that come from outside are checked against a limit first.
 *
 * Not thread-safe: an arena belongs to one thread at a time.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/compiler.h"

struct arena;

struct arena *arena_new(void);

/* Accepts NULL. */
void arena_free(struct arena *arena);

/* Invalidates everything allocated so far; keeps one block for reuse. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned for any type. size 0 gives a unique pointer. */
void *arena_alloc(struct arena *arena, size_t size);

/* Zeroed array; aborts when count * size overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* Copies size bytes; a zero byte follows, which is not counted. */
void *arena_memdup(struct arena *arena, const void *data, size_t size);

/* NULL stays NULL. */
char *arena_strdup(struct arena *arena, const char *text);

/* At most length bytes of text. */
char *arena_strndup(struct arena *arena, const char *text, size_t length);

char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_FORMAT(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments) PRINTF_FORMAT(2, 0);

/* Calls release(object) at the next reset or free, in reverse order of registration.
 * For the few foreign objects (json_t) that live as long as the arena. */
void arena_defer(struct arena *arena, void (*release)(void *object), void *object);

/* Bytes handed out since the last reset. */
size_t arena_used_bytes(const struct arena *arena);

/* Stops the program with a word: it is supervised, and half a piece of work would be worse. */
_Noreturn void out_of_memory(size_t size);

/* Allocation outside of arenas, same rule: never NULL. The caller frees with free(). */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *memory, size_t size);
char *xstrdup(const char *text);
