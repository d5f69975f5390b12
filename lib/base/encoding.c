/* SPDX-License-Identifier: Apache-2.0 */
#include "base/encoding.h"

#include <stdint.h>
#include <string.h>

static const char HEX[] = "0123456789abcdef";
static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void hex_encode(const void *data, size_t size, char *out)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++) {
		*out++ = HEX[bytes[i] >> 4];
		*out++ = HEX[bytes[i] & 15];
	}
	*out = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool hex_decode(const char *text, size_t length, void *out, size_t capacity, size_t *size)
{
	uint8_t *bytes = out;

	if (length % 2 || length / 2 > capacity)
		return false;
	for (size_t i = 0; i < length; i += 2) {
		int high = hex_digit(text[i]);
		int low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	*size = length / 2;
	return true;
}

static void encode64(const void *data, size_t size, const char *alphabet, bool padding, char *out)
{
	const uint8_t *bytes = data;
	size_t i = 0;

	for (; i + 3 <= size; i += 3) {
		uint32_t group =
			(uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];

		*out++ = alphabet[group >> 18];
		*out++ = alphabet[group >> 12 & 63];
		*out++ = alphabet[group >> 6 & 63];
		*out++ = alphabet[group & 63];
	}
	if (size - i == 1) {
		*out++ = alphabet[bytes[i] >> 2];
		*out++ = alphabet[(bytes[i] & 3) << 4];
	} else if (size - i == 2) {
		*out++ = alphabet[bytes[i] >> 2];
		*out++ = alphabet[(bytes[i] & 3) << 4 | bytes[i + 1] >> 4];
		*out++ = alphabet[(bytes[i + 1] & 15) << 2];
	}
	for (size_t rest = size - i; padding && rest && rest < 3; rest++)
		*out++ = '=';
	*out = '\0';
}

/* length without padding. */
static bool decode64(const char *text, size_t length, const char *alphabet, uint8_t *out,
		     size_t capacity, size_t *size)
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t written = 0;

	if (length % 4 == 1 || length / 4 * 3 + (length % 4 ? length % 4 - 1 : 0) > capacity)
		return false;
	for (size_t i = 0; i < length; i++) {
		const char *place = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (!place)
			return false;
		bits = bits << 6 | (uint32_t)(place - alphabet);
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[written++] = (uint8_t)(bits >> count);
			bits &= (1u << count) - 1;
		}
	}
	if (bits)
		return false;
	*size = written;
	return true;
}

void base64_encode(const void *data, size_t size, char *out)
{
	encode64(data, size, BASE64, true, out);
}

void base64url_encode(const void *data, size_t size, char *out)
{
	encode64(data, size, BASE64URL, false, out);
}

bool base64_decode(const char *text, size_t length, void *out, size_t capacity, size_t *size)
{
	if (length % 4)
		return false;
	if (length && text[length - 1] == '=')
		length -= text[length - 2] == '=' ? 2 : 1;
	return decode64(text, length, BASE64, out, capacity, size);
}

bool base64url_decode(const char *text, size_t length, void *out, size_t capacity, size_t *size)
{
	return decode64(text, length, BASE64URL, out, capacity, size);
}

/* Length of the sequence that starts with this byte and the smallest code point that needs it. */
static unsigned sequence_length(uint8_t first, uint32_t *smallest)
{
	if ((first & 0xe0) == 0xc0) {
		*smallest = 0x80;
		return 2;
	}
	if ((first & 0xf0) == 0xe0) {
		*smallest = 0x800;
		return 3;
	}
	if ((first & 0xf8) == 0xf0) {
		*smallest = 0x10000;
		return 4;
	}
	return 0;
}

/* Length of the well-formed sequence at the start of bytes (size >= 1), or 0. */
static size_t valid_sequence(const uint8_t *bytes, size_t size)
{
	uint32_t smallest;

	if (bytes[0] < 0x80)
		return bytes[0] ? 1 : 0;
	unsigned count = sequence_length(bytes[0], &smallest);
	if (!count || count > size)
		return 0;
	uint32_t point = bytes[0] & (0xffu >> (count + 1));
	for (unsigned k = 1; k < count; k++) {
		if ((bytes[k] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (bytes[k] & 0x3fu);
	}
	if (point < smallest || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return count;
}

bool utf8_valid(const char *text, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)text;

	for (size_t i = 0; i < length;) {
		size_t count = valid_sequence(bytes + i, length - i);

		if (!count)
			return false;
		i += count;
	}
	return true;
}

void utf8_clean(char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length;) {
		size_t count = valid_sequence((const uint8_t *)text + i, length - i);

		if (!count)
			text[i] = '?';
		i += count ? count : 1;
	}
}
