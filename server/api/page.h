/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of lists that are newest first: a cursor holds the time and the id of the last row. */
#pragma once

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "http/request.h"
#include "model/ctx.h"

/* Where a page of such a list begins. */
struct time_page {
	int64_t limit;
	usec_t before;	       /* 0 on the first page */
	const char *before_id; /* NULL on the first page */
};

/* Reads limit and cursor. ERR_INVALID names the one that is malformed. */
MUST_CHECK bool time_page_read(struct request *req, struct time_page *out, struct error *err);

/* The cursor behind the row of this time and id. In the arena. */
const char *time_page_next(struct ctx *ctx, usec_t at, const char *id);
