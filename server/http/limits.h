/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of the HTTP side that are not settings. Sizes in bytes. */
#pragma once

enum {
	HTTP_JSON_BODY_MAX = 1 << 20,
	HTTP_JSON_DEPTH_MAX = 32,
	HTTP_BODY_BUDGET = 256 << 20, /* JSON bodies of all requests in memory together */
	HTTP_PATH_MAX = 1024,
	HTTP_ARGS_MAX = 4, /* placeholders of one pattern */
	HTTP_QUERY_MAX = 24,
	HTTP_HEADERS_MAX = 100,
	HTTP_REPLY_HEADERS_MAX = 12,
	HTTP_MEMORY_PER_CONNECTION = 64 << 10,
	HTTP_MIN_RATE = 16 << 10, /* bytes a second that an upload or a download must keep */
	HTTP_DRAIN_FACTOR = 4,	  /* an oversize body is read up to this many limits, then cut */
	HTTP_EVENTS_RING = 4096,
	HTTP_EVENTS_TOPICS_MAX = 16,
};
