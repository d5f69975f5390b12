/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/config/names.h"

#include <string.h>

#include "base/strbuf.h"
#include "domain/config/declarations.h"
#include "domain/config/files.h"
#include "domain/config/template.h"

struct collector {
	struct config_names *names;
	struct arena *arena;
};

bool config_names_have(const struct config_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

static void add(struct config_names *names, const char *name, struct arena *arena)
{
	if (config_names_have(names, name))
		return;
	if (names->count == names->capacity) {
		size_t capacity = names->capacity > 0 ? 2 * names->capacity : 16;
		const char **items = arena_array(arena, capacity, sizeof(*items));

		if (names->count > 0)
			memcpy(items, names->items, names->count * sizeof(*items));
		names->items = items;
		names->capacity = capacity;
	}
	names->items[names->count++] = arena_strdup(arena, name);
}

static bool collect(void *arg, const char *name, const char *inline_default, const char **out,
		    struct error *err)
{
	struct collector *collector = arg;

	(void)inline_default;
	(void)err;
	add(collector->names, name, collector->arena);
	*out = "";
	return true;
}

static void add_text(struct config_names *names, const char *path, const char *text, size_t length,
		     struct arena *arena)
{
	struct collector collector = {names, arena};
	const struct template_source source = {path, text, length, collect, &collector};
	struct arena *scratch = arena_new();
	struct error ignored;
	struct strbuf out;

	strbuf_init(&out, scratch, length + 1);
	(void)!template_render(&source, scratch, &out, &ignored);
	arena_free(scratch);
}

void config_names_add_version(struct config_names *names, const struct config_version *version,
			      struct arena *arena)
{
	struct declarations declarations = {0};
	struct error ignored;

	for (size_t i = 0; i < version->file_count; i++) {
		const struct config_file *file = &version->files[i];

		if (strcmp(file->path, CONFIG_VARIABLES_FILE) == 0) {
			if (!declarations_parse(file->content, (size_t)file->size, arena,
						&declarations, &ignored))
				continue;
			for (size_t d = 0; d < declarations.count; d++)
				add(names, declarations.items[d].name, arena);
		} else if (config_file_is_text(file)) {
			add_text(names, file->path, file->content, (size_t)file->size, arena);
		}
	}
}

void config_names_add_json(struct config_names *names, json_t *json, struct arena *arena)
{
	const char *key;
	json_t *value;
	size_t index;

	if (json_is_string(json))
		add_text(names, "parameters", json_string_value(json), json_string_length(json),
			 arena);
	json_object_foreach (json, key, value)
		config_names_add_json(names, value, arena);
	json_array_foreach (json, index, value)
		config_names_add_json(names, value, arena);
}
