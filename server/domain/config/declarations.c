/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/config/declarations.h"

#include <inttypes.h>
#include <string.h>

#include "base/fields.h"
#include "domain/config/files.h"
#include "domain/config/template.h"

enum { DEPTH_MAX = 3, VALUE_MAX_BYTES = 8192, DIGITS_MAX = 18 };

static const char *const TYPE_NAMES[] = {"string", "int", "bool", NULL};

struct raw_declaration {
	json_t *preset;
	const char *type;
	bool required;
	const char *description;
};

static const struct field DECLARATION_FIELDS[] = {
	FIELD_JSON_AS("default", struct raw_declaration, preset, 0),
	FIELD_STRING(struct raw_declaration, type, 0, 16),
	FIELD_BOOL(struct raw_declaration, required, 0),
	FIELD_STRING(struct raw_declaration, description, 0, 1024),
	FIELD_END,
};

static bool preset_text(const json_t *preset, struct arena *arena, const char **out)
{
	if (json_is_string(preset))
		*out = arena_strdup(arena, json_string_value(preset));
	else if (json_is_integer(preset))
		*out = arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(preset));
	else if (json_is_boolean(preset))
		*out = json_is_true(preset) ? "true" : "false";
	else
		return false;
	return strlen(*out) <= VALUE_MAX_BYTES;
}

bool declaration_accepts(const struct declaration *declaration, const char *value)
{
	size_t sign = value[0] == '-';
	size_t digits = strspn(value + sign, "0123456789");

	if (strcmp(declaration->type, "int") == 0)
		return digits > 0 && digits <= DIGITS_MAX && !value[sign + digits];
	if (strcmp(declaration->type, "bool") == 0)
		return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
	return true;
}

static bool parse_one(const char *name, json_t *object, struct arena *arena,
		      struct declaration *out, struct error *err)
{
	struct raw_declaration raw = {.type = "string"};
	struct declaration declaration = {.name = arena_strdup(arena, name)};

	if (!template_name_valid(name))
		return error_set(err, ERR_INVALID, "name is not valid");
	if (!json_is_object(object))
		return error_set(err, ERR_INVALID, "is not an object");
	if (!fields_decode(DECLARATION_FIELDS, object, FIELDS_STRICT, arena, &raw, err))
		return false;
	if (names_find(TYPE_NAMES, raw.type) < 0)
		return error_set(err, ERR_INVALID, "type is none of string, int, bool");
	declaration.type = raw.type;
	declaration.required = raw.required;
	if (raw.preset && (!preset_text(raw.preset, arena, &declaration.preset) ||
			   !declaration_accepts(&declaration, declaration.preset)))
		return error_set(err, ERR_INVALID, "default is not of type %s", raw.type);
	*out = declaration;
	return true;
}

bool declarations_parse(const char *text, size_t length, struct arena *arena,
			struct declarations *out, struct error *err)
{
	json_t *object, *value, *parsed;
	const char *name;
	size_t count = 0;

	if (!json_parse_limited(text, length, DEPTH_MAX, &parsed, err))
		goto fail;
	object = json_keep(parsed, arena);
	if (!json_is_object(object)) {
		error_set(err, ERR_INVALID, "is not an object");
		goto fail;
	}
	if (json_object_size(object) > DECLARATIONS_MAX) {
		error_set(err, ERR_TOO_LARGE, "more than %d variables", DECLARATIONS_MAX);
		goto fail;
	}
	struct declaration *items = arena_array(arena, json_object_size(object), sizeof(*items));
	json_object_foreach (object, name, value) {
		if (!parse_one(name, value, arena, &items[count++], err)) {
			error_prefix(err, "variable \"%.64s\"", name);
			goto fail;
		}
	}
	*out = (struct declarations){items, count};
	return true;
fail:
	error_prefix(err, CONFIG_VARIABLES_FILE);
	error_prefix_field(err, CONFIG_VARIABLES_FILE);
	return false;
}

const struct declaration *declarations_find(const struct declarations *declarations,
					    const char *name)
{
	for (size_t i = 0; i < declarations->count; i++)
		if (strcmp(declarations->items[i].name, name) == 0)
			return &declarations->items[i];
	return NULL;
}
