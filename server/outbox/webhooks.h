/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that delivers events to webhooks: at least once, signed, with back-off, never to an
 * address that the guard refuses. Replicas share the queue.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct webhooks;

/* ERR_INVALID when server->webhook_allow is no list of networks. That PostgreSQL is away is no
 * error. server is borrowed. */
MUST_CHECK bool webhooks_start(const char *database_url, const struct server *server,
			       struct webhooks **out, struct error *err);

/* Ends what is under way within the timeout of a request. Accepts NULL. */
void webhooks_stop(struct webhooks *sender);
