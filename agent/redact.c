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
	at += strspn(at, "\"' \t");
	if (*at == ':' || *at == '=')
		at++;
	else if (at == begin)
		return NULL;
	at += strspn(at, "\"' \t");
	return *at ? at : NULL;
}

static size_t token_length(const char *at)
{
	return strcspn(at, "\"' \t,;&}])");
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
	size_t length = token_length(value);

	strbuf_append(out, word, (size_t)(value - word));
	/* "Authorization: Basic dXNlcjpw" */
	if (is_scheme(value, length)) {
		size_t gap = strspn(value + length, " \t");

		strbuf_append(out, value, length + gap);
		value += length + gap;
		length = token_length(value);
	}
	strbuf_append_string(out, length > 0 ? MASK : "");
	return value + length;
}

/* "scheme://user:password@host": masks up to the '@'. NULL: no credentials here. */
static const char *mask_address(struct strbuf *out, const char *at)
{
	size_t length = strcspn(at, "/ \t\"'@");

	if (at[length] != '@')
		return NULL;
	strbuf_append_string(out, MASK);
	return at + length;
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
