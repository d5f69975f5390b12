/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "api/configs_encode.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "base/arena.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "domain/config/configs.h"
#include "domain/config/diff.h"
#include "domain/config/render.h"
#include "protocol/limits.h"
#include "store/configs.h"
#include "store/nodes.h"

enum { MESSAGE_MAX_BYTES = 4096, DIGITS_MAX = 9 };

bool configs_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct config *configs;
	const char *next = NULL;
	struct page page;
	int64_t total;
	size_t count;

	if (!request_page(req, 1, &page, err) ||
	    !configs_list(ctx, page.key_count ? page.keys[0] : NULL, page.limit + 1, &configs,
			  &count, err) ||
	    !configs_count(ctx, &total, err))
		return false;
	if (count > (size_t)page.limit) {
		count = (size_t)page.limit;
		next = page_cursor(ctx, &configs[count - 1].name, 1);
	}
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, config_encode(&configs[i]));
	return request_reply_page(req, items, next, total);
}

static const struct field CREATE_FIELDS[] = {
	FIELD_STRING(struct config, name, FIELD_REQUIRED, 63),
	FIELD_STRING(struct config, service, FIELD_NULLABLE, 63),
	FIELD_STRING(struct config, driver, FIELD_NULLABLE, 63),
	FIELD_STRING(struct config, description, 0, 1024),
	FIELD_END,
};

bool configs_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct config config = {.description = ""};

	if (!fields_decode(CREATE_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &config,
			   err) ||
	    !config_create(ctx, &config, err))
		return false;
	request_reply_revision(req, config.latest);
	return request_reply_json(req, 201, config_encode(&config));
}

bool configs_get_handler(struct request *req, struct error *err)
{
	struct config config;

	if (!configs_get(request_ctx(req), request_arg(req, 0), &config, err))
		return false;
	request_reply_revision(req, config.latest);
	return request_reply_json(req, 200, config_encode(&config));
}

bool configs_delete_handler(struct request *req, struct error *err)
{
	return config_delete(request_ctx(req), request_arg(req, 0), err) &&
	       request_reply_empty(req, 204);
}

/* "7" or "latest" (0). */
static bool version_number(const char *text, const char *field, int64_t *out, struct error *err)
{
	size_t digits = text ? strspn(text, "0123456789") : 0;

	if (text && strcmp(text, "latest") == 0) {
		*out = 0;
		return true;
	}
	if (!text || digits == 0 || digits > DIGITS_MAX || text[digits] || text[0] == '0')
		return error_set_field(err, ERR_INVALID, field,
				       "%s is neither the number of a version nor latest", field);
	*out = strtoll(text, NULL, 10);
	return true;
}

bool config_versions_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct config_version *versions;
	const char *next = NULL;
	struct config config;
	struct page page;
	int64_t below = 0;
	size_t count;

	if (!request_page(req, 1, &page, err) ||
	    (page.key_count && !version_number(page.keys[0], "cursor", &below, err)) ||
	    !configs_get(ctx, request_arg(req, 0), &config, err) ||
	    !config_versions_list(ctx, config.id, below, page.limit + 1, &versions, &count, err))
		return false;
	if (count > (size_t)page.limit) {
		count = (size_t)page.limit;
		next = page_cursor(
			ctx,
			(const char *[]){arena_printf(ctx->arena, "%" JSON_INTEGER_FORMAT,
						      (json_int_t)versions[count - 1].no)},
			1);
	}
	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, config_version_encode(&versions[i]));
	return request_reply_page(req, items, next, config.latest);
}

struct file_body {
	const char *path;
	const char *mode;
	const char *content;
	const char *content_base64;
};

struct version_body {
	const char *message;
	struct file_body *files;
	size_t file_count;
};

static const struct field FILE_FIELDS[] = {
	FIELD_STRING(struct file_body, path, FIELD_REQUIRED, LIMIT_CONFIG_PATH),
	FIELD_STRING(struct file_body, mode, FIELD_NULLABLE, 4),
	FIELD_STRING(struct file_body, content, FIELD_NULLABLE, LIMIT_CONFIG_BYTES),
	FIELD_STRING(struct file_body, content_base64, FIELD_NULLABLE, 2 * LIMIT_CONFIG_BYTES),
	FIELD_END,
};

