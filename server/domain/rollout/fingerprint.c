/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/fingerprint.h"

#include <stdbool.h>
#include <string.h>

#include "base/compiler.h"
#include "base/crypto.h"
#include "base/strbuf.h"
#include "protocol/limits.h"

enum {
	INPUT_MAX = LIMIT_STDERR, /* more is not looked at */
	OUTPUT_MAX = 1024,
	LINES = 4,	/* the last distinct ones say why; how many came before differs */
	WORD_LONG = 20, /* a word this long is a key, a digest or an id */
	HEX_LONG = 8,	/* so many letters of a-f are no word of a language */
};

/* Not isalpha and friends: the locale must not change a fingerprint. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_hex(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

static bool is_word(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || (unsigned char)c >= 0x80;
}

static bool is_blank(char c)
{
	return (unsigned char)c <= ' ' || c == 0x7f;
}

static size_t span(const char *text, size_t size, bool (*fits)(char))
{
	size_t length = 0;

	while (length < size && fits(text[length]))
		length++;
	return length;
}

static bool is_address_char(char c)
{
	return is_hex(c) || c == ':';
}

/* MAC and IPv6 addresses: hex digits with at least two colons, and a digit or a lot of colons. */
static size_t address_span(const char *text, size_t size)
{
	size_t length = span(text, size, is_address_char), colons = 0, digits = 0;

	while (length > 0 && text[length - 1] == ':' && (length < 2 || text[length - 2] != ':'))
		length--;
	if (length < size && is_word(text[length]))
		return 0;
	for (size_t i = 0; i < length; i++) {
		colons += text[i] == ':';
		digits += is_digit(text[i]);
	}
	return colons >= 3 || (colons == 2 && digits > 0) ? length : 0;
}

static size_t uuid_span(const char *text, size_t size)
{
	static const size_t groups[] = {8, 4, 4, 4, 12};
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (at + groups[i] > size || span(text + at, groups[i], is_hex) != groups[i])
			return 0;
		at += groups[i];
		if (i + 1 < ARRAY_SIZE(groups) && (at >= size || text[at++] != '-'))
			return 0;
	}
	return at < size && is_word(text[at]) ? 0 : at;
}

static bool is_path_char(char c)
{
	return !is_blank(c) && strchr("\"'`()[]{}<>,;:|", c) == NULL;
}

/* "/tmp/x1/y": what stands below a folder whose names are of the moment; the length of both. */
static size_t path_span(const char *text, size_t size, size_t *kept)
{
	static const char *const folders[] = {"/tmp/", "/run/", "/proc/", "/home/", "/dev/shm/"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		size_t length = strlen(folders[i]), below;

		if (size <= length || strncmp(text, folders[i], length) != 0)
			continue;
		below = 0;
		while (length + below < size && is_path_char(text[length + below]) &&
		       text[length + below] != '/')
			below++;
		if (below == 0)
			return 0;
		*kept = length;
		return length + below;
	}
	return 0;
}

/* Names of days and months vary with the clock, but only beside a number. */
static bool is_calendar(const char *word, size_t length)
{
	static const char names[] = "jan feb mar apr may jun jul aug sep oct nov dec "
				    "mon tue wed thu fri sat sun ";

	if (length != 3)
		return false;
	const char name[] = {lower(word[0]), lower(word[1]), lower(word[2]), ' ', '\0'};
	const char *found = strstr(names, name);

	return found != NULL && (found - names) % 4 == 0;
}

static bool beside_number(const char *line, size_t size, size_t at, size_t length)
{
	size_t after = at + length;

	while (after < size && strchr(" ,/-", line[after]) != NULL)
		after++;
	if (after < size && after > at + length && is_digit(line[after]))
		return true;
	if (after + 3 <= size &&
	    is_calendar(line + after, span(line + after, size - after, is_word)))
		return true;
	return at >= 2 && strchr(" /-", line[at - 1]) != NULL && is_digit(line[at - 2]);
}

/* Two numbers with little between are one: dates, times, addresses, versions, lists. */
static void put_number(struct strbuf *out)
{
	size_t between = 0;

	while (between < 2 && between < out->length &&
	       strchr(" .:,-+/_", out->data[out->length - 1 - between]) != NULL)
		between++;
	if (between < out->length && out->data[out->length - 1 - between] == '#') {
		out->length -= between;
		out->data[out->length] = '\0';
		return;
	}
	strbuf_append_char(out, '#');
}

