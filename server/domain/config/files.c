/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/config/files.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "domain/config/declarations.h"
#include "domain/config/template.h"
#include "protocol/limits.h"

bool config_path_valid(const char *path)
{
	size_t length = strlen(path);

	if (length == 0 || length > LIMIT_CONFIG_PATH || !utf8_valid(path, length))
		return false;
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127 || *c == '\\')
			return false;
	/* Segment by segment: "", "." and ".." never name a file below the folder. */
	for (const char *segment = path;; segment++) {
		size_t size = strcspn(segment, "/");

		if (size == 0 || (size == 1 && segment[0] == '.') ||
		    (size == 2 && segment[0] == '.' && segment[1] == '.'))
			return false;
		segment += size;
		if (!*segment)
			return true;
	}
}

static bool mode_valid(const char *mode)
{
	return strlen(mode) == 4 && mode[0] == '0' && strspn(mode, "01234567") == 4;
}

bool config_file_is_text(const struct config_file *file)
{
	return utf8_valid(file->content, (size_t)file->size);
}

static bool fail(struct error *err, enum error_code code, size_t index, const char *member,
		 const char *text, const char *path)
{
	char field[sizeof(err->field)];
	int length = snprintf(field, sizeof(field), "files[%zu].%s", index, member);

	assert(length > 0 && (size_t)length < sizeof(field));
	return error_set_field(err, code, field, "%.160s: %s", path, text);
}

static int compare_paths(const void *a, const void *b)
{
	const struct config_file *const *left = a, *const *right = b;

	return strcmp((*left)->path, (*right)->path);
}

static const struct config_file **sorted(const struct config_file *files, size_t count,
					 struct arena *arena)
{
	const struct config_file **order = arena_array(arena, count, sizeof(struct config_file *));

	for (size_t i = 0; i < count; i++)
		order[i] = &files[i];
	qsort(order, count, sizeof(struct config_file *), compare_paths);
	return order;
}

/* A path that is used twice, or is the folder of another one. */
static bool collision_check(const struct config_file *files, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(files[i].path);

		for (size_t j = 0; j < count; j++) {
			if (i == j || strncmp(files[i].path, files[j].path, length) != 0)
				continue;
			if (!files[j].path[length] && i > j)
				return fail(err, ERR_INVALID, i, "path", "appears twice",
					    files[i].path);
			if (files[j].path[length] == '/')
				return fail(err, ERR_INVALID, i, "path",
					    "is also the folder of another file", files[i].path);
		}
	}
	return true;
}

static bool file_check(const struct config_file *file, size_t index, struct arena *arena,
		       struct error *err)
{
	struct declarations declarations;

	if (!config_path_valid(file->path))
		return fail(err, ERR_INVALID, index, "path",
			    "is not a relative path without \"..\" and control characters",
			    file->path);
	if (!mode_valid(file->mode))
		return fail(err, ERR_INVALID, index, "mode", "mode is not like 0644", file->path);
	if (strcmp(file->path, CONFIG_VARIABLES_FILE) == 0)
		return declarations_parse(file->content, (size_t)file->size, arena, &declarations,
					  err);
	if (!config_file_is_text(file))
		return true;
	return template_check(file->path, file->content, (size_t)file->size, err);
}

bool config_files_check(const struct config_file *files, size_t count, struct arena *arena,
			struct error *err)
{
	int64_t total = 0;

	if (count == 0)
		return error_set_field(err, ERR_INVALID, "files",
				       "a version needs at least one file");
	if (count > LIMIT_CONFIG_FILES)
		return error_set_field(err, ERR_TOO_LARGE, "files", "more than %d files",
				       LIMIT_CONFIG_FILES);
	for (size_t i = 0; i < count; i++) {
		total += files[i].size;
		if (total > LIMIT_CONFIG_BYTES)
			return error_set_field(err, ERR_TOO_LARGE, "files",
					       "files are larger than %d bytes together",
					       LIMIT_CONFIG_BYTES);
		if (!file_check(&files[i], i, arena, err))
			return false;
	}
	return collision_check(files, count, err);
}

const char *config_files_digest(const struct config_file *files, size_t count, struct arena *arena)
{
	const struct config_file **order = sorted(files, count, arena);
	struct sha256 *hash = sha256_new();
	uint8_t digest[SHA256_SIZE];
	char hex[SHA256_HEX_SIZE];

	for (size_t i = 0; i < count; i++) {
		const char *line = arena_printf(arena, "%s %s %s\n", order[i]->mode,
						order[i]->sha256, order[i]->path);

		sha256_update(hash, line, strlen(line));
	}
	sha256_final(hash, digest);
	sha256_free(hash);
	hex_encode(digest, sizeof(digest), hex);
	return arena_printf(arena, "sha256:%s", hex);
}
