/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTPS request with the answer in memory, for enrolment. Blocks for at most the time given; the
 * running agent fetches only in a child (download.h). Redirects are not followed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct http_request {
	const char *url;    /* https only */
	const char *ca_pem; /* the only authority trusted; NULL: the peer is not verified */
	const char *body;   /* JSON to POST, or NULL for GET */
	int timeout_ms;
};

struct http_answer {
	long status;
	char *body; /* in the arena, zero byte behind */
	size_t size;
};

/* ERR_UNAVAILABLE when no answer came, with curl's reason. Any status is a success here. */
MUST_CHECK bool http_exchange(const struct http_request *request, struct arena *arena,
			      struct http_answer *answer, struct error *err);
