/* SPDX-License-Identifier: Apache-2.0 */
#include "http/framing.h"

#include <string.h>
#include <strings.h>

#include "http/limits.h"

/* Room that blanks between a colon and a value may take. */
enum { VALUE_OFFSET_MAX = 257 };

static bool refuse(struct framing *framing, unsigned int status, const char *reason)
{
	framing->status = status;
	framing->reason = reason;
	return false;
}

static bool is_token(const char *text, size_t length)
{
	if (length == 0)
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c <= 0x20 || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
			return false;
	}
	return true;
}

static bool is_named(const char *name, size_t length, const char *wanted)
{
	return strlen(wanted) == length && strncasecmp(name, wanted, length) == 0;
}

static bool content_length(struct framing *framing, const char *value, size_t length)
{
	int64_t size = 0;

	if (++framing->content_length_count > 1)
		return refuse(framing, 400, "more than one Content-Length header");
	if (length == 0)
		return refuse(framing, 400, "malformed Content-Length header");
	for (size_t i = 0; i < length; i++) {
		if (value[i] < '0' || value[i] > '9')
			return refuse(framing, 400, "malformed Content-Length header");
		/* Also keeps clear of 2^64-1, the library's word for an unknown length. */
		if (i >= 18)
			return refuse(framing, 413, "Content-Length is too large");
		size = size * 10 + (value[i] - '0');
	}
	framing->content_length = size;
	return true;
}

static bool transfer_encoding(struct framing *framing, const char *value, size_t length)
{
	if (++framing->transfer_encoding_count > 1)
		return refuse(framing, 400, "more than one Transfer-Encoding header");
	if (!is_named(value, length, "chunked"))
		return refuse(framing, 400, "only \"Transfer-Encoding: chunked\" is supported");
	framing->chunked = true;
	return true;
}

static bool host(struct framing *framing, const char *value, size_t length)
{
	if (++framing->host_count > 1)
		return refuse(framing, 400, "more than one Host header");
	for (size_t i = 0; i < length; i++)
		if (strchr("/?#@\\ \t,", value[i]) != NULL)
			return refuse(framing, 400, "malformed Host header");
	return true;
}

void framing_init(struct framing *framing)
{
	*framing = (struct framing){.content_length = -1};
}

bool framing_header(struct framing *framing, const char *name, size_t name_length,
		    const char *value, size_t value_length)
{
	if (framing->status != 0)
		return false;
	if (++framing->header_count > HTTP_HEADERS_MAX)
		return refuse(framing, 431, "too many header fields");
	if (!is_token(name, name_length))
		return refuse(framing, 400, "malformed header name");
	if (value != NULL &&
	    (value <= name + name_length || value > name + name_length + VALUE_OFFSET_MAX))
		return refuse(framing, 400, "folded header fields are not supported");
	if (value == NULL)
		value_length = 0;
	for (size_t i = 0; i < value_length; i++) {
		unsigned char c = (unsigned char)value[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return refuse(framing, 400, "control character in a header field");
	}
	if (is_named(name, name_length, "content-length"))
		return content_length(framing, value, value_length);
	if (is_named(name, name_length, "transfer-encoding"))
		return transfer_encoding(framing, value, value_length);
	if (is_named(name, name_length, "host"))
		return host(framing, value, value_length);
	if (is_named(name, name_length, "expect") && !is_named(value, value_length, "100-continue"))
		return refuse(framing, 417, "unsupported expectation");
	return true;
}

bool framing_finish(struct framing *framing, const char *version, const char *method)
{
	bool http_1_0 = strcmp(version, "HTTP/1.0") == 0;

	if (framing->status != 0)
		return false;
	if (!http_1_0 && strcmp(version, "HTTP/1.1") != 0)
		return refuse(framing, 505, "only HTTP/1.0 and HTTP/1.1 are supported");
	if (!is_token(method, strlen(method)))
		return refuse(framing, 400, "malformed method");
	if (framing->transfer_encoding_count > 0 && framing->content_length_count > 0)
		return refuse(framing, 400, "Transfer-Encoding together with Content-Length");
	if (framing->transfer_encoding_count > 0 && http_1_0)
		return refuse(framing, 400, "Transfer-Encoding in HTTP/1.0");
	if (framing->host_count == 0 && !http_1_0)
		return refuse(framing, 400, "no Host header");
	return true;
}
