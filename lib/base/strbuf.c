/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

enum { FIRST_CAPACITY = 256 };

/* What an empty buffer points to; never written, because capacity is 0. */
static char empty[1];

void strbuf_init(struct strbuf *buffer, struct arena *arena, size_t maximum)
{
	assert(maximum < SIZE_MAX / 2);
	*buffer = (struct strbuf){.data = empty, .maximum = maximum, .arena = arena};
}

void strbuf_release(struct strbuf *buffer)
{
	if (!buffer->arena && buffer->capacity)
		free(buffer->data);
	*buffer = (struct strbuf){.data = empty};
}

void strbuf_reset(struct strbuf *buffer)
{
	buffer->length = 0;
	buffer->overflow = false;
	if (buffer->capacity)
		buffer->data[0] = '\0';
}

/* Makes room for extra more bytes and the zero byte. */
static bool grow(struct strbuf *buffer, size_t extra)
{
	if (buffer->overflow || extra > buffer->maximum - buffer->length) {
		buffer->overflow = true;
		return false;
	}
	size_t needed = buffer->length + extra + 1;
	if (needed <= buffer->capacity)
		return true;
	size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
	while (capacity < needed)
		capacity *= 2;
	if (capacity > buffer->maximum + 1)
		capacity = buffer->maximum + 1;
	if (buffer->arena) {
		char *data = arena_alloc(buffer->arena, capacity);

		memcpy(data, buffer->data, buffer->length);
		buffer->data = data;
	} else {
		buffer->data = xrealloc(buffer->capacity ? buffer->data : NULL, capacity);
	}
	buffer->capacity = capacity;
	return true;
}

bool strbuf_append(struct strbuf *buffer, const void *data, size_t size)
{
	if (!grow(buffer, size))
		return false;
	if (size)
		memcpy(buffer->data + buffer->length, data, size);
	buffer->length += size;
	buffer->data[buffer->length] = '\0';
	return true;
}

bool strbuf_append_string(struct strbuf *buffer, const char *text)
{
	return strbuf_append(buffer, text, strlen(text));
}

bool strbuf_append_char(struct strbuf *buffer, char c)
{
	return strbuf_append(buffer, &c, 1);
}

bool strbuf_vprintf(struct strbuf *buffer, const char *format, va_list arguments)
{
	va_list again;

	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0 || !grow(buffer, (size_t)length)) {
		buffer->overflow = true;
		return false;
	}
	vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
	buffer->length += (size_t)length;
	return true;
}

bool strbuf_printf(struct strbuf *buffer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	bool done = strbuf_vprintf(buffer, format, arguments);
	va_end(arguments);
	return done;
}

void strbuf_consume(struct strbuf *buffer, size_t count)
{
	assert(count <= buffer->length);
	if (!count)
		return;
	buffer->length -= count;
	memmove(buffer->data, buffer->data + count, buffer->length + 1);
}
