/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/id.h"
#include "http/internal.h"

static bool is_json(const char *content_type)
{
	size_t length;

	if (content_type == NULL)
		return false;
	length = strcspn(content_type, "; \t");
	return length == 16 && strncasecmp(content_type, "application/json", length) == 0;
}

static int64_t body_limit(const struct request *req)
{
	return req->body_kind == BODY_FILE ? req->http->options.upload_max_bytes
					   : HTTP_JSON_BODY_MAX;
}

bool body_begin(struct request *req, struct error *err)
{
	const char *type = request_header(req, "Content-Type");
	bool present = req->chunked || req->content_length > 0;
	unsigned int flags = req->match.route->flags;

	if (!present)
		return true;
	if ((flags & ROUTE_RAW) != 0 && !is_json(type)) {
		req->body_kind = BODY_FILE;
	} else if (!is_json(type)) {
		req->problem_status = 415;
		return error_set_field(err, ERR_INVALID, "Content-Type",
				       "the body must be application/json");
	}
	if (req->content_length > body_limit(req))
		return error_set(err, ERR_TOO_LARGE, "the body must not exceed %lld bytes",
				 (long long)body_limit(req));
	return true;
}

static bool open_upload(struct request *req)
{
	char id[ID_SIZE];

	id_random(id, "b");
	req->upload.path =
		arena_printf(req->arena, "%s/body-%s", req->http->options.upload_dir, id);
	req->upload_fd = open(req->upload.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (req->upload_fd < 0)
		return file_write_error(&req->failure, ERR_UNAVAILABLE, "could not store the body");
	req->upload_hash = sha256_new();
	return true;
}

static bool store_in_file(struct request *req, const char *data, size_t size)
{
	if (req->upload_fd < 0 && !open_upload(req))
		return false;
	if (!fd_write_all(req->upload_fd, data, size))
		return file_write_error(&req->failure, ERR_UNAVAILABLE, "could not store the body");
	sha256_update(req->upload_hash, data, size);
	req->upload.size_bytes += (int64_t)size;
	return true;
}

static bool store_in_memory(struct request *req, const char *data, size_t size)
{
	size_t before = atomic_fetch_add(&req->http->body_budget, size);

	req->budget += size;
	if (before + size > HTTP_BODY_BUDGET)
		return error_set(&req->failure, ERR_UNAVAILABLE, "too many requests at once");
	strbuf_append(&req->body, data, size);
	return true;
}

bool body_receive(struct request *req, const char *data, size_t size)
{
	int64_t limit = body_limit(req);
	int64_t have =
		req->body_kind == BODY_FILE ? req->upload.size_bytes : (int64_t)req->body.length;
	bool stored;

	connection_progress(req->http->connections, req->connection, size);
	if (req->state == REQUEST_DRAINING) {
		req->drained += (int64_t)size;
		return req->drained <= HTTP_DRAIN_FACTOR * limit;
	}
	if (have + (int64_t)size > limit) {
		req->state = REQUEST_DRAINING;
		error_set(&req->failure, ERR_TOO_LARGE, "the body must not exceed %lld bytes",
			  (long long)limit);
		return true;
	}
	stored = req->body_kind == BODY_FILE ? store_in_file(req, data, size)
					     : store_in_memory(req, data, size);
	if (!stored)
		req->state = REQUEST_DRAINING;
	return true;
}

bool body_finish(struct request *req, struct error *err)
{
	uint8_t digest[SHA256_SIZE];
	char *hex;

	if (req->state == REQUEST_DRAINING) {
		*err = req->failure;
		return false;
	}
	if (req->upload_hash == NULL)
		return true;
	sha256_final(req->upload_hash, digest);
	hex = arena_alloc(req->arena, SHA256_HEX_SIZE);
	hex_encode(digest, sizeof(digest), hex);
	req->upload.sha256 = hex;
	return true;
}
