/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/change.h"

#include <stdlib.h>
#include <string.h>

#include "base/fields.h"

enum {
	MAX_ARGUMENTS = 64,
	MAX_STRING = 4096,
	MAX_PATH = 1024,
	MAX_FILES = 100,
	MAX_TIMEOUT_MS = 3600 * 1000,
	DEFAULT_TIMEOUT_MS = 60 * 1000,
	DEFAULT_ATTEMPTS = 3,
	DEFAULT_DELAY_MS = 5000,
};

static const char *const KEYS[] = {"hooks", "in_place", "take_over"};
static const char *const HOOK_NAMES[] = {[HOOK_BEFORE] = "before", [HOOK_AFTER] = "after"};

static const struct field HOOK_FIELDS[] = {
	FIELD_STRINGS(struct hook_spec, command, command_count, 0, MAX_ARGUMENTS, MAX_STRING),
	FIELD_INT64(struct hook_spec, timeout_ms, 0, 100, MAX_TIMEOUT_MS),
	FIELD_INT(struct hook_spec, attempts, 0, 1, 100),
	FIELD_INT64(struct hook_spec, delay_ms, 0, 0, MAX_TIMEOUT_MS),
	FIELD_END,
};

static const struct field HOOKS_FIELDS[] = {
	FIELD_OBJECT_AS("before", struct change_spec, hooks[HOOK_BEFORE], 0, HOOK_FIELDS),
	FIELD_OBJECT_AS("after", struct change_spec, hooks[HOOK_AFTER], 0, HOOK_FIELDS),
	FIELD_END,
};

static const struct field TAKE_OVER_FIELDS[] = {
	FIELD_STRING(struct take_over_spec, unit, 0, 255),
	FIELD_STRING(struct take_over_spec, pid_file, 0, MAX_PATH),
	FIELD_STRINGS(struct take_over_spec, start, start_count, 0, MAX_ARGUMENTS, MAX_STRING),
	FIELD_END,
};

const char *hook_kind_name(enum hook_kind kind)
{
	return HOOK_NAMES[kind];
}

const char *change_key(const json_t *parameters)
{
	for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++)
		if (json_object_get(parameters, KEYS[i]))
			return KEYS[i];
	return NULL;
}

static bool hooks_decode(struct arena *arena, json_t *json, struct change_spec *change,
			 struct error *err)
{
	for (size_t i = 0; i < HOOK_KINDS; i++) {
		change->hooks[i] = (struct hook_spec){
			.timeout_ms = DEFAULT_TIMEOUT_MS,
			.attempts = DEFAULT_ATTEMPTS,
			.delay_ms = DEFAULT_DELAY_MS,
		};
	}
	if (!json)
		return true;
	if (!fields_decode(HOOKS_FIELDS, json, FIELDS_TOLERANT, arena, change, err)) {
		error_prefix_field(err, "hooks");
		return false;
	}
	for (size_t i = 0; i < HOOK_KINDS; i++) {
		const struct hook_spec *hook = &change->hooks[i];

		if (!json_object_get(json, HOOK_NAMES[i]))
			continue;
		if (hook->command_count == 0 || hook->command[0][0] != '/')
			return error_set_field(err, ERR_INVALID, "hooks",
					       "the command of the hook %s is not an absolute path",
					       HOOK_NAMES[i]);
	}
	return true;
}

