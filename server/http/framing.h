/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a request begins and ends must be beyond doubt, or what one program takes for a body is the
 * next request to another (request smuggling). libmicrohttpd 0.9.75 accepts much that RFC 9112
 * forbids, so every header passes here before anything else looks at a request. What is refused
 * is answered and the connection is closed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct framing {
	size_t header_count;
	unsigned int content_length_count;
	unsigned int transfer_encoding_count;
	unsigned int host_count;
	int64_t content_length; /* -1 when there is none */
	bool chunked;
	/* The verdict: 0 while all is well, else the HTTP status, and why. */
	unsigned int status;
	const char *reason;
};

void framing_init(struct framing *framing);

/*
 * Looks at one header. name and value must be the library's own pointers: a folded header is
 * recognised by a value that does not stand right behind its name. False once refused.
 */
bool framing_header(struct framing *framing, const char *name, size_t name_length,
		    const char *value, size_t value_length);

/* After the last header. version is "HTTP/1.1" and the like. False = refused. */
bool framing_finish(struct framing *framing, const char *version, const char *method);
