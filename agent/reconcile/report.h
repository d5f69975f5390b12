/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the node says that it runs: the services of the supervisor with package and config of the
 * content in force, and the files on disk that differ from it.
 */
#pragma once

#include "base/arena.h"
#include "protocol/messages.h"
#include "reconcile/content.h"
#include "supervise/supervisor.h"

/* The states on the wire are fewer than the supervisor's. */
enum reported_state report_state(enum service_state state);

/* Fills in one service from its status; strings are copied to the arena. */
void report_status(struct arena *arena, const struct service_status *status,
		   struct msg_service *out);

/* All services. content may be NULL. Generation and digest are the caller's. */
void report_build(struct arena *arena, struct supervisor *supervisor, const struct content *content,
		  const struct content_place *place, struct msg_reported *out);
