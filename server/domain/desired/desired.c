/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/desired/desired.h"

#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "domain/config/render.h"
#include "protocol/limits.h"
#include "store/configs.h"
#include "store/desired.h"
#include "store/history.h"

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

/* Loads for it what it needs; input->node is set by the first service that needs it. */
static bool service_build(struct ctx *ctx, const char *node_id,
			  const struct desired_service *service, struct render_input *input,
			  json_t **out, struct error *err)
{
	struct config_version version;

	input->version = NULL;
	if (input->node == NULL &&
	    (service->config_id != NULL || config_json_has_variables(service->parameters)) &&
	    !config_render_input(ctx, node_id, input, err))
		return false;
	if (service->config_id != NULL) {
		if (!config_versions_get(ctx, service->config_id, service->config_version, true,
					 &version, err))
			return error_prefix(err, "service %s", service->service);
		input->version = &version;
	}
	return desired_service_render(input, service, ctx->arena, out, err);
}

/* The services object of the former generation; NULL when there is none. */
static json_t *former_services(struct ctx *ctx, const struct desired_node *node)
{
	struct error ignored;
	json_t *content;

	if (node->content == NULL || !json_parse_limited(node->content, strlen(node->content),
							 LIMIT_JSON_DEPTH + 4, &content, &ignored))
		return NULL;
	return json_object_get(json_keep(content, ctx->arena), "services");
}

static bool services_build(struct ctx *ctx, const struct desired_request *request,
			   const struct desired_node *node, json_t *out, struct error *err)
{
	json_t *former = former_services(ctx, node);
	struct render_input input = {0};
	struct desired_service *services;
	size_t count;

	if (!desired_services(ctx, request->node_id, &services, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *name = services[i].service;
		json_t *touched = json_object_get(request->touched, name);
		json_t *use = touched != NULL ? touched : json_object_get(former, name);

		if (!json_is_object(use) &&
		    !service_build(ctx, request->node_id, &services[i], &input, &use, err))
			return false;
		json_object_set(out, name, use);
	}
	return true;
}

static bool keys_build(struct ctx *ctx, json_t *out, struct error *err)
{
	struct desired_key *keys;
	size_t count;

	if (!desired_release_keys(ctx, &keys, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		char text[BASE64_SIZE(ED25519_PUBLIC_SIZE)];
		if (keys[i].size != ED25519_PUBLIC_SIZE)
			return error_set(err, ERR_INTERNAL, "release key %s has %zu bytes",
					 keys[i].id, keys[i].size);
		base64_encode(keys[i].public_key, keys[i].size, text);
		json_array_append_new(out,
				      json_pack("{s:s, s:s}", "id", keys[i].id, "public", text));
	}
	return true;
}

bool desired_rebuild(struct ctx *ctx, const struct desired_request *request, int64_t *generation,
		     struct error *err)
{
	struct desired_node node;
	json_t *services = json_keep(json_object(), ctx->arena);
	json_t *keys = json_keep(json_array(), ctx->arena);
	char digest[sizeof("sha256:") + SHA256_HEX_SIZE];

	if (!desired_node_lock(ctx, request->node_id, &node, err))
		return false;
	if (node.retired)
		return error_set(err, ERR_CONFLICT, "node %s is retired", node.name);
	if (!services_build(ctx, request, &node, services, err) || !keys_build(ctx, keys, err))
		return error_prefix(err, "node %s", node.name);

	json_t *content =
		json_keep(json_pack("{s:i, s:s, s:i, s:{s:s?, s:I, s:I, s:I, s:b}, s:O, s:O}", "v",
				    1, "project", node.project, "health_interval_ms",
				    ctx->server->health_interval_ms, "apply", "rollout",
				    request->rollout_id, "attempt", (json_int_t)request->attempt,
				    "gate_ms", (json_int_t)request->gate_ms, "deadline_ms",
				    (json_int_t)request->deadline_ms, "downgrade",
				    request->downgrade, "release_keys", keys, "services", services),
			  ctx->arena);
	char *text = json_text(content, ctx->arena);
	size_t length = strlen(text);
	if (length > LIMIT_DESIRED_CONTENT)
		return error_set(err, ERR_TOO_LARGE,
				 "node %s: what it should run has %zu bytes, the limit is %d",
				 node.name, length, LIMIT_DESIRED_CONTENT);

	memcpy(digest, "sha256:", 7);
	sha256_hex(text, length, digest + 7);
	*generation = node.generation + 1;
	return desired_insert(ctx, request->node_id, *generation, text, digest, request->rollout_id,
			      err) &&
	       history_tell(ctx, request->node_id, *generation, services, err);
}
