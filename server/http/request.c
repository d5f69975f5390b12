/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/id.h"
#include "http/internal.h"
#include "http/uri.h"

static const char *remote_address(struct arena *arena, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	char text[INET6_ADDRSTRLEN] = "";
	struct sockaddr_storage address;

	if (info == NULL || info->client_addr == NULL)
		return "";
	memset(&address, 0, sizeof(address));
	if (info->client_addr->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, info->client_addr, sizeof(v4));
		inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
	} else if (info->client_addr->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, info->client_addr, sizeof(v6));
		inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
	}
	return arena_strdup(arena, text);
}

struct request *request_new(struct http_server *http, struct MHD_Connection *mhd,
			    const char *method, const char *path)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct request *req = xcalloc(1, sizeof(*req));
	char id[ID_SIZE];

	req->http = http;
	req->mhd = mhd;
	req->connection = info->socket_context;
	req->arena = arena_new();
	req->method = method;
	req->path = path;
	req->upload_fd = -1;
	req->content_length = -1;
	req->began = clock_monotonic();
	req->remote = remote_address(req->arena, mhd);
	strbuf_init(&req->body, NULL, HTTP_JSON_BODY_MAX);
	id_random(id, "r");
	req->ctx.arena = req->arena;
	req->ctx.now = clock_now_utc();
	req->ctx.request_id = arena_strdup(req->arena, id);
	req->ctx.server = http->options.server;
	return req;
}

void request_free(struct request *req)
{
	if (req->response != NULL)
		MHD_destroy_response(req->response);
	fd_cleanup(&req->upload_fd);
	if (req->upload.path != NULL)
		unlink(req->upload.path);
	sha256_free(req->upload_hash);
	json_decref(req->json);
	strbuf_release(&req->body);
	atomic_fetch_sub(&req->http->body_budget, req->budget);
	arena_free(req->arena);
	free(req);
}

struct ctx *request_ctx(struct request *req)
{
	return &req->ctx;
}

struct ctx *request_ctx_init(struct request *req, struct db *db)
{
	req->ctx.db = db;
	return &req->ctx;
}

const struct route *request_route(const struct request *req)
{
	return req->match.route;
}

bool request_checked(const struct request *req)
{
	return req->checked;
}

void request_set_checked(struct request *req)
{
	req->checked = true;
}

bool request_is_secure(const struct request *req)
{
	return req->http->options.certificate_pem != NULL;
}

int64_t request_duration_us(const struct request *req)
{
	return clock_monotonic() - req->began;
}

const char *request_method(const struct request *req)
{
	return req->method;
}

const char *request_path(const struct request *req)
{
	return req->path;
}

const char *request_remote(const struct request *req)
{
	return req->remote;
}

const char *request_arg(const struct request *req, size_t index)
{
	return index < req->match.arg_count ? req->args[index] : "";
}

const char *request_query(const struct request *req, const char *name)
{
	const char *raw = NULL;
	size_t length = 0;

	if (MHD_lookup_connection_value_n(req->mhd, MHD_GET_ARGUMENT_KIND, name, strlen(name), &raw,
					  &length) == MHD_NO)
		return NULL;
	/* Values were checked by query_valid() when the request came in. */
	return raw == NULL ? "" : uri_decode(req->arena, raw, length);
}

bool request_query_int(struct request *req, const char *name, int64_t min, int64_t max,
		       int64_t fallback, int64_t *out, struct error *err)
{
	const char *text = request_query(req, name);
	char *end;
	long long value;

	if (text == NULL) {
		*out = fallback;
		return true;
	}
	value = strtoll(text, &end, 10);
	if (*text == '\0' || *end != '\0' || strchr("+ \t", *text) != NULL || value < min ||
	    value > max)
		return error_set_field(err, ERR_INVALID, name,
				       "%s must be a whole number from %lld to %lld", name,
				       (long long)min, (long long)max);
	*out = value;
	return true;
}

bool request_query_names(struct request *req, const char *name, const char *const *names,
			 const char **list, struct error *err)
{
	const char *word = request_query(req, name);

	*list = word != NULL && *word != '\0' ? word : NULL;
	while (*list != NULL && *word != '\0') {
		size_t length = strcspn(word, ",");
		const char *single = arena_strndup(req->arena, word, length);

		if (names_find(names, single) < 0)
			return error_set_field(err, ERR_INVALID, name, "%s has no value \"%.64s\"",
					       name, single);
		word += length + (word[length] == ',');
	}
	return true;
}