/* Absolute, without empty, "." and ".." parts, and not a folder. */
static bool path_is_clean(const char *path)
{
	if (path[0] != '/' || strlen(path) > MAX_PATH)
		return false;
	for (const char *part = path; *part;) {
		size_t size = strcspn(++part, "/");

		if (size == 0 || (size == 1 && part[0] == '.') ||
		    (size == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += size;
	}
	return true;
}

static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool path_check(const char *path, const char *root, struct error *err)
{
	static const char *const NEVER[] = {"/proc", "/sys", "/dev", "/run/muster"};

	if (!path_is_clean(path))
		return error_set_field(err, ERR_INVALID, "in_place",
				       "\"%.200s\" is not an absolute, clean path", path);
	if (is_below(path, root))
		return error_set_field(err, ERR_INVALID, "in_place",
				       "\"%.200s\" is in the agent's own folder", path);
	for (size_t i = 0; i < ARRAY_SIZE(NEVER); i++)
		if (is_below(path, NEVER[i]))
			return error_set_field(err, ERR_INVALID, "in_place",
					       "no file can be kept in %s", NEVER[i]);
	return true;
}

static int compare_files(const void *a, const void *b)
{
	const struct in_place_file *left = a, *right = b;

	return strcmp(left->file, right->file);
}

static bool in_place_decode(struct arena *arena, json_t *json, const char *root,
			    struct change_spec *change, struct error *err)
{
	const char *file;
	json_t *value;
	size_t n = 0;

	if (!json)
		return true;
	if (!json_is_object(json))
		return error_set_field(err, ERR_INVALID, "in_place", "an object is expected");
	if (json_object_size(json) > MAX_FILES)
		return error_set_field(err, ERR_TOO_LARGE, "in_place", "more than %d files",
				       MAX_FILES);
	change->adopts = true;
	change->in_place =
		arena_array(arena, json_object_size(json) + 1, sizeof(*change->in_place));
	json_object_foreach (json, file, value) {
		const char *path = json_string_value(value);

		if (!path)
			return error_set_field(err, ERR_INVALID, "in_place",
					       "the path of %.100s is not a string", file);
		if (!path_check(path, root, err))
			return false;
		for (size_t i = 0; i < n; i++)
			if (strcmp(change->in_place[i].path, path) == 0)
				return error_set_field(err, ERR_INVALID, "in_place",
						       "two files go to %.200s", path);
		change->in_place[n++] = (struct in_place_file){.file = arena_strdup(arena, file),
							       .path = arena_strdup(arena, path)};
	}
	change->in_place_count = n;
	qsort(change->in_place, n, sizeof(*change->in_place), compare_files);
	return true;
}

static bool unit_is_valid(const char *unit)
{
	static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789:_.@\\-";

	return unit[0] && unit[0] != '-' && strspn(unit, LETTERS) == strlen(unit);
}

static bool take_over_decode(struct arena *arena, json_t *json, struct take_over_spec *out,
			     struct error *err)
{
	if (!json)
		return true;
	if (!fields_decode(TAKE_OVER_FIELDS, json, FIELDS_TOLERANT, arena, out, err)) {
		error_prefix_field(err, "take_over");
		return false;
	}
	if (!out->unit == !out->pid_file)
		return error_set_field(err, ERR_INVALID, "take_over",
				       "either unit or pid_file says what is taken over");
	if (out->unit && !unit_is_valid(out->unit))
		return error_set_field(err, ERR_INVALID, "take_over.unit",
				       "\"%.100s\" is not the name of a unit", out->unit);
	if (out->pid_file && !path_is_clean(out->pid_file))
		return error_set_field(err, ERR_INVALID, "take_over.pid_file",
				       "\"%.200s\" is not an absolute, clean path", out->pid_file);
	if (out->start && (out->start_count == 0 || out->start[0][0] != '/'))
		return error_set_field(err, ERR_INVALID, "take_over.start",
				       "the command is not an absolute path");
	return true;
}

bool change_decode(struct arena *arena, json_t *document, const char *root, struct change_spec *out,
		   struct error *err)
{
	struct change_spec change = {0};

	if (!hooks_decode(arena, json_object_get(document, "hooks"), &change, err) ||
	    !in_place_decode(arena, json_object_get(document, "in_place"), root, &change, err) ||
	    !take_over_decode(arena, json_object_get(document, "take_over"), &change.take_over,
			      err))
		return false;
	*out = change;
	return true;
}

const char *change_path(const struct change_spec *change, const char *file)
{
	for (size_t i = 0; i < change->in_place_count; i++)
		if (strcmp(change->in_place[i].file, file) == 0)
			return change->in_place[i].path;
	return NULL;
}
