/* SPDX-License-Identifier: Apache-2.0 */
#include "redact.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"
#include "base/strbuf.h"

static const char *const WORDS[] = {
	"password", "passwd",	     "passphrase", "pwd",	 "secret",
	"token",    "api_key",	     "api-key",	   "apikey",	 "access_key",
	"bearer",   "authorization", "cookie",	   "credential", "private_key",
};

static const char MASK[] = "***";

/* What may stand around a value; the backslash in JSON that is text within JSON. */
static const char AROUND[] = "\"' \t\\";

/* The length of the word that begins here, or 0. */
static size_t word_at(const char *at)
{
	for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++)
		if (strncasecmp(at, WORDS[i], strlen(WORDS[i])) == 0)
			return strlen(WORDS[i]);
	return 0;
}

/*
 * The begin of the value behind a word: "=", ":" or a space, quotes around either. NULL: the word
 * stands alone.
 */
static const char *value_behind(const char *at)
{
	const char *begin = at;

	/* "token_file", "passwords": what goes on with the name belongs to it. */
	while (isalnum((unsigned char)*at) || *at == '_' || *at == '-')
		at++;
	at += strspn(at, AROUND);
	if (*at == ':' || *at == '=')
		at++;
	else if (at == begin)
		return NULL;
	at += strspn(at, AROUND);
	return *at ? at : NULL;
}

/* How far the value reaches: to the quote that ends it when one begins it, spaces and all. */
static size_t token_length(const char *at, const char *word)
{
	const char quote = at > word ? at[-1] : '\0';
	size_t length = 0;

	if (quote != '"' && quote != '\'')
		return strcspn(at, "\"' \t;&\\");
	/* JSON within JSON ends with a backslash before the quote, a quote within a value has one, too. */
	const bool inside = at - word > 1 && at[-2] == '\\';
	while (at[length] && at[length] != quote)
		length += !inside && at[length] == '\\' && at[length + 1] ? 2 : 1;
	return inside && length > 0 && at[length] && at[length - 1] == '\\' ? length - 1 : length;
}

static bool is_scheme(const char *at, size_t length)
{
	return (length == 5 && strncasecmp(at, "basic", 5) == 0) ||
	       (length == 6 && strncasecmp(at, "bearer", 6) == 0) ||
	       (length == 6 && strncasecmp(at, "digest", 6) == 0);
}

/* Masks the value behind a word; returns where to go on. */
static const char *mask_value(struct strbuf *out, const char *word, const char *value)
{
	size_t length = token_length(value, word);

	strbuf_append(out, word, (size_t)(value - word));
	/* "Authorization: Basic dXNlcjpw" */
	if (is_scheme(value, length)) {
		size_t gap = strspn(value + length, " \t");

		strbuf_append(out, value, length + gap);
		value += length + gap;
		length = token_length(value, word);
	}
	strbuf_append_string(out, length > 0 ? MASK : "");
	return value + length;
}

/* "scheme://user:password@host": masks up to the '@'. NULL: no credentials here. */
static const char *mask_address(struct strbuf *out, const char *at)
{
	const char *end = NULL;

	/* The last one, since people do not encode the '@' in a password. */
	for (size_t i = 0, length = strcspn(at, "/ \t\"'"); i < length; i++)
		if (at[i] == '@')
			end = at + i;
	if (end)
		strbuf_append_string(out, MASK);
	return end;
}

const char *redact_line(struct arena *arena, const char *line, bool *in_key)
{
	struct strbuf out;

	if (strstr(line, "-----BEGIN ") && strstr(line, "PRIVATE KEY"))
		*in_key = true;
	if (*in_key) {
		*in_key = strstr(line, "-----END ") == NULL;
		return MASK;
	}
	strbuf_init(&out, arena, 4 * strlen(line) + sizeof(MASK));
	while (*line) {
		size_t word = word_at(line);
		const char *value = word > 0 ? value_behind(line + word) : NULL;
		const char *behind = NULL;

		if (value) {
			line = mask_value(&out, line, value);
			continue;
		}
		if (strncmp(line, "://", 3) == 0) {
			strbuf_append(&out, line, 3);
			behind = mask_address(&out, line + 3);
			line = behind ? behind : line + 3;
			continue;
		}
		strbuf_append_char(&out, *line++);
	}
	return out.data;
}
