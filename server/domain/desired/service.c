/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/desired/desired.h"

#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "domain/config/render.h"
#include "protocol/limits.h"

static bool package_build(const struct desired_service *service, json_t **out, struct error *err)
{
	json_t *envelope;

	if (!json_parse_limited(service->package_envelope, strlen(service->package_envelope),
				LIMIT_JSON_DEPTH, &envelope, err))
		return error_prefix(err, "manifest of %s %s", service->package_name,
				    service->package_version);
	*out = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "name", service->package_name, "version",
			 service->package_version, "platform", service->package_platform, "sha256",
			 service->package_sha256, "size", (json_int_t)service->package_size,
			 "manifest", envelope);
	return true;
}

/* Text goes as it is, everything else as base64. */
static json_t *file_build(struct arena *arena, const struct rendered_file *file)
{
	json_t *json = json_pack("{s:s, s:s}", "path", file->path, "mode", file->mode);

	if (utf8_valid(file->content, file->size)) {
		json_object_set_new(json, "content", json_stringn(file->content, file->size));
	} else {
		char *text = arena_alloc(arena, BASE64_SIZE(file->size));
		base64_encode(file->content, file->size, text);
		json_object_set_new(json, "content_base64", json_string(text));
	}
	return json;
}

static bool config_build(const struct render_input *input, const struct desired_service *service,
			 struct arena *arena, json_t **out, struct error *err)
{
	struct rendered_config rendered;

	if (!config_render_files(input, arena, &rendered, err))
		return false;
	json_t *files = json_array();
	for (size_t i = 0; i < rendered.file_count; i++)
		json_array_append_new(files, file_build(arena, &rendered.files[i]));
	*out = json_pack("{s:s, s:I, s:s, s:o}", "name", service->config_name, "version",
			 (json_int_t)service->config_version, "digest", rendered.digest, "files",
			 files);
	return true;
}

bool desired_service_render(const struct render_input *input, const struct desired_service *service,
			    struct arena *arena, json_t **out, struct error *err)
{
	json_t *json = json_keep(json_pack("{s:s, s:b, s:n, s:n, s:{}}", "driver", service->driver,
					   "run", service->run, "package", "config", "parameters"),
				 arena);
	json_t *part;

	if (service->parameters != NULL) {
		if (!config_render_parameters(input, service->parameters, "parameters", arena,
					      &part, err))
			return error_prefix(err, "service %s", service->service);
		json_object_set_new(json, "parameters", part);
	}
	if (service->package_name != NULL) {
		if (!package_build(service, &part, err))
			return error_prefix(err, "service %s", service->service);
		json_object_set_new(json, "package", part);
	}
	if (service->config_id != NULL) {
		if (!config_build(input, service, arena, &part, err))
			return error_prefix(err, "service %s", service->service);
		json_object_set_new(json, "config", part);
	}
	*out = json;
	return true;
}
