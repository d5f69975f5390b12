/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads that handle HTTP requests: one worker = one thread + one database connection, which
 * it opens again when PostgreSQL was away. They end when the HTTP server is quiesced.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct http_server;
struct workers;

MUST_CHECK bool workers_start(struct http_server *http, const char *database_url, size_t count,
			      struct workers **out, struct error *err);
/* Waits for them. After http_server_quiesce. Accepts NULL. */
void workers_join(struct workers *workers);
