/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fields.h"
#include "http/accept.h"
#include "http/internal.h"
#include "http/problem.h"
#include "http/range.h"

static void add(struct MHD_Response *response, const char *name, const char *value)
{
	/* Fails only for lack of memory or for control characters, which our callers keep out. */
	(void)MHD_add_response_header(response, name, value);
}

void reply_common_headers(struct MHD_Response *response)
{
	add(response, MHD_HTTP_HEADER_X_CONTENT_TYPE_OPTIONS, "nosniff");
	add(response, "Referrer-Policy", "no-referrer");
	add(response, "Cross-Origin-Opener-Policy", "same-origin");
	add(response, "Cross-Origin-Resource-Policy", "same-origin");
}

void request_reply_header(struct request *req, const char *name, const char *value)
{
	assert(req->header_count < HTTP_REPLY_HEADERS_MAX);
	req->headers[req->header_count].name = arena_strdup(req->arena, name);
	req->headers[req->header_count++].value = arena_strdup(req->arena, value);
}

void request_reply_revision(struct request *req, int64_t revision)
{
	request_reply_header(req, "ETag",
			     arena_printf(req->arena, "\"%lld\"", (long long)revision));
}

/* Takes response, which replaces one that was prepared before. */
static bool set_response(struct request *req, unsigned int status, struct MHD_Response *response,
			 int64_t size)
{
	bool cache_chosen = false;

	assert(response != NULL);
	if (req->response != NULL)
		MHD_destroy_response(req->response);
	for (size_t i = 0; i < req->header_count; i++) {
		add(response, req->headers[i].name, req->headers[i].value);
		cache_chosen |= strcmp(req->headers[i].name, "Cache-Control") == 0;
	}
	req->header_count = 0;
	reply_common_headers(response);
	if (!cache_chosen)
		add(response, "Cache-Control", "no-store");
	add(response, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
	add(response, "Muster-Request-Id", req->ctx.request_id);
	req->response = response;
	req->response_bytes = size;
	req->status = status;
	return true;
}

static bool reply_text(struct request *req, unsigned int status, const char *content_type,
		       char *text)
{
	size_t size = strlen(text);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, text, MHD_RESPMEM_PERSISTENT);

	add(response, "Content-Type", content_type);
	req->reply_body = text;
	return set_response(req, status, response, (int64_t)size);
}

bool request_reply_json(struct request *req, unsigned int status, json_t *body)
{
	assert(body != NULL);
	/* The text lives in the request's arena, which outlives the response. */
	return reply_text(req, status, "application/json",
			  json_text(json_keep(body, req->arena), req->arena));
}

bool request_reply_text(struct request *req, unsigned int status, const char *content_type,
			const char *text)
{
	return reply_text(req, status, content_type, arena_strdup(req->arena, text));
}

bool request_reply_empty(struct request *req, unsigned int status)
{
	req->reply_body = "";
	return set_response(req, status,
			    MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), 0);
}

bool request_reply_page(struct request *req, json_t *items, const char *next_cursor, int64_t total)
{
	json_t *body = json_pack("{s:o, s:s?, s:o}", "items", items, "next_cursor", next_cursor,
				 "total", total < 0 ? json_null() : json_integer(total));

	return request_reply_json(req, 200, body);
}

bool request_reply_bounded_page(struct request *req, json_t *items, const char *next_cursor,
				int64_t total, bool is_bound)
{
	json_t *body =
		json_pack("{s:o, s:s?, s:I, s:b}", "items", items, "next_cursor", next_cursor,
			  "total", (json_int_t)total, "total_is_bound", is_bound);

	return request_reply_json(req, 200, body);
}

void request_problem_member(struct request *req, const char *name, json_t *value)
{
	req->problem_member = name;
	req->problem_value = json_keep(value, req->arena);
}

void reply_problem(struct request *req, const struct error *err, unsigned int status)
{
	json_t *problem;

	if (status == 0)
		status = req->problem_status != 0 ? req->problem_status : problem_status(err->code);
	problem = problem_json(err, status, req->ctx.request_id);
	if (req->problem_member != NULL)
		json_object_set(problem, req->problem_member, req->problem_value);
	req->header_count = 0;
	req->streaming = false;
	if (status == 503 || status == 429)
		request_reply_header(req, "Retry-After", status == 503 ? "1" : "10");
	if (status == 401)
		request_reply_header(req, "WWW-Authenticate", "Bearer realm=\"muster\"");
	if (status == 405)
		request_reply_header(req, "Allow", req->match.allow);
	reply_text(req, status, "application/problem+json",
		   json_text(json_keep(problem, req->arena), req->arena));
	/* A repeated request shall be tried again rather than get this from the memory of
	 * idempotent answers. */
	req->reply_body = NULL;
}

