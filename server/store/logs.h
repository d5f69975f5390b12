/* SPDX-License-Identifier: Apache-2.0 */
/* Table log_line: what services wrote, in the order of arrival; a partition for each day. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct log_row {
	const char *project_id;
	const char *node_id;
	const char *service;
	usec_t at;
	const char *stream; /* stdout, stderr, agent */
	const char *text;   /* UTF-8 */
	bool corrected;
};

/* Of any projects; nobody checks that they and the nodes exist. */
MUST_CHECK bool logs_insert(struct ctx *ctx, const struct log_row *rows, size_t count,
			    struct error *err);

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

/*
 * Retention: makes the partitions of the days to come, and drops those that are older than keep and, the
 * oldest first but never today's, those that make all of them larger than cap_bytes.
 */
MUST_CHECK bool logs_rotate(struct ctx *ctx, usec_t keep, int64_t cap_bytes, int64_t *dropped,
			    struct error *err);
