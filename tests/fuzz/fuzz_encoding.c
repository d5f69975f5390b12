/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small decoders: base64, base64url, hex, times, UTF-8. Each accepts exactly
 * what it would write itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INPUT = 512 };

typedef bool (*decode_fn)(const char *text, size_t length, void *out, size_t capacity,
			  size_t *size);
typedef void (*encode_fn)(const void *data, size_t size, char *out);

static void check(const char *text, size_t length, decode_fn decode, encode_fn encode)
{
	uint8_t bytes[MAX_INPUT];
	char again[2 * MAX_INPUT + 1];
	size_t size;

	if (!decode(text, length, bytes, sizeof(bytes), &size))
		return;
	encode(bytes, size, again);
	if (strlen(again) != length || memcmp(again, text, length) != 0)
		abort();
}

static void check_time(const char *text, size_t length)
{
	char canonical[TIME_TEXT_SIZE];
	usec_t time, again;

	if (!time_parse(text, length, &time))
		return;
	time_format(time, canonical);
	if (!time_parse(canonical, strlen(canonical), &again) || again != time)
		abort();
}

static void check_utf8(const char *text, size_t length)
{
	char clean[MAX_INPUT + 1];

	memcpy(clean, text, length);
	clean[length] = '\0';
	utf8_clean(clean);
	if (!utf8_valid(clean, strlen(clean)))
		abort();
	if (utf8_valid(text, length) && memcmp(clean, text, length) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	if (size > MAX_INPUT)
		return 0;
	check(text, size, base64_decode, base64_encode);
	check(text, size, base64url_decode, base64url_encode);
	check(text, size, hex_decode, hex_encode);
	check_time(text, size);
	check_utf8(text, size);
	return 0;
}
