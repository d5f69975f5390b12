/* SPDX-License-Identifier: Apache-2.0 */
/* Table log_line: what services wrote, in the order of arrival. */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

/* Rows [{project_id, node_id, service, at, stream, text, corrected}], of any project; borrowed. */
MUST_CHECK bool logs_insert(struct ctx *ctx, const json_t *rows, struct error *err);

struct log_line {
	int64_t id;
	const char *node_id;
	const char *service;
	usec_t at;
	const char *stream; /* stdout, stderr, agent */
	const char *text;
	bool corrected; /* its time was put right by the node */
};

struct log_filter {
	const char *node_id; /* NULL = all, as below */
	const char *service;
	const char *text; /* part of the line, case does not matter */
	int64_t after;	  /* ids above; 0 = none. Then the oldest of those, else the newest */
	int64_t before;	  /* ids below; 0 = none */
	int64_t limit;
};

/* Of the project of ctx, oldest first. */
MUST_CHECK bool logs_list(struct ctx *ctx, const struct log_filter *filter, struct log_line **out,
			  size_t *count, struct error *err);

/* Retention: of each project all but the newest keep lines, at most limit of them per call. deleted
 * says how many went. */
MUST_CHECK bool logs_prune(struct ctx *ctx, int64_t keep, int64_t limit, int64_t *deleted,
			   struct error *err);
