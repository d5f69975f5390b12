/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Byte ranges (RFC 9110, 14.1.2). One range is served; several in one request, other units and
 * malformed headers are ignored, as the RFC allows: the answer is then the whole.
 */
#pragma once

#include <stdint.h>

enum range_result {
	RANGE_WHOLE,	     /* no usable range: 200 */
	RANGE_PART,	     /* 206: first..last, inclusive */
	RANGE_UNSATISFIABLE, /* 416 */
};

/* header may be NULL. size_bytes is the length of the whole. */
enum range_result range_parse(const char *header, int64_t size_bytes, int64_t *first,
			      int64_t *last);
