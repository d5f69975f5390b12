/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. Nothing outside http/ includes it. */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "http/connection.h"
#include "http/limits.h"
#include "http/request.h"
#include "http/route.h"
#include "http/server.h"
#include "model/ctx.h"

/*
 * Who owns a request when: the library's thread in all states but ADMITTING and WORKING, in which it
 * is suspended and belongs to the queue or one worker. Only the library's thread frees it.
 */
enum request_state {
	REQUEST_ADMITTING, /* headers only: a worker decides whether the bytes may come */
	REQUEST_ADMITTED,
	REQUEST_READING,
	REQUEST_DRAINING, /* refused, but the library cannot answer within a body */
	REQUEST_WORKING,
	REQUEST_DONE, /* response is ready to be queued */
};

enum body_kind { BODY_JSON, BODY_FILE };

struct request {
	struct http_server *http;
	struct MHD_Connection *mhd;
	struct connection *connection;
	struct request *next; /* in the queue */
	enum request_state state;

	struct arena *arena;
	struct ctx ctx;
	const char *method;
	const char *path;
	const char *remote;
	struct route_match match;
	const char *args[HTTP_ARGS_MAX];
	bool checked; /* the frame has authenticated it already */
	usec_t began; /* monotonic */

	enum body_kind body_kind;
	int64_t content_length; /* -1: none, or chunked */
	bool chunked;
	struct strbuf body;
	size_t budget; /* what body holds of the server's budget */
	json_t *json;
	int upload_fd;
	struct sha256 *upload_hash;
	struct request_upload upload;
	int64_t drained;
	struct error failure; /* why it is being drained */

	unsigned int problem_status; /* overrides the one of the error's code */
	const char *problem_member;  /* an extension of the problem, with its value; or NULL */
	json_t *problem_value;
	size_t header_count;
	struct {
		const char *name;
		const char *value;
	} headers[HTTP_REPLY_HEADERS_MAX];
	unsigned int status;
	struct MHD_Response *response;
	int64_t response_bytes;
	const char *reply_body; /* text of the response, NULL when it is not one to be kept */
	bool streaming;		/* the response is a stream of events */
};

struct http_server {
	struct http_options options;
	struct MHD_Daemon *daemon;
	int listen_fd;
	int port;
	struct connections *connections;
	struct http_static *assets;
	atomic_bool stopping;
	atomic_size_t body_budget;

	pthread_mutex_t queue_mutex;
	pthread_cond_t queue_wake;
	struct request *queue_first;
	struct request *queue_last;
	size_t queue_length;
	bool queue_closed;
};

/* request.c */
struct request *request_new(struct http_server *http, struct MHD_Connection *mhd,
			    const char *method, const char *path);
void request_free(struct request *req);

/* body.c: the library's thread. False = cut the connection. */
bool body_begin(struct request *req, struct error *err);
bool body_receive(struct request *req, const char *data, size_t size);
MUST_CHECK bool body_finish(struct request *req, struct error *err);

/* reply.c */
void reply_problem(struct request *req, const struct error *err, unsigned int status);
/* An answer of unknown length, made piece by piece in the library's thread; arg is released there. */
bool reply_stream(struct request *req, MHD_ContentReaderCallback reader,
		  MHD_ContentReaderFreeCallback release, void *arg, size_t block_size);
/* 200 of a known size, made piece by piece in the same way. */
bool reply_reader(struct request *req, int64_t size, size_t block_size,
		  MHD_ContentReaderCallback reader, void *arg,
		  MHD_ContentReaderFreeCallback release);
/* Security headers that every answer carries. */
void reply_common_headers(struct MHD_Response *response);

/* static.c */
struct http_static *static_new(void);
void static_free(struct http_static *assets);
/* Queues the answer for a path that is not the API's. */
enum MHD_Result static_reply(struct http_static *assets, struct MHD_Connection *mhd,
			     const char *method, const char *path);