bool request_answered(const struct request *req)
{
	return req->response != NULL;
}

unsigned int request_status(const struct request *req)
{
	return req->status;
}

const char *request_reply_body(const struct request *req)
{
	return req->reply_body;
}

bool reply_stream(struct request *req, MHD_ContentReaderCallback reader,
		  MHD_ContentReaderFreeCallback release, void *arg, size_t block_size)
{
	request_reply_header(req, "Content-Type", "text/event-stream");
	/* Tells nginx not to collect what shall be seen at once. */
	request_reply_header(req, "X-Accel-Buffering", "no");
	req->reply_body = NULL;
	req->streaming = true;
	return set_response(req, 200,
			    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, block_size, reader,
							      arg, release),
			    0);
}

bool reply_reader(struct request *req, int64_t size, size_t block_size,
		  MHD_ContentReaderCallback reader, void *arg,
		  MHD_ContentReaderFreeCallback release)
{
	req->reply_body = NULL;
	return set_response(
		req, 200,
		MHD_create_response_from_callback((uint64_t)size, block_size, reader, arg, release),
		size);
}

/* Does a list of entity tags ("a", W/"b" or *) name etag? */
static bool etag_listed(const char *list, const char *etag)
{
	const char *found = list;
	size_t length = strlen(etag);

	if (strcmp(list, "*") == 0)
		return true;
	while ((found = strstr(found, etag)) != NULL) {
		char after = found[length];

		if (after == '\0' || after == ',' || after == ' ')
			return true;
		found += length;
	}
	return false;
}

static void file_headers(struct request *req, const struct reply_file *file)
{
	if (file->etag != NULL)
		request_reply_header(req, "ETag", file->etag);
	if (file->cache_control != NULL)
		request_reply_header(req, "Cache-Control", file->cache_control);
	request_reply_header(req, "Accept-Ranges", "bytes");
}

static bool not_satisfiable(struct request *req, int64_t size)
{
	request_reply_header(req, "Content-Range",
			     arena_printf(req->arena, "bytes */%lld", (long long)size));
	return request_reply_empty(req, 416);
}

/* Takes fd. */
static bool reply_range(struct request *req, const struct reply_file *file, int fd, int64_t size)
{
	const char *range = request_header(req, "Range");
	const char *if_range = request_header(req, "If-Range");
	int64_t first = 0;
	int64_t last = size - 1;
	enum range_result result;
	struct MHD_Response *response;

	if (if_range != NULL && (file->etag == NULL || strcmp(if_range, file->etag) != 0))
		range = NULL;
	result = range_parse(range, size, &first, &last);
	if (result == RANGE_UNSATISFIABLE) {
		close(fd);
		return not_satisfiable(req, size);
	}
	if (result == RANGE_PART)
		request_reply_header(req, "Content-Range",
				     arena_printf(req->arena, "bytes %lld-%lld/%lld",
						  (long long)first, (long long)last,
						  (long long)size));
	request_reply_header(req, "Content-Type", file->content_type);
	if (file->filename != NULL)
		request_reply_header(
			req, "Content-Disposition",
			arena_printf(req->arena, "attachment; filename=\"%s\"", file->filename));
	response = MHD_create_response_from_fd_at_offset64((uint64_t)(last - first + 1), fd,
							   (uint64_t)first);
	return set_response(req, result == RANGE_PART ? 206 : 200, response, last - first + 1);
}

bool request_reply_file(struct request *req, const struct reply_file *file, struct error *err)
{
	const char *match = request_header(req, "If-None-Match");
	struct stat status;
	int fd;

	fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return error_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, errno,
				       "could not open the file");
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return error_set(err, ERR_NOT_FOUND, "there is no such file");
	}
	file_headers(req, file);
	req->reply_body = NULL;
	if (match != NULL && file->etag != NULL && etag_listed(match, file->etag)) {
		close(fd);
		return request_reply_empty(req, 304);
	}
	return reply_range(req, file, fd, status.st_size);
}
