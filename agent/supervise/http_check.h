/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Just enough HTTP/1.1 to ask a local service how it is: one GET, the status, a text
 * in the body. Pure: bytes in, verdict out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "drivers/spec.h"

enum { HTTP_CHECK_MAX_RESPONSE = 64 * 1024, HTTP_CHECK_MAX_REQUEST = 24 * 1024 };

enum http_verdict {
	HTTP_MORE, /* read on */
	HTTP_GOOD,
	HTTP_BAD,
};

/* Appends the request that the probe wants to send. */
void http_check_request(const struct probe_spec *probe, struct strbuf *out);

/* Looks at all that has come so far; ended: the other side has closed. On HTTP_BAD why says
 * what is wrong. */
enum http_verdict http_check_response(const struct probe_spec *probe, const char *data, size_t size,
				      bool ended, char *why, size_t why_size);
