/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/content.h"

#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/id.h"
#include "package/entry_path.h"
#include "protocol/limits.h"
#include "upgrade/upgrade.h"

enum { MAX_HEALTH_MS = 3600 * 1000, MAX_GATE_MS = 24 * 3600 * 1000, MAX_BASE64 = 400 * 1024 };

struct file_record {
	const char *path;
	const char *mode;
	json_t *content;
	json_t *content_base64;
};

static const struct field FILE_FIELDS[] = {
	FIELD_STRING(struct file_record, path, FIELD_REQUIRED, LIMIT_CONFIG_PATH),
	FIELD_STRING(struct file_record, mode, 0, 4),
	FIELD_JSON(struct file_record, content, 0),
	FIELD_JSON(struct file_record, content_base64, 0),
	FIELD_END,
};

static const struct field PACKAGE_FIELDS[] = {
	FIELD_STRING(struct content_package, name, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct content_package, version, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct content_package, platform, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_STRING(struct content_package, sha256, FIELD_REQUIRED, 64),
	FIELD_INT64(struct content_package, size, FIELD_REQUIRED, 1, INT64_MAX / 8),
	FIELD_JSON(struct content_package, manifest, FIELD_REQUIRED),
	FIELD_END,
};

static const struct field CONFIG_FIELDS[] = {
	FIELD_STRING(struct content_config, name, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_INT64(struct content_config, version, FIELD_REQUIRED, 1, INT64_MAX),
	FIELD_STRING(struct content_config, digest, FIELD_REQUIRED, 71),
	FIELD_END,
};

static const struct field SERVICE_FIELDS[] = {
	FIELD_STRING(struct content_service, driver, FIELD_REQUIRED, LIMIT_NAME),
	FIELD_BOOL(struct content_service, run, FIELD_REQUIRED),
	FIELD_JSON(struct content_service, parameters, FIELD_NULLABLE),
	FIELD_END,
};

static const struct field APPLY_FIELDS[] = {
	FIELD_STRING(struct content, rollout, FIELD_NULLABLE, LIMIT_NODE_ID),
	FIELD_INT64(struct content, gate_ms, 0, 0, MAX_GATE_MS),
	FIELD_INT64(struct content, deadline_ms, 0, 1000, MAX_GATE_MS),
	FIELD_BOOL(struct content, downgrade, 0),
	FIELD_END,
};

static const struct field CONTENT_FIELDS[] = {
	FIELD_STRING(struct content, project, 0, LIMIT_NAME),
	FIELD_INT(struct content, health_interval_ms, 0, 100, MAX_HEALTH_MS),
	FIELD_JSON(struct content, release_keys, 0),
	FIELD_END,
};

static bool is_null(const json_t *json)
{
	return json == NULL || json_is_null(json);
}

static bool decode_mode(const char *text, mode_t *mode, struct error *err)
{
	if (strlen(text) != 4 || text[0] != '0' || strspn(text, "01234567") != 4)
		return error_set_field(err, ERR_INVALID, "mode", "mode %s is not like 0644", text);
	*mode = (mode_t)strtol(text, NULL, 8);
	return true;
}

static bool decode_data(const struct file_record *record, struct arena *arena,
			struct content_file *file, struct error *err)
{
	const char *text;
	size_t length, size;

	if (json_is_string(record->content) && is_null(record->content_base64)) {
		file->data = json_string_value(record->content);
		file->size = json_string_length(record->content);
		return true;
	}
	if (!json_is_string(record->content_base64) || !is_null(record->content))
		return error_set_field(err, ERR_INVALID, "content",
				       "either content or content_base64 must be a string");
	text = json_string_value(record->content_base64);
	length = json_string_length(record->content_base64);
	if (length > MAX_BASE64)
		return error_set_field(err, ERR_TOO_LARGE, "content_base64", "file is too large");
	char *data = arena_alloc(arena, BASE64_DECODED_SIZE(length) + 1);
	if (!base64_decode(text, length, data, BASE64_DECODED_SIZE(length), &size))
		return error_set_field(err, ERR_INVALID, "content_base64", "this is not base64");
	file->data = data;
	file->size = size;
	return true;
}

static bool decode_file(json_t *json, struct arena *arena, struct content_file *file,
			struct error *err)
{
	struct file_record record = {.mode = "0644"};
	char clean[LIMIT_CONFIG_PATH + 1];

	if (!fields_decode(FILE_FIELDS, json, FIELDS_TOLERANT, arena, &record, err))
		return false;
	if (!entry_path_clean(record.path, clean, sizeof(clean)) || clean[0] == '\0' ||
	    strcmp(clean, record.path) != 0)
		return error_set_field(err, ERR_INVALID, "path", "path %.80s is not allowed",
				       record.path);
	file->path = record.path;
	return decode_mode(record.mode, &file->mode, err) && decode_data(&record, arena, file, err);
}

static bool decode_files(json_t *json, struct arena *arena, struct content_config *config,
			 struct error *err)
{
	size_t count = json_array_size(json), bytes = 0;

	if (!json_is_array(json))
		return error_set_field(err, ERR_INVALID, "files", "files is not an array");
	if (count > LIMIT_CONFIG_FILES)
		return error_set_field(err, ERR_TOO_LARGE, "files", "more than %d files",
				       LIMIT_CONFIG_FILES);
	config->files = arena_array(arena, count + 1, sizeof(*config->files));
	for (size_t i = 0; i < count; i++) {
		struct content_file *file = &config->files[i];

		if (!decode_file(json_array_get(json, i), arena, file, err)) {
			error_prefix_field(err, arena_printf(arena, "files[%zu]", i));
			return false;
		}
		bytes += file->size;
		if (bytes > LIMIT_CONFIG_BYTES)
			return error_set_field(err, ERR_TOO_LARGE, "files",
					       "files have more than %d bytes", LIMIT_CONFIG_BYTES);
		for (size_t j = 0; j < i; j++)
			if (strcmp(config->files[j].path, file->path) == 0)
				return error_set_field(err, ERR_INVALID, "files",
						       "path %s comes twice", file->path);
	}
	config->file_count = count;
	return true;
}

static bool decode_config(json_t *json, struct arena *arena, struct content_service *service,
			  struct error *err)
{
	struct content_config *config = arena_alloc(arena, sizeof(*config));

	if (is_null(json))
		return true;
	if (!fields_decode(CONFIG_FIELDS, json, FIELDS_TOLERANT, arena, config, err) ||
	    !decode_files(json_object_get(json, "files"), arena, config, err)) {
		error_prefix_field(err, "config");
		return false;
	}
	service->config = config;
	return true;
}

static bool decode_package(json_t *json, struct arena *arena, struct content_service *service,
			   struct error *err)
{
	struct content_package *package = arena_alloc(arena, sizeof(*package));

	if (is_null(json))
		return true;
	if (!fields_decode(PACKAGE_FIELDS, json, FIELDS_TOLERANT, arena, package, err)) {
		error_prefix_field(err, "package");
		return false;
	}
	if (!id_valid_name(package->name) || strlen(package->sha256) != 64 ||
	    strspn(package->sha256, "0123456789abcdef") != 64)
		return error_set_field(err, ERR_INVALID, "package",
				       "package has no valid name or sha256");
	service->package = package;
	return true;
}

static bool decode_service(const char *name, json_t *json, struct arena *arena,
			   struct content_service *service, struct error *err)
{
	service->name = arena_strdup(arena, name);
	service->json = json;
	if (!id_valid_name(name))
		return error_set(err, ERR_INVALID, "service name is not valid");
	if (!fields_decode(SERVICE_FIELDS, json, FIELDS_TOLERANT, arena, service, err) ||
	    !decode_package(json_object_get(json, "package"), arena, service, err) ||
	    !decode_config(json_object_get(json, "config"), arena, service, err))
		return false;
	if (!is_null(service->parameters) && !json_is_object(service->parameters))
		return error_set_field(err, ERR_INVALID, "parameters",
				       "parameters is not an object");
	if (service->package)
		service->package->downgrade =
			json_is_true(json_object_get(service->parameters, "downgrade"));
	return true;
}

static int compare_services(const void *a, const void *b)
{
	const struct content_service *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static bool decode_services(json_t *json, struct arena *arena, struct content *content,
			    struct error *err)
{
	const char *name;
	json_t *value;
	size_t n = 0;

	if (!json_is_object(json))
		return error_set_field(err, ERR_INVALID, "services", "services is not an object");
	if (json_object_size(json) > LIMIT_SERVICES)
		return error_set_field(err, ERR_TOO_LARGE, "services", "more than %d services",
				       LIMIT_SERVICES);
	content->services =
		arena_array(arena, json_object_size(json) + 1, sizeof(*content->services));
	json_object_foreach (json, name, value) {
		if (!decode_service(name, value, arena, &content->services[n], err)) {
			error_prefix_field(err, arena_printf(arena, "services.%.40s", name));
			return false;
		}
		n++;
	}
	content->service_count = n;
	qsort(content->services, n, sizeof(*content->services), compare_services);
	return true;
}

bool content_decode(const char *text, size_t length, struct arena *arena, struct content *out,
		    struct error *err)
{
	struct content content = {
		.health_interval_ms = 30000, .gate_ms = 5000, .deadline_ms = 600000};
	json_t *json, *apply;

	if (length > LIMIT_DESIRED_CONTENT)
		return error_set(err, ERR_TOO_LARGE, "content has %zu bytes, the limit is %d",
				 length, LIMIT_DESIRED_CONTENT);
	if (!json_parse_limited(text, length, LIMIT_JSON_DEPTH, &json, err))
		return false;
	json_keep(json, arena);
	if (json_integer_value(json_object_get(json, "v")) != 1)
		return error_set_field(err, ERR_INVALID, "v", "content is not of version 1");
	if (!fields_decode(CONTENT_FIELDS, json, FIELDS_TOLERANT, arena, &content, err))
		return false;
	apply = json_object_get(json, "apply");
	if (!is_null(apply) &&
	    !fields_decode(APPLY_FIELDS, apply, FIELDS_TOLERANT, arena, &content, err)) {
		error_prefix_field(err, "apply");
		return false;
	}
	if (!decode_services(json_object_get(json, "services"), arena, &content, err))
		return false;
	*out = content;
	return true;
}

bool content_is_agent(const struct content_service *service)
{
	return strcmp(service->driver, UPGRADE_DRIVER) == 0;
}

const struct content_service *content_find(const struct content *content, const char *name)
{
	for (size_t i = 0; i < content->service_count; i++)
		if (strcmp(content->services[i].name, name) == 0)
			return &content->services[i];
	return NULL;
}

struct spec_input content_spec_input(const struct content_service *service,
				     const struct content_place *place)
{
	return (struct spec_input){
		.root = place->root,
		.node = place->node,
		.name = service->name,
		.service = service->json,
		.manifest = service->package ? service->package->statement : NULL,
	};
}
