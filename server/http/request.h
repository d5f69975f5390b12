/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request as a handler sees it: what came in, and how to answer. A handler runs in a worker
 * thread, after the frame (api/dispatch.c) has authenticated the caller, checked role, scope and
 * project, and parsed a JSON body. It answers with exactly one request_reply_* call and returns true, or
 * returns false with err set (error_set_field for a wrong field of the body or a wrong parameter): the
 * frame then writes an RFC 9457 problem. Strings and JSON that
 * are handed out live as long as the request; allocate with request_ctx(req)->arena.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct ctx;
struct error;
struct request;

typedef bool (*handler_fn)(struct request *req, struct error *err);

/* The unit of work: db, arena, actor, project, now, request id, server. Never NULL in a handler. */
struct ctx *request_ctx(struct request *req);

const char *request_method(const struct request *req);
const char *request_path(const struct request *req);

/* The value of the index-th {placeholder} of the route's pattern, decoded, never empty. */
const char *request_arg(const struct request *req, size_t index);

/* NULL when absent. A parameter without a value is "". */
const char *request_query(const struct request *req, const char *name);

/*
 * A parameter that lists names of a NULL-terminated table, separated by commas. *list is its text, or
 * NULL when it is absent or empty. ERR_INVALID names the parameter and the word that is unknown.
 */
MUST_CHECK bool request_query_names(struct request *req, const char *name, const char *const *names,
				    const char **list, struct error *err);

/* An integer parameter within [min, max], or fallback when absent. ERR_INVALID names it. */
MUST_CHECK bool request_query_int(struct request *req, const char *name, int64_t min, int64_t max,
				  int64_t fallback, int64_t *out, struct error *err);

/* Case does not matter in name. NULL when absent. */
const char *request_header(const struct request *req, const char *name);

/* The address of the client as text. */
const char *request_remote(const struct request *req);

/*
 * The parsed body, borrowed. An object, except when the client sent no body: then an empty object,
 * so that decoding it names the first required field.
 */
json_t *request_json(struct request *req);

/* Whether a body came as a file (ROUTE_RAW and a content type other than application/json). */
struct request_upload {
	const char *path; /* below the data directory; removed after the request unless renamed */
	int64_t size_bytes;
	const char *sha256; /* lower hex of all bytes */
};

/* NULL when the body was JSON or absent. */
const struct request_upload *request_upload(const struct request *req);

/*
 * Optimistic locking. expected is the revision of If-Match, or -1 when the client sent none (or
 * "*"). ERR_INVALID for a value that is not a revision.
 */
MUST_CHECK bool request_if_match(struct request *req, int64_t *expected, struct error *err);

/* Compares current with If-Match; a mismatch is ERR_CONFLICT, answered as 412. */
MUST_CHECK bool request_check_revision(struct request *req, int64_t current, struct error *err);

/* One page of a list. */
#define PAGE_KEYS_MAX 3
#define PAGE_LIMIT_DEFAULT 50
#define PAGE_LIMIT_MAX 500

struct page {
	int64_t limit;
	size_t key_count; /* 0 on the first page */
	const char
		*keys[PAGE_KEYS_MAX]; /* where the previous page ended, as given to page_cursor */
};

/* Reads limit and cursor from the query. A cursor with other than key_count keys is ERR_INVALID. */
MUST_CHECK bool request_page(struct request *req, size_t key_count, struct page *page,
			     struct error *err);

/* The opaque cursor that stands for these keys, from the arena. */
const char *page_cursor(struct ctx *ctx, const char *const *keys, size_t key_count);

/* 200 with {items, next_cursor, total}. Takes items; next_cursor NULL = last page; total < 0 = left
 * out (null). */
bool request_reply_page(struct request *req, json_t *items, const char *next_cursor, int64_t total);

/* The same where counting stops somewhere: is_bound says that there are more than total. */
bool request_reply_bounded_page(struct request *req, json_t *items, const char *next_cursor,
				int64_t total, bool is_bound);

/* Adds a header to the answer that follows. Value must not hold control characters. */
void request_reply_header(struct request *req, const char *name, const char *value);

/* Adds a member (RFC 9457, 3.2) to the problem that the handler is about to fail with. Takes value;
 * name is a literal. */
void request_problem_member(struct request *req, const char *name, json_t *value);

/* ETag: "<revision>" on the answer that follows. */
void request_reply_revision(struct request *req, int64_t revision);

/* All of these return true, so that a handler can end with them. */
bool request_reply_json(struct request *req, unsigned int status, json_t *body); /* takes body */
bool request_reply_empty(struct request *req, unsigned int status);
bool request_reply_text(struct request *req, unsigned int status, const char *content_type,
			const char *text); /* copies text */

struct reply_file {
	const char *path;
	const char *content_type;
	const char *etag;	   /* with its quotes, or NULL */
	const char *cache_control; /* NULL = no-store */
	const char *filename;	   /* offered as an attachment under this name, or NULL */
};

/*
 * Answers with a file: Range (206, 416), If-None-Match and If-Range on etag (304), HEAD.
 * ERR_NOT_FOUND when it is not there.
 */
MUST_CHECK bool request_reply_file(struct request *req, const struct reply_file *file,
				   struct error *err);

/* A piece of an answer: bytes that live as long as the request, or a file from its begin. */
struct reply_part {
	const void *data;
	int fd; /* -1: data. Taken over */
	int64_t size;
};

/* 200 with the parts one after the other, offered as an attachment. For a POST too: never kept for
 * repeated requests. */
bool request_reply_parts(struct request *req, const char *content_type, const char *filename,
			 const struct reply_part *list, size_t count);
