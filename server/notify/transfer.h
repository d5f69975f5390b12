/* SPDX-License-Identifier: Apache-2.0 */
/* One signed POST to a webhook with libcurl. outbox/webhooks.c runs many at once. */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "notify/guard.h"

#define TRANSFER_EXCERPT 1024 /* bytes of the answer that are kept */

/* Borrowed for transfer_init, but url and body until transfer_release. */
struct transfer_request {
	const char *url;
	const char *event_id;
	const char *body;
	const unsigned char *secret; /* signs the body */
	size_t secret_size;
	usec_t now;
};

struct transfer {
	const struct guard *guard;
	CURL *curl;
	struct curl_slist *headers;
	bool refused; /* by the guard */
	bool over_tls;
	char excerpt[TRANSFER_EXCERPT + 1];
	size_t excerpt_size;
	size_t received;
	char error[CURL_ERROR_SIZE];
};

/* Once, before there are threads. */
void transfer_global_init(void);

/* Prepares transfer->curl; the caller runs it in a multi handle. */
MUST_CHECK bool transfer_init(struct transfer *transfer, const struct transfer_request *request,
			      const struct guard *guard, struct arena *arena, struct error *err);
void transfer_release(struct transfer *transfer);
