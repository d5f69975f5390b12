/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a maximum. data is never NULL and always ends with
 * a zero byte that length does not count. An append that would pass the maximum
 * changes nothing, returns false and sets overflow, which stays set, so a
 * sequence of appends may be checked once at its end.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct arena;

struct strbuf {
	char *data;
	size_t length;
	size_t capacity;
	size_t maximum;
	bool overflow;
	struct arena *arena; /* NULL: on the heap, strbuf_release needed */
};

/* maximum counts content bytes. With an arena, memory is never given back before its reset. */
void strbuf_init(struct strbuf *buffer, struct arena *arena, size_t maximum);

/* Needed only without an arena; then usable again only after strbuf_init. */
void strbuf_release(struct strbuf *buffer);

/* Empties, forgets the overflow, keeps the memory. */
void strbuf_reset(struct strbuf *buffer);

bool strbuf_append(struct strbuf *buffer, const void *data, size_t size);
bool strbuf_append_string(struct strbuf *buffer, const char *text);
bool strbuf_append_char(struct strbuf *buffer, char c);
bool strbuf_printf(struct strbuf *buffer, const char *format, ...) PRINTF_FORMAT(2, 3);
bool strbuf_vprintf(struct strbuf *buffer, const char *format, va_list arguments)
	PRINTF_FORMAT(2, 0);

/* Removes the first count bytes (count <= length). */
void strbuf_consume(struct strbuf *buffer, size_t count);
