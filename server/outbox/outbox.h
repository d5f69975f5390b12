/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that carries messages to nodes out of the database: it wakes with the commit that wrote
 * them (and looks by itself once a second), signs, publishes, and deletes what the broker has
 * confirmed. A message may go out twice, never not at all: nodes tell repetitions by generation and
 * command id.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"

struct links;
struct outbox;
struct server;

/* Everything is borrowed until outbox_stop. */
MUST_CHECK bool outbox_start(const char *database_url, const struct server *server,
			     struct links *links, struct outbox **out, struct error *err);

/* Accepts NULL. */
void outbox_stop(struct outbox *outbox);
