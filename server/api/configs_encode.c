/* SPDX-License-Identifier: Apache-2.0 */
#include "api/configs_encode.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/fields.h"

static const struct field CONFIG_FIELDS[] = {
	FIELD_STRING(struct config, id, 0, 64),
	FIELD_STRING(struct config, name, 0, 64),
	FIELD_STRING(struct config, service, FIELD_NULLABLE, 64),
	FIELD_STRING(struct config, driver, FIELD_NULLABLE, 64),
	FIELD_STRING(struct config, description, 0, 1024),
	FIELD_INT64(struct config, latest, 0, 0, INT64_MAX),
	FIELD_TIME(struct config, created_at, 0),
	FIELD_STRING(struct config, created_by, FIELD_NULLABLE, 512),
	FIELD_INT64(struct config, used_by, 0, 0, INT64_MAX),
	FIELD_END,
};

static const struct field VERSION_FIELDS[] = {
	FIELD_STRING(struct config_version, config, 0, 64),
	FIELD_INT64(struct config_version, no, 0, 0, INT64_MAX),
	FIELD_STRING(struct config_version, author, FIELD_NULLABLE, 512),
	FIELD_STRING(struct config_version, message, 0, 16384),
	FIELD_STRING(struct config_version, digest, 0, 128),
	FIELD_TIME(struct config_version, created_at, 0),
	FIELD_INT64(struct config_version, nodes, 0, 0, INT64_MAX),
	FIELD_END,
};

json_t *config_encode(const struct config *config)
{
	return fields_encode(CONFIG_FIELDS, config);
}

/* Text as it is, anything else as base64. */
static void content_set(json_t *object, const char *content, size_t size)
{
	if (utf8_valid(content, size)) {
		json_object_set_new(object, "content", json_stringn(content, size));
		return;
	}
	char *text = xcalloc(BASE64_SIZE(size), 1);
	base64_encode(content, size, text);
	json_object_set_new(object, "content_base64", json_string(text));
	free(text);
}

json_t *config_version_encode(const struct config_version *version)
{
	json_t *json = fields_encode(VERSION_FIELDS, version);

	if (!version->files)
		return json;
	json_t *files = json_array();
	for (size_t i = 0; i < version->file_count; i++) {
		const struct config_file *file = &version->files[i];
		json_t *object =
			json_pack("{s:s, s:s, s:I, s:s}", "path", file->path, "mode", file->mode,
				  "size", (json_int_t)file->size, "sha256", file->sha256);

		if (file->content)
			content_set(object, file->content, (size_t)file->size);
		json_array_append_new(files, object);
	}
	json_object_set_new(json, "files", files);
	return json;
}

static json_t *hunk_encode(const struct diff_hunk *hunk)
{
	static const char *const OPS[] = {
		[DIFF_SAME] = " ", [DIFF_ADDED] = "+", [DIFF_REMOVED] = "-"};
	json_t *lines = json_array();

	for (size_t i = 0; i < hunk->line_count; i++)
		json_array_append_new(lines,
				      json_pack("{s:s, s:s%}", "op", OPS[hunk->lines[i].op], "text",
						hunk->lines[i].text, hunk->lines[i].length));
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "old_start", (json_int_t)hunk->old_start,
			 "old_count", (json_int_t)hunk->old_count, "new_start",
			 (json_int_t)hunk->new_start, "new_count", (json_int_t)hunk->new_count,
			 "lines", lines);
}

json_t *file_diffs_encode(const struct file_diff *diffs, size_t count)
{
	json_t *files = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *hunks = json_array();

		for (size_t j = 0; j < diffs[i].diff.hunk_count; j++)
			json_array_append_new(hunks, hunk_encode(&diffs[i].diff.hunks[j]));
		json_array_append_new(files, json_pack("{s:s, s:s, s:b, s:o}", "path",
						       diffs[i].path, "change", diffs[i].change,
						       "binary", diffs[i].binary, "hunks", hunks));
	}
	return files;
}

json_t *rendered_encode(const struct node *node, const struct rendered_config *rendered)
{
	json_t *files = json_array(), *variables = json_array();

	for (size_t i = 0; i < rendered->file_count; i++) {
		const struct rendered_file *file = &rendered->files[i];
		json_t *object = json_pack("{s:s, s:s}", "path", file->path, "mode", file->mode);

		content_set(object, file->content, file->size);
		json_array_append_new(files, object);
	}
	for (size_t i = 0; i < rendered->variable_count; i++) {
		const struct rendered_variable *variable = &rendered->variables[i];

		json_array_append_new(variables,
				      json_pack("{s:s, s:s, s:s}", "name", variable->name, "value",
						variable->value, "level", variable->level));
	}
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "node", node->id, "node_name", node->name,
			 "digest", rendered->digest, "files", files, "variables", variables);
}
