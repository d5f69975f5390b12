/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timed work, in one thread under a lease, so that one replica of many does it: rollouts, offline
 * detection, alert rules, retention. The table of tasks is in scheduler.c. A task looks at facts in
 * the database only, so it may be late, repeated, or go on at another replica.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/ctx.h"

struct scheduler;

/* Starts the thread; that PostgreSQL is away is no error, it waits. server is borrowed. */
MUST_CHECK bool scheduler_start(const char *database_url, const struct server *server,
				struct scheduler **out, struct error *err);

/* Ends the running task, gives the lease back, ends the thread. Accepts NULL. */
void scheduler_stop(struct scheduler *scheduler);
