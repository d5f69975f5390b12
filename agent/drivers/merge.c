/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/merge.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/encoding.h"

enum { MAX_NAME = 128 };

static json_t *unconst(const json_t *value)
{
	/* jansson's iteration wants a mutable pointer and does not change anything. */
	return (json_t *)(uintptr_t)value;
}

bool merge_objects(json_t *base, const json_t *over, unsigned depth, struct error *err)
{
	const char *key;
	json_t *value;

	if (depth == 0)
		return error_set(err, ERR_TOO_LARGE, "objects are nested too deeply");
	json_object_foreach (unconst(over), key, value) {
		json_t *old = json_object_get(base, key);

		if (json_is_null(value)) {
			json_object_del(base, key);
		} else if (json_is_object(value) && json_is_object(old)) {
			if (!merge_objects(old, value, depth - 1, err)) {
				error_prefix_field(err, key);
				return false;
			}
		} else {
			json_object_set_new(base, key, json_deep_copy(value));
		}
	}
	return true;
}

/* Length of the name at "${name}", 0 when it is not of that form. */
static size_t reference_length(const char *text, size_t length)
{
	const char *end = length > 3 ? memchr(text + 2, '}', length - 2) : NULL;

	if (!end || end == text + 2 || end - text - 2 > MAX_NAME)
		return 0;
	return (size_t)(end - text - 2);
}

static bool reference_expand(const struct expansion *expansion, const char *name, size_t length,
			     struct arena *arena, struct strbuf *out, struct error *err)
{
	const char *key = arena_strndup(arena, name, length);
	const char *value = expansion->lookup(key, arena, expansion->arg);

	if (value) {
		strbuf_append_string(out, value);
	} else if (!expansion->strict) {
		strbuf_append(out, name - 2, length + 3);
	} else {
		if (!utf8_valid(key, length))
			key = "?";
		return error_set(err, ERR_INVALID,
				 "${%s} is not defined (write $${ for a literal ${)", key);
	}
	return true;
}

bool expand_text(const struct expansion *expansion, const char *text, size_t length,
		 struct arena *arena, struct strbuf *out, struct error *err)
{
	size_t at = 0;

	while (at < length) {
		const char *dollar = memchr(text + at, '$', length - at);
		size_t plain = dollar ? (size_t)(dollar - text) - at : length - at;

		strbuf_append(out, text + at, plain);
		at += plain;
		if (!dollar)
			break;
		size_t left = length - at;
		if (expansion->strict && left >= 3 && memcmp(dollar, "$${", 3) == 0) {
			strbuf_append(out, "${", 2);
			at += 3;
			continue;
		}
		size_t name = left >= 3 && dollar[1] == '{' ? reference_length(dollar, left) : 0;
		if (name == 0) {
			strbuf_append_char(out, '$');
			at++;
			continue;
		}
		if (!reference_expand(expansion, dollar + 2, name, arena, out, err))
			return false;
		at += name + 3;
	}
	if (out->overflow)
		return error_set(err, ERR_TOO_LARGE, "more than %zu bytes after expansion",
				 expansion->max_bytes);
	return true;
}

static bool expand_string(const struct expansion *expansion, const json_t *value,
			  struct arena *arena, json_t **out, struct error *err)
{
	struct strbuf text;

	strbuf_init(&text, arena, expansion->max_bytes);
	if (!expand_text(expansion, json_string_value(value), json_string_length(value), arena,
			 &text, err))
		return false;
	if (text.length > *expansion->budget)
		return error_set(err, ERR_TOO_LARGE, "too much text after expansion");
	*expansion->budget -= text.length;
	*out = json_stringn(text.data, text.length);
	if (!*out)
		return error_set(err, ERR_INVALID, "not UTF-8 after expansion");
	return true;
}

static bool expand_object(const struct expansion *expansion, const json_t *value, unsigned depth,
			  struct arena *arena, json_t **out, struct error *err)
{
	json_t *object = json_object();
	const char *key;
	json_t *member;

	json_object_foreach (unconst(value), key, member) {
		json_t *expanded;

		if (!expand_tree(expansion, member, depth - 1, arena, &expanded, err)) {
			error_prefix_field(err, key);
			json_decref(object);
			return false;
		}
		json_object_set_new(object, key, expanded);
	}
	*out = object;
	return true;
}

static bool expand_array(const struct expansion *expansion, const json_t *value, unsigned depth,
			 struct arena *arena, json_t **out, struct error *err)
{
	json_t *array = json_array();
	size_t index;
	json_t *element;

	json_array_foreach (unconst(value), index, element) {
		json_t *expanded;

		if (!expand_tree(expansion, element, depth - 1, arena, &expanded, err)) {
			char place[32];

			snprintf(place, sizeof(place), "[%zu]", index);
			error_prefix_field(err, place);
			json_decref(array);
			return false;
		}
		json_array_append_new(array, expanded);
	}
	*out = array;
	return true;
}

bool expand_tree(const struct expansion *expansion, const json_t *value, unsigned depth,
		 struct arena *arena, json_t **out, struct error *err)
{
	if (depth == 0)
		return error_set(err, ERR_TOO_LARGE, "nested too deeply");
	if (json_is_object(value))
		return expand_object(expansion, value, depth, arena, out, err);
	if (json_is_array(value))
		return expand_array(expansion, value, depth, arena, out, err);
	if (json_is_string(value))
		return expand_string(expansion, value, arena, out, err);
	*out = json_deep_copy(value);
	return true;
}
