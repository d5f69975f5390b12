/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "client.h"
#include "handlers.h"
#include "protocol/limits.h"

static const struct column CONFIGS[] = {
	{"NAME", "name", COLUMN_TEXT},	     {"SERVICE", "service", COLUMN_TEXT},
	{"DRIVER", "driver", COLUMN_TEXT},   {"LATEST", "latest", COLUMN_TEXT},
	{"USED BY", "used_by", COLUMN_TEXT}, {"CREATED", "created_at", COLUMN_TIME},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column VERSIONS[] = {
	{"VERSION", "no", COLUMN_TEXT},		{"AUTHOR", "author", COLUMN_TEXT},
	{"CREATED", "created_at", COLUMN_TIME}, {"NODES", "nodes", COLUMN_TEXT},
	{"MESSAGE", "message", COLUMN_TEXT},	{NULL, NULL, COLUMN_TEXT},
};

static const struct column VARIABLES[] = {
	{"NAME", "name", COLUMN_TEXT},	 {"VALUE", "value", COLUMN_TEXT},
	{"LEVEL", "level", COLUMN_TEXT}, {"CHANGED", "updated_at", COLUMN_TIME},
	{NULL, NULL, COLUMN_TEXT},
};

bool config_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, "/api/v1/configs", CONFIGS,
			"no config; \"muster config create\" makes one", err);
}

bool config_show_command(struct cli *cli, struct error *err)
{
	return run_show(cli, cli_path(cli, "/api/v1/configs/%s", cli->arguments[0]), CONFIGS, err);
}

static json_t *create_body(struct cli *cli, const char *name)
{
	static const char *const members[] = {"service", "driver", "description"};
	json_t *body = json_keep(json_pack("{s:s}", "name", name), cli->arena);

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (cli_option(cli, members[i]) != NULL)
			json_object_set_new(body, members[i],
					    json_string(cli_option(cli, members[i])));
	return body;
}

bool config_create_command(struct cli *cli, struct error *err)
{
	return run_change(cli, "POST", "/api/v1/configs", create_body(cli, cli->arguments[0]),
			  "created; \"muster config push\" gives it a version", err);
}

/* --- push --- */

static bool add_file(struct cli *cli, const char *path, const char *name, json_t *files,
		     struct error *err)
{
	struct stat status;
	char *data, mode[8];
	size_t size;

	if (json_array_size(files) == LIMIT_CONFIG_FILES)
		return error_set(err, ERR_TOO_LARGE, "more than %d files", LIMIT_CONFIG_FILES);
	if (!file_read(path, LIMIT_CONFIG_BYTES, cli->arena, &data, &size, err))
		return false;
	if (stat(path, &status) != 0)
		return error_set_errno(err, ERR_INVALID, errno, "could not read %s", path);
	snprintf(mode, sizeof(mode), "0%03o", (unsigned int)status.st_mode & 0777);
	json_t *file = json_pack("{s:s, s:s}", "path", name, "mode", mode);
	if (utf8_valid(data, size)) {
		json_object_set_new(file, "content", json_stringn(data, size));
	} else {
		char *text = arena_alloc(cli->arena, BASE64_SIZE(size));
		base64_encode(data, size, text);
		json_object_set_new(file, "content_base64", json_string(text));
	}
	json_array_append_new(files, file);
	return true;
}

static bool add_tree(struct cli *cli, const char *path, const char *name, int depth, json_t *files,
		     struct error *err);

static bool add_folder(struct cli *cli, const char *path, const char *name, int depth,
		       json_t *files, struct error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool good = true;

	if (dir == NULL)
		return error_set_errno(err, ERR_INVALID, errno, "could not read %s", path);
	while (good && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		const char *below =
			name[0] == '\0' ? entry->d_name
					: arena_printf(cli->arena, "%s/%s", name, entry->d_name);
		good = add_tree(cli, arena_printf(cli->arena, "%s/%s", path, entry->d_name),
				arena_strdup(cli->arena, below), depth + 1, files, err);
	}
	closedir(dir);
	return good;
}

static bool add_tree(struct cli *cli, const char *path, const char *name, int depth, json_t *files,
		     struct error *err)
{
	struct stat status;