const char *request_header(const struct request *req, const char *name)
{
	return MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name);
}

const char *request_body(const struct request *req, size_t *size)
{
	*size = req->body.length;
	return req->body.data;
}

json_t *request_json(struct request *req)
{
	if (req->json == NULL)
		req->json = json_object();
	return req->json;
}

bool request_parse_json(struct request *req, struct error *err)
{
	json_t *json;

	if (req->json != NULL || req->body.length == 0)
		return true;
	if (!json_parse_limited(req->body.data, req->body.length, HTTP_JSON_DEPTH_MAX, &json, err))
		return false;
	if (!json_is_object(json)) {
		json_decref(json);
		return error_set(err, ERR_INVALID, "the body must be a JSON object");
	}
	req->json = json;
	return true;
}

const struct request_upload *request_upload(const struct request *req)
{
	return req->upload.sha256 == NULL ? NULL : &req->upload;
}

bool request_if_match(struct request *req, int64_t *expected, struct error *err)
{
	const char *text = request_header(req, "If-Match");
	char *end;
	long long value;

	*expected = -1;
	if (text == NULL || strcmp(text, "*") == 0)
		return true;
	value = *text == '"' ? strtoll(text + 1, &end, 10) : -1;
	if (value < 0 || end == text + 1 || strcmp(end, "\"") != 0)
		return error_set_field(err, ERR_INVALID, "If-Match",
				       "If-Match must be one revision in quotes, as ETag gave it");
	*expected = value;
	return true;
}

bool request_check_revision(struct request *req, int64_t current, struct error *err)
{
	int64_t expected;

	if (!request_if_match(req, &expected, err))
		return false;
	if (expected < 0 || expected == current)
		return true;
	req->problem_status = 412;
	return error_set(err, ERR_CONFLICT, "it has changed meanwhile: revision %lld is now %lld",
			 (long long)expected, (long long)current);
}

/* A cursor is base64url of a JSON array of the key texts. */
const char *page_cursor(struct ctx *ctx, const char *const *keys, size_t key_count)
{
	json_t *array = json_keep(json_array(), ctx->arena);
	char *text;
	char *out;

	for (size_t i = 0; i < key_count; i++)
		json_array_append_new(array, json_string(keys[i] == NULL ? "" : keys[i]));
	text = json_text(array, ctx->arena);
	out = arena_alloc(ctx->arena, BASE64URL_SIZE(strlen(text)));
	base64url_encode(text, strlen(text), out);
	return out;
}

static bool cursor_decode(struct arena *arena, const char *cursor, size_t key_count,
			  struct page *page)
{
	size_t length = strlen(cursor);
	char *text = arena_alloc(arena, BASE64_DECODED_SIZE(length) + 1);
	struct error ignored = {.code = ERR_NONE};
	json_t *keys = NULL;
	size_t size;

	if (length > HTTP_PATH_MAX ||
	    !base64url_decode(cursor, length, text, BASE64_DECODED_SIZE(length), &size) ||
	    !json_parse_limited(text, size, 2, &keys, &ignored))
		return false;
	keys = json_keep(keys, arena);
	if (!json_is_array(keys) || json_array_size(keys) != key_count)
		return false;
	for (size_t i = 0; i < key_count; i++) {
		page->keys[i] = json_string_value(json_array_get(keys, i));
		if (page->keys[i] == NULL)
			return false;
	}
	page->key_count = key_count;
	return true;
}

bool request_page(struct request *req, size_t key_count, struct page *page, struct error *err)
{
	const char *cursor = request_query(req, "cursor");

	*page = (struct page){.limit = PAGE_LIMIT_DEFAULT};
	if (!request_query_int(req, "limit", 1, PAGE_LIMIT_MAX, PAGE_LIMIT_DEFAULT, &page->limit,
			       err))
		return false;
	if (cursor == NULL || *cursor == '\0')
		return true;
	if (key_count > PAGE_KEYS_MAX || !cursor_decode(req->arena, cursor, key_count, page))
		return error_set_field(err, ERR_INVALID, "cursor",
				       "cursor is not one that this list gave");
	return true;
}
