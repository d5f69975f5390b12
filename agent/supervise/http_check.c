/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/http_check.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/encoding.h"

struct response {
	int status;
	const char *body;
	size_t body_size; /* what has come of it */
	bool chunked;
	bool length_known;
	size_t length;
};

void http_check_request(const struct probe_spec *probe, struct strbuf *out)
{
	bool v6 = strchr(probe->host, ':') != NULL;

	strbuf_printf(out, "GET %s HTTP/1.1\r\nHost: %s%s%s:%d\r\n", probe->path, v6 ? "[" : "",
		      probe->host, v6 ? "]" : "", probe->port);
	strbuf_append_string(out, "User-Agent: muster-agent\r\nAccept: */*\r\n"
				  "Connection: close\r\n");
	if (probe->username) {
		char plain[512];
		char encoded[BASE64_SIZE(sizeof(plain))];
		int length = snprintf(plain, sizeof(plain), "%s:%s", probe->username,
				      probe->password ? probe->password : "");

		base64_encode(plain, (size_t)length, encoded);
		strbuf_printf(out, "Authorization: Basic %s\r\n", encoded);
	}
	if (probe->bearer)
		strbuf_printf(out, "Authorization: Bearer %s\r\n", probe->bearer);
	for (size_t i = 0; i < probe->header_count; i++)
		strbuf_printf(out, "%s\r\n", probe->headers[i]);
	strbuf_append_string(out, "\r\n");
}

/* "HTTP/1.1 200 OK" */
static bool status_parse(const char *data, size_t size, int *status)
{
	if (size < 12 || memcmp(data, "HTTP/1.", 7) != 0 || data[8] != ' ')
		return false;
	*status = 0;
	for (size_t i = 9; i < 12; i++) {
		if (data[i] < '0' || data[i] > '9')
			return false;
		*status = *status * 10 + (data[i] - '0');
	}
	return true;
}

static bool header_is(const char *line, size_t size, const char *name)
{
	size_t length = strlen(name);

	return size > length && line[length] == ':' && strncasecmp(line, name, length) == 0;
}

static void header_parse(const char *line, size_t size, struct response *response)
{
	if (header_is(line, size, "Transfer-Encoding")) {
		response->chunked = memmem(line, size, "chunked", 7) != NULL;
	} else if (header_is(line, size, "Content-Length")) {
		size_t value = 0;

		for (size_t i = 15; i < size; i++) {
			if (line[i] >= '0' && line[i] <= '9' && value < SIZE_MAX / 20)
				value = value * 10 + (size_t)(line[i] - '0');
		}
		response->length_known = true;
		response->length = value;
	}
}

/* False: the head is not complete yet. */
static bool head_parse(const char *data, size_t size, struct response *response)
{
	const char *line = data;
	const char *end = data + size;

	for (;;) {
		const char *next = memmem(line, (size_t)(end - line), "\r\n", 2);

		if (!next)
			return false;
		if (next == line)
			break;
		if (line != data)
			header_parse(line, (size_t)(next - line), response);
		line = next + 2;
	}
	response->body = line + 2;
	response->body_size = (size_t)(end - response->body);
	return true;
}

/* Takes the chunk sizes out, in place of a copy. True: the last chunk has come. */
static bool chunks_join(const char *body, size_t size, struct strbuf *out)
{
	size_t at = 0;

	for (;;) {
		const char *line_end = memmem(body + at, size - at, "\r\n", 2);
		size_t length = 0, i = at;

		if (!line_end)
			return false;
		for (; i < size && length < HTTP_CHECK_MAX_RESPONSE; i++) {
			const char *digit =
				body[i] ? strchr("0123456789abcdef", body[i] | 0x20) : NULL;

			if (!digit)
				break;
			length = length * 16 + (size_t)(digit - "0123456789abcdef");
		}
		if (i == at || length == 0)
			return true;
		at = (size_t)(line_end - body) + 2;
		size_t take = length < size - at ? length : size - at;
		strbuf_append(out, body + at, take);
		if (size - at < length + 2)
			return false;
		at += length + 2;
	}
}

static enum http_verdict bad(char *why, size_t why_size, const char *text)
{
	snprintf(why, why_size, "%s", text);
	return HTTP_BAD;
}

static bool contains(const char *data, size_t size, const char *text)
{
	return memmem(data, size, text, strlen(text)) != NULL;
}

/* Is the text in what has come of the body; *complete: nothing more will come. */
static bool body_holds(const struct response *response, const char *text, bool *complete)
{
	if (!response->chunked) {
		*complete = response->length_known && response->body_size >= response->length;
		return contains(response->body, response->body_size, text);
	}
	struct strbuf joined;
	strbuf_init(&joined, NULL, HTTP_CHECK_MAX_RESPONSE);
	*complete = chunks_join(response->body, response->body_size, &joined);
	bool found = contains(joined.data, joined.length, text);
	strbuf_release(&joined);
	return found;
}

enum http_verdict http_check_response(const struct probe_spec *probe, const char *data, size_t size,
				      bool ended, char *why, size_t why_size)
{
	struct response response = {0};
	bool complete = false;

	if (size >= 12 && !status_parse(data, size, &response.status))
		return bad(why, why_size, "the answer is not HTTP");
	if (size < 12)
		return ended ? bad(why, why_size, "no answer") : HTTP_MORE;
	if (response.status != probe->status) {
		snprintf(why, why_size, "status %d instead of %d", response.status, probe->status);
		return HTTP_BAD;
	}
	if (!probe->body || !*probe->body)
		return HTTP_GOOD;
	if (head_parse(data, size, &response) && body_holds(&response, probe->body, &complete))
		return HTTP_GOOD;
	if (ended || complete || size >= HTTP_CHECK_MAX_RESPONSE)
		return bad(why, why_size, "the body lacks the text expected");
	return HTTP_MORE;
}
