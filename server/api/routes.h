/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of all endpoints. One row = method, path, who may call it, handler; the dispatcher reads
 * nothing else, `musterd check --routes` prints it and tests/lint/routes.py compares it with
 * schema/openapi.yaml. {name} in a pattern matches one path segment.
 */
#pragma once

#include <stddef.h>

#include "http/request.h"
#include "model/ctx.h"

enum route_flags {
	ROUTE_PUBLIC = 1 << 0,	     /* nobody needs to be known; ctx->project_id is NULL */
	ROUTE_RAW = 1 << 1,	     /* a body that is not JSON goes to a file: request_upload() */
	ROUTE_STREAM = 1 << 2,	     /* the handler may hand the connection to the event hub */
	ROUTE_NO_PROJECT = 1 << 3,   /* a known caller, but no project and role are looked up */
	ROUTE_NO_DB = 1 << 4,	     /* runs although PostgreSQL is away; ctx->db may be NULL */
	ROUTE_SYSTEM_ADMIN = 1 << 5, /* for administrators of the whole installation */
};

struct route {
	const char *method;
	const char *pattern;
	enum role role;	   /* least role in the project */
	const char *scope; /* what an API token must hold: "nodes:read"; NULL = any token */
	unsigned int flags;
	handler_fn handler;
};

extern const struct route ROUTES[];
extern const size_t ROUTES_COUNT;
