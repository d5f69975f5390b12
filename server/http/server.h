/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server: one libmicrohttpd thread that reads requests, suspends them and hands them to
 * workers through a bounded queue, and writes what the workers answered. It also serves the dashboard's files
 * by itself. Workers call http_server_take and http_server_done in a loop; who they are is none
 * of its business.
 *
 *   http_server_new -> workers run -> http_server_quiesce -> workers see NULL and end -> http_server_free
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "http/route.h"

struct event_hub;
struct http_server;

struct http_options {
	const char *listen;	     /* "127.0.0.1:8443", "[::]:8443"; port 0 = any free one */
	const char *certificate_pem; /* with certificate_key_pem, or both NULL: plain HTTP */
	const char *certificate_key_pem;
	const char *upload_dir; /* exists; for bodies that go to files */
	int64_t upload_max_bytes;
	unsigned int connections_max;
	unsigned int connections_per_address; /* 0 = no limit */
	unsigned int queue_max;		      /* requests that wait for a worker */
	int64_t idle_ms;
	int64_t request_ms;
	struct route_table routes;
	const char *api_prefix;	     /* paths below it never fall back to the dashboard: "/api/" */
	const struct server *server; /* for ctx->server */
	struct event_hub *events;    /* ticked by the server; may be NULL */
};

/* Strings of the options are borrowed until http_server_free. */
MUST_CHECK bool http_server_new(const struct http_options *options, struct http_server **out,
				struct error *err);

int http_server_port(const struct http_server *http);

enum http_work {
	HTTP_WORK_HANDLE, /* the request is complete: run it */
	HTTP_WORK_ADMIT,  /* only the headers are here: may its body come? */
};

/* Waits for a request. NULL: the server is closing and the queue is empty. */
struct request *http_server_take(struct http_server *http, enum http_work *work);

/* Gives a request back after a reply or http_server_admit. The last touch: it may be gone at once. */
void http_server_done(struct request *req);

/* In answer to HTTP_WORK_ADMIT: let the body come. */
void http_server_admit(struct request *req);

/* Answers with a problem, whatever was prepared before. */
void http_server_fail(struct request *req, const struct error *err);

/* No new connections and requests; streams end; what waits is still handed out. */
void http_server_quiesce(struct http_server *http);

/* After quiesce and after the last worker has ended. Accepts NULL. */
void http_server_free(struct http_server *http);

/* What the frame (api/) needs beyond request.h. */
struct ctx *request_ctx_init(struct request *req, struct db *db);
const struct route *request_route(const struct request *req);
bool request_checked(const struct request *req);
void request_set_checked(struct request *req);
bool request_answered(const struct request *req);
unsigned int request_status(const struct request *req);
bool request_is_secure(const struct request *req); /* came over our own TLS */
int64_t request_duration_us(const struct request *req);
/* The raw JSON body, for hashing: "" when there was none. */
const char *request_body(const struct request *req, size_t *size);
/* Parses a JSON body; afterwards request_json works. ERR_INVALID says where it is malformed. */
MUST_CHECK bool request_parse_json(struct request *req, struct error *err);
/* The JSON text of an answer that was just prepared, or NULL (files, streams, empty). */
const char *request_reply_body(const struct request *req);