static void put_word(struct strbuf *out, const char *line, size_t size, size_t at, size_t length)
{
	const char *word = line + at;
	size_t digits = 0;

	for (size_t i = 0; i < length; i++)
		digits += is_digit(word[i]);
	bool hex = span(word, length, is_hex) == length;
	if (length >= WORD_LONG || (hex && (length >= HEX_LONG || (digits > 0 && length >= 4))) ||
	    (length > 2 && word[0] == '0' && lower(word[1]) == 'x' &&
	     span(word + 2, length - 2, is_hex) == length - 2) ||
	    (is_calendar(word, length) && beside_number(line, size, at, length))) {
		put_number(out);
		return;
	}
	for (size_t i = 0; i < length; i++) {
		/* "01T00" and "04Z" of a time. */
		bool inside = i > 0 && is_digit(word[i - 1]);
		if (is_digit(word[i])) {
			if (!inside)
				put_number(out);
		} else if (inside &&
			   (lower(word[i]) == 't' ? i + 1 < length && is_digit(word[i + 1])
						  : lower(word[i]) == 'z' && i + 1 == length)) {
			if (i + 1 < length) {
				i++;
				while (i + 1 < length && is_digit(word[i + 1]))
					i++;
			}
		} else {
			strbuf_append_char(out, lower(word[i]));
		}
	}
}

static size_t escape_span(const char *text, size_t size)
{
	size_t length = 2;

	if (size < 2 || text[0] != '\x1b' || text[1] != '[')
		return 0;
	while (length < size && (text[length] < '@' || text[length] > '~'))
		length++;
	return length < size ? length + 1 : length;
}

static void put_line(struct strbuf *out, const char *line, size_t size)
{
	size_t start = out->length, at = 0, length, kept;

	while (at < size && !out->overflow) {
		bool begins = at == 0 || !is_word(line[at - 1]);

		if ((length = escape_span(line + at, size - at)) > 0) {
			at += length;
		} else if (is_blank(line[at])) {
			if (out->length > start && out->data[out->length - 1] != ' ')
				strbuf_append_char(out, ' ');
			at++;
		} else if (begins && ((length = uuid_span(line + at, size - at)) > 0 ||
				      (length = address_span(line + at, size - at)) > 0)) {
			put_number(out);
			at += length;
		} else if ((length = path_span(line + at, size - at, &kept)) > 0) {
			strbuf_append(out, line + at, kept);
			strbuf_append_char(out, '#');
			at += length;
		} else if ((length = span(line + at, size - at, is_word)) > 0) {
			put_word(out, line, size, at, length);
			at += length;
		} else {
			strbuf_append_char(out, line[at++]);
		}
	}
	while (out->length > start && out->data[out->length - 1] == ' ')
		out->data[--out->length] = '\0';
}

const char *fingerprint_normalise(const char *text, struct arena *arena)
{
	size_t size = strnlen(text, INPUT_MAX), end = size, count = 0;
	const char *lines[LINES];
	struct strbuf out;

	/* From the end: what was said last, each thing once. */
	while (end > 0 && count < LINES) {
		size_t begin = end;
		bool known = false;

		while (begin > 0 && text[begin - 1] != '\n')
			begin--;
		/* The agent keeps the last bytes: the first line of a full buffer may be half of one. */
		if (begin == 0 && size >= INPUT_MAX - 1 && count > 0)
			break;
		strbuf_init(&out, arena, OUTPUT_MAX / LINES);
		put_line(&out, text + begin, end - begin);
		for (size_t i = 0; i < count; i++)
			known |= strcmp(lines[i], out.data) == 0;
		if (out.length > 0 && !known)
			lines[count++] = out.data;
		end = begin > 0 ? begin - 1 : 0;
	}
	strbuf_init(&out, arena, OUTPUT_MAX + LINES);
	while (count > 0) {
		strbuf_append_string(&out, lines[--count]);
		if (count > 0)
			strbuf_append_char(&out, '\n');
	}
	return out.data;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

void fingerprint_make(const char *state, const json_t *error, const char *reason,
		      struct arena *arena, char out[FINGERPRINT_SIZE])
{
	const json_t *exit = json_object_get(error, "exit");
	const char *words = text_of(error, "stderr");
	char hex[SHA256_HEX_SIZE];

	if (fingerprint_normalise(words, arena)[0] == '\0')
		words = text_of(error, "text");
	if (words[0] == '\0' && reason != NULL)
		words = reason;
	/* A node that could not put itself back is a case of its own, whatever the cause was. */
	bool broken = strcmp(state, "rollback_failed") == 0;
	const char *all =
		arena_printf(arena, "1\n%d\n%s\n%s\n%lld\n%lld\n%s\n%s", broken,
			     text_of(error, "code"), text_of(error, "service"),
			     (long long)json_integer_value(json_object_get(exit, "code")),
			     (long long)json_integer_value(json_object_get(exit, "signal")),
			     text_of(json_object_get(error, "probe"), "kind"),
			     fingerprint_normalise(words, arena));
	sha256_hex(all, strlen(all), hex);
	memcpy(out, hex, FINGERPRINT_SIZE - 1);
	out[FINGERPRINT_SIZE - 1] = '\0';
}