	if (depth > 8)
		return error_set(err, ERR_INVALID, "%s lies too deep", path);
	if (stat(path, &status) != 0)
		return error_set_errno(err, ERR_INVALID, errno, "could not read %s", path);
	if (S_ISDIR(status.st_mode))
		return add_folder(cli, path, name, depth, files, err);
	return add_file(cli, path, name, files, err);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int compare_paths(const void *a, const void *b)
{
	json_t *const *left = a, *const *right = b;

	return strcmp(json_string_value(json_object_get(*left, "path")),
		      json_string_value(json_object_get(*right, "path")));
}

/* In the order of paths, so that the same folder gives the same version. */
static json_t *sorted(struct cli *cli, json_t *files)
{
	size_t count = json_array_size(files);
	json_t **items = arena_array(cli->arena, count + 1, sizeof(*items));
	json_t *out = json_keep(json_array(), cli->arena);

	for (size_t i = 0; i < count; i++)
		items[i] = json_array_get(files, i);
	if (count > 0)
		qsort(items, count, sizeof(*items), compare_paths);
	for (size_t i = 0; i < count; i++)
		json_array_append(out, items[i]);
	return out;
}

bool config_push_command(struct cli *cli, struct error *err)
{
	const char *name = cli->arguments[0];
	const char *path = cli_path(cli, "/api/v1/configs/%s", name);
	json_t *files = json_keep(json_array(), cli->arena), *config, *version;

	for (size_t i = 1; i < cli->argument_count; i++) {
		struct stat status;
		bool folder = stat(cli->arguments[i], &status) == 0 && S_ISDIR(status.st_mode);
		if (!add_tree(cli, cli->arguments[i], folder ? "" : base_name(cli->arguments[i]), 0,
			      files, err))
			return false;
	}
	if (json_array_size(files) == 0)
		return error_set(err, ERR_INVALID, "there is no file to push");
	if (!client_call(cli->client, "GET", path, NULL, cli->arena, &config, err)) {
		if (err->code != ERR_NOT_FOUND || !cli_switch(cli, "create"))
			return error_prefix(err, "%s", cli_switch(cli, "create") ? name : "push");
		if (!client_call(cli->client, "POST", "/api/v1/configs", create_body(cli, name),
				 cli->arena, &config, err))
			return false;
	}
	json_t *body = json_keep(json_pack("{s:O}", "files", sorted(cli, files)), cli->arena);
	if (cli_option(cli, "message") != NULL)
		json_object_set_new(body, "message", json_string(cli_option(cli, "message")));
	json_t *latest = json_object_get(config, "latest");
	client_header(cli->client, "If-Match",
		      arena_printf(cli->arena, "\"%lld\"", (long long)json_integer_value(latest)));
	if (!client_call(cli->client, "POST", arena_printf(cli->arena, "%s/versions", path), body,
			 cli->arena, &version, err))
		return false;
	if (cli->json)
		print_json(version);
	bool same = json_equal(json_object_get(version, "no"), latest);
	cli_say(cli,
		same ? "unchanged: %s stays at version %lld"
		     : "%s is at version %lld now; a rollout brings it to nodes",
		name, (long long)json_integer_value(json_object_get(version, "no")));
	return true;
}

bool config_versions_command(struct cli *cli, struct error *err)
{
	return run_list(cli, cli_path(cli, "/api/v1/configs/%s/versions", cli->arguments[0]),
			VERSIONS, "no version yet; \"muster config push\" makes one", err);
}

bool config_delete_command(struct cli *cli, struct error *err)
{
	return run_change(cli, "DELETE", cli_path(cli, "/api/v1/configs/%s", cli->arguments[0]),
			  NULL, "deleted", err);
}

/* --- diff, render, pull --- */

static void print_hunk(const struct cli *cli, json_t *hunk)
{
	size_t i;
	json_t *line;

	printf("@@ -%lld,%lld +%lld,%lld @@\n",
	       (long long)json_integer_value(json_object_get(hunk, "old_start")),
	       (long long)json_integer_value(json_object_get(hunk, "old_count")),
	       (long long)json_integer_value(json_object_get(hunk, "new_start")),
	       (long long)json_integer_value(json_object_get(hunk, "new_count")));
	json_array_foreach (json_object_get(hunk, "lines"), i, line) {
		const char *op = json_string_value(json_object_get(line, "op"));
		const char *color = op[0] == '+' ? "\033[36m" : op[0] == '-' ? "\033[33m" : "";
		bool paint = cli->tty && color[0] != '\0';
		printf("%s%s%s%s\n", paint ? color : "", op,
		       json_string_value(json_object_get(line, "text")), paint ? "\033[0m" : "");
	}
}

bool config_diff_command(struct cli *cli, struct error *err)
{
	const char *path =
		cli_query(cli, cli_path(cli, "/api/v1/configs/%s/diff", cli->arguments[0]), "from",
			  cli->arguments[1], "to",
			  cli->argument_count > 2 ? cli->arguments[2] : "latest", NULL);
	json_t *reply, *file, *hunk;
	size_t i, h;

	if (!client_call(cli->client, "GET", path, NULL, cli->arena, &reply, err))
		return false;
	if (cli->json) {
		print_json(reply);
		return true;
	}
	json_array_foreach (json_object_get(reply, "files"), i, file) {
		const char *change = json_string_value(json_object_get(file, "change"));
		if (change != NULL && strcmp(change, "same") == 0)
			continue;
		printf("%s (%s)\n", json_string_value(json_object_get(file, "path")), change);
		json_array_foreach (json_object_get(file, "hunks"), h, hunk)
			print_hunk(cli, hunk);
	}
	return true;
}

static const char *version_of(struct cli *cli)
{
	const char *version = cli_option(cli, "version");

	return version != NULL ? version : "latest";
}

static bool fetch_files(struct cli *cli, const char *path, json_t **files, struct error *err)
{
	json_t *reply;

	if (!client_call(cli->client, "GET", path, NULL, cli->arena, &reply, err))
		return false;
	*files = json_object_get(reply, "files");
	if (cli->json)
		print_json(reply);
	return true;
}

bool config_render_command(struct cli *cli, struct error *err)
{
	const char *node = cli_option(cli, "node");
	json_t *files, *file;
	size_t i;

	if (node == NULL)
		return error_set(err, ERR_INVALID, "for which node? --node NODE");
	const char *path = cli_query(cli,
				     cli_path(cli, "/api/v1/configs/%s/versions/%s/render",
					      cli->arguments[0], version_of(cli)),
				     "node", node, NULL);
	if (!fetch_files(cli, path, &files, err))
		return false;
	if (cli->json)
		return true;
	json_array_foreach (files, i, file)
		printf("# --- %s ---\n%s\n", json_string_value(json_object_get(file, "path")),
		       value_text(cli, json_object_get(file, "content"), COLUMN_TEXT));
	return true;
}

static bool write_file(struct cli *cli, const char *folder, json_t *file, struct error *err)
{
	const char *name = json_string_value(json_object_get(file, "path"));
	const char *text = json_string_value(json_object_get(file, "content"));
	const char *encoded = json_string_value(json_object_get(file, "content_base64"));
	const void *data = text;
	size_t size = text != NULL ? strlen(text) : 0;

	/* The server is not believed where a file lies. */
	if (name == NULL || name[0] == '/' || strstr(name, "..") != NULL)
		return error_set(err, ERR_INVALID, "the server named a file outside of the folder");
	if (text == NULL && encoded != NULL) {
		size_t capacity = BASE64_DECODED_SIZE(strlen(encoded));
		void *bytes = arena_alloc(cli->arena, capacity);
		if (!base64_decode(encoded, strlen(encoded), bytes, capacity, &size))
			return error_set(err, ERR_INVALID, "%s is not base64", name);
		data = bytes;
	}
	char *path = arena_printf(cli->arena, "%s/%s", folder, name);
	char *slash = strrchr(path, '/');
	*slash = '\0';
	bool made = file_make_folders(path, 0755, err);
	*slash = '/';
	return made && file_write_atomic(path, data, size, 0644, err);
}

bool config_pull_command(struct cli *cli, struct error *err)
{
	const char *path =
		cli_path(cli, "/api/v1/configs/%s/versions/%s", cli->arguments[0], version_of(cli));
	json_t *files, *file;
	size_t i;

	if (!fetch_files(cli, path, &files, err))
		return false;
	json_array_foreach (files, i, file)
		if (!write_file(cli, cli->arguments[1], file, err))
			return false;
	cli_say(cli, "%zu files in %s", json_array_size(files), cli->arguments[1]);
	return true;
}

/* --- variables --- */

static const char *variables_path(struct cli *cli, const char *name)
{
	const char *node = cli_option(cli, "node");

	if (node != NULL)
		return name != NULL ? cli_path(cli, "/api/v1/nodes/%s/variables/%s", node, name)
				    : cli_path(cli, "/api/v1/nodes/%s/variables", node);
	return name != NULL ? cli_path(cli, "/api/v1/variables/%s", name) : "/api/v1/variables";
}

bool var_list_command(struct cli *cli, struct error *err)
{
	return run_list(cli, variables_path(cli, NULL), VARIABLES, "no variable", err);
}

bool var_set_command(struct cli *cli, struct error *err)
{
	json_t *body = json_keep(json_pack("{s:s}", "value", cli->arguments[1]), cli->arena);

	return run_change(cli, "PUT", variables_path(cli, cli->arguments[0]), body,
			  "set; the next rollout of a config that uses it brings it to nodes", err);
}

bool var_unset_command(struct cli *cli, struct error *err)
{
	return run_change(cli, "DELETE", variables_path(cli, cli->arguments[0]), NULL, "unset",
			  err);
}
