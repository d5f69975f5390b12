/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the table of endpoints, and finding one. {name} in a pattern matches exactly one segment,
 * which is decoded after it was cut out, so %2F inside a segment never makes a new one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "http/limits.h"
#include "http/request.h"
#include "model/ctx.h"

enum route_flags {
	ROUTE_PUBLIC = 1 << 0,	     /* nobody needs to be known; ctx->project_id is NULL */
	ROUTE_RAW = 1 << 1,	     /* a body that is not JSON goes to a file: request_upload() */
	ROUTE_NO_PROJECT = 1 << 3,   /* a known caller, but no project and role are looked up */
	ROUTE_NO_DB = 1 << 4,	     /* runs although PostgreSQL is away; ctx->db may be NULL */
	ROUTE_SYSTEM_ADMIN = 1 << 5, /* for administrators of the whole installation */
	ROUTE_SECRET = 1 << 6, /* the answer holds a secret: never kept for repeated requests */
};

struct route {
	const char *method;
	const char *pattern;
	enum role role;	   /* least role in the project */
	const char *scope; /* what an API token must hold: "nodes:read"; NULL = any token */
	unsigned int flags;
	handler_fn handler;
};

struct route_table {
	const struct route *rows;
	size_t count;
};

struct route_match {
	const struct route *route; /* NULL when nothing fits */
	/* When another method would fit: the value of Allow, else "". */
	char allow[48];
	size_t arg_count;
	struct {
		const char *text; /* points into path, still encoded */
		size_t length;
	} args[HTTP_ARGS_MAX];
};

/* path is the raw path of the request line. HEAD finds GET. A literal segment wins over a placeholder. */
void route_find(const struct route_table *table, const char *method, const char *path,
		struct route_match *match);
