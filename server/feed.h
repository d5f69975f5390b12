/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that carries the change feed of the database to the event streams of this process. */
#pragma once

#include "base/error.h"

struct event_hub;
struct feed;

MUST_CHECK bool feed_start(const char *database_url, struct event_hub *hub, struct feed **out,
			   struct error *err);
void feed_stop(struct feed *feed); /* accepts NULL */
