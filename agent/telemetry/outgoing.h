/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent tells the server for sure: each call puts one message into the spool, where it
 * stays until the server has acknowledged it. A full disk loses the message, never the agent: the
 * failure is logged here, so callers need not care.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "protocol/messages.h"
#include "state/state.h"

struct outgoing {
	struct state *state;
	int64_t budget_bytes;	  /* of the whole spool */
	void (*added)(void *arg); /* something is there to be sent; may be NULL */
	void *arg;
};

/* data is taken over and may be NULL; service may be NULL. text is cut and made valid UTF-8. */
void outgoing_event(struct outgoing *outgoing, enum severity severity, const char *kind,
		    const char *service, json_t *data, const char *format, ...) PRINTF_FORMAT(6, 7);

/* place and at of the message are filled in here. */
void outgoing_result(struct outgoing *outgoing, const struct msg_result *result);
/* False: it could not be kept, so the same must be said again later. */
bool outgoing_reported(struct outgoing *outgoing, const struct msg_reported *reported);

/* False: it could not be kept (the caller tries the same lines again later). */
MUST_CHECK bool outgoing_logs(struct outgoing *outgoing, const struct msg_logs *logs,
			      struct error *err);

/*
 * At most max_bytes of UTF-8 out of any bytes: what is not UTF-8 and control characters but tab and
 * newline become U+FFFD. tail: keep the end instead of the begin.
 */
char *text_clean(struct arena *arena, const char *data, size_t size, size_t max_bytes, bool tail);