static const struct field VERSION_FIELDS[] = {
	FIELD_STRING(struct version_body, message, 0, MESSAGE_MAX_BYTES),
	FIELD_OBJECTS(struct version_body, files, file_count, FIELD_REQUIRED, LIMIT_CONFIG_FILES,
		      FILE_FIELDS, sizeof(struct file_body)),
	FIELD_END,
};

static bool file_decode(struct ctx *ctx, const struct file_body *body, size_t index,
			struct config_file *out, struct error *err)
{
	const char *field = arena_printf(ctx->arena, "files[%zu].content", index);

	if (!body->content == !body->content_base64)
		return error_set_field(err, ERR_INVALID, field,
				       "%.160s: give content or content_base64", body->path);
	*out = (struct config_file){.path = body->path, .mode = body->mode ? body->mode : "0644"};
	if (body->content) {
		out->content = body->content;
		out->size = (int64_t)strlen(body->content);
		return true;
	}
	size_t length = strlen(body->content_base64), size;
	char *bytes = arena_alloc(ctx->arena, BASE64_DECODED_SIZE(length) + 1);
	if (!base64_decode(body->content_base64, length, bytes, BASE64_DECODED_SIZE(length), &size))
		return error_set_field(err, ERR_INVALID, field,
				       "%.160s: content_base64 is not base64", body->path);
	out->content = bytes;
	out->size = (int64_t)size;
	return true;
}

bool config_versions_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct version_body body = {.message = ""};
	struct config_save save = {.config = request_arg(req, 0), .current = -1};
	struct config_version version;

	if (!request_if_match(req, &save.expected, err) ||
	    !fields_decode(VERSION_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &body,
			   err))
		return false;
	save.message = body.message;
	save.file_count = body.file_count;
	save.files = arena_array(ctx->arena, body.file_count, sizeof(*save.files));
	for (size_t i = 0; i < body.file_count; i++)
		if (!file_decode(ctx, &body.files[i], i, &save.files[i], err))
			return false;
	if (config_save_version(ctx, &save, &version, err)) {
		request_reply_revision(req, version.no);
		return request_reply_json(req, save.unchanged ? 200 : 201,
					  config_version_encode(&version));
	}
	if (save.expected >= 0 && save.current >= 0 && save.current != save.expected)
		return request_check_revision(req, save.current, err);
	return false;
}

/* The version that the path names, with contents. */
static bool version_load(struct request *req, const char *number, const char *field,
			 struct config_version *out, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct config config;
	int64_t no;

	return version_number(number, field, &no, err) &&
	       configs_get(ctx, request_arg(req, 0), &config, err) &&
	       config_versions_get(ctx, config.id, no, true, out, err);
}

bool config_versions_get_handler(struct request *req, struct error *err)
{
	struct config_version version;

	return version_load(req, request_arg(req, 1), "no", &version, err) &&
	       request_reply_json(req, 200, config_version_encode(&version));
}

bool config_diff_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct config_version from, to;
	struct file_diff *diffs;
	size_t count;

	if (!version_load(req, request_query(req, "from"), "from", &from, err) ||
	    !version_load(req, request_query(req, "to"), "to", &to, err))
		return false;
	diff_versions(&from, &to, ctx->arena, &diffs, &count);
	return request_reply_json(req, 200,
				  json_pack("{s:I, s:I, s:o}", "from", (json_int_t)from.no, "to",
					    (json_int_t)to.no, "files",
					    file_diffs_encode(diffs, count)));
}

bool config_render_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *node_name = request_query(req, "node");
	struct rendered_config rendered;
	struct config config;
	struct node node;
	int64_t no;

	if (!node_name)
		return error_set_field(err, ERR_INVALID, "node", "node is missing");
	if (!version_number(request_arg(req, 1), "no", &no, err) ||
	    !configs_get(ctx, request_arg(req, 0), &config, err) ||
	    !nodes_get(ctx, node_name, &node, err) ||
	    !config_render(ctx, config.id, no, node.id, &rendered, err))
		return false;
	return request_reply_json(req, 200, rendered_encode(&node, &rendered));
}
