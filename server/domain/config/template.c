/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/config/template.h"

#include <string.h>

#define AGENT_PREFIX "muster."

enum { NAME_MAX_BYTES = 128 };

static bool name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool name_part(char c)
{
	return name_start(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

bool template_name_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > NAME_MAX_BYTES || !name_start(name[0]))
		return false;
	for (size_t i = 1; i < length; i++)
		if (!name_part(name[i]))
			return false;
	return true;
}

/* "path:line:column: text", both counted from 1; columns count bytes. */
static bool fail(const struct template_source *source, size_t offset, enum error_code code,
		 struct error *err, const char *text)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset; i++) {
		column = source->text[i] == '\n' ? 1 : column + 1;
		line += source->text[i] == '\n';
	}
	return error_set_field(err, code, source->path, "%.100s:%zu:%zu: %s", source->path, line,
			       column, text);
}

/* One ${...}. Offsets into the text; end is behind the brace. */
struct place {
	size_t start;
	size_t name;
	size_t name_end;
	size_t text_end; /* of the inline default, which starts behind ":-" */
	size_t end;
	bool has_default;
};

static bool parse_place(const struct template_source *source, size_t start, struct place *out,
			struct error *err)
{
	const char *text = source->text;
	struct place place = {.start = start, .name = start + 2};
	size_t at = place.name;

	if (at >= source->length || !name_start(text[at]))
		return fail(source, start, ERR_INVALID, err,
			    "\"${\" is not followed by a variable's name (write \"$${\" for a "
			    "literal one)");
	while (at < source->length && name_part(text[at]))
		at++;
	place.name_end = at;
	if (at + 1 < source->length && text[at] == ':' && text[at + 1] == '-') {
		const char *brace = memchr(text + at, '}', source->length - at);

		place.has_default = true;
		at = brace ? (size_t)(brace - text) : source->length;
	}
	place.text_end = at;
	if (place.name_end - place.name > NAME_MAX_BYTES)
		return fail(source, start, ERR_INVALID, err, "the variable's name is too long");
	if (at >= source->length || text[at] != '}')
		return fail(source, start, ERR_INVALID, err,
			    "\"${\" has no closing brace behind the variable's name (write "
			    "\"$${\" for a literal one)");
	place.end = at + 1;
	*out = place;
	return true;
}

static bool render_place(const struct template_source *source, const struct place *place,
			 struct arena *scratch, struct strbuf *out, struct error *err)
{
	size_t length = place->name_end - place->name;
	const char *start = source->text + place->name;
	const char *fallback = NULL, *value = NULL;

	if (length > strlen(AGENT_PREFIX) &&
	    memcmp(start, AGENT_PREFIX, strlen(AGENT_PREFIX)) == 0) {
		strbuf_append(out, source->text + place->start, place->end - place->start);
		return true;
	}
	const char *name = arena_strndup(scratch, start, length);
	if (place->has_default)
		fallback = arena_strndup(scratch, source->text + place->name_end + 2,
					 place->text_end - place->name_end - 2);
	if (!source->value(source->arg, name, fallback, &value, err)) {
		const char *reason = arena_strdup(scratch, err->text);

		return fail(source, place->start, err->code, err, reason);
	}
	if (!value)
		return fail(source, place->start, ERR_INVALID, err,
			    arena_printf(scratch, "variable \"%s\" is not defined", name));
	strbuf_append_string(out, value);
	return true;
}

bool template_render(const struct template_source *source, struct arena *scratch,
		     struct strbuf *out, struct error *err)
{
	const char *text = source->text;
	size_t at = 0;

	while (at < source->length) {
		const char *dollar = memchr(text + at, '$', source->length - at);
		size_t next = dollar ? (size_t)(dollar - text) : source->length;
		size_t left = source->length - next;
		struct place place;

		strbuf_append(out, text + at, next - at);
		at = next;
		if (left >= 3 && memcmp(text + at, "$${", 3) == 0) {
			strbuf_append_string(out, "${");
			at += 3;
		} else if (left >= 2 && text[at + 1] == '{') {
			if (!parse_place(source, at, &place, err) ||
			    !render_place(source, &place, scratch, out, err))
				return false;
			at = place.end;
		} else if (left) {
			strbuf_append_char(out, '$');
			at++;
		}
	}
	if (out->overflow)
		return error_set_field(err, ERR_TOO_LARGE, source->path,
				       "%.100s: rendered files are larger than %zu bytes together",
				       source->path, out->maximum);
	return true;
}

static bool any_value(void *arg, const char *name, const char *inline_default, const char **value,
		      struct error *err)
{
	(void)arg;
	(void)name;
	(void)inline_default;
	(void)err;
	*value = "";
	return true;
}

bool template_check(const char *path, const char *text, size_t length, struct error *err)
{
	const struct template_source source = {path, text, length, any_value, NULL};
	struct arena *scratch = arena_new();
	struct strbuf out;

	strbuf_init(&out, scratch, length + 1);
	bool valid = template_render(&source, scratch, &out, err);
	arena_free(scratch);
	return valid;
}
