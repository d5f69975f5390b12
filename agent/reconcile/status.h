/* SPDX-License-Identifier: Apache-2.0 */
/* What reconcile is doing, for people on the device. Strings live in the arena. */
#pragma once

#include "base/arena.h"
#include "protocol/messages.h"
#include "reconcile/reconcile.h"

struct reconcile_status {
	int64_t generation; /* in force; 0: none yet */
	const char *digest;
	usec_t since;	 /* UTC as the device had it: in force, or the change begun; 0: not known */
	bool unreadable; /* this agent cannot read it */
	int64_t accepted; /* newest that was taken */
	const char *accepted_digest;

	bool changing;		 /* a change to accepted is under way */
	enum result_state phase; /* of it */
	const char *waits_for;	 /* or "" */
	int64_t deadline_ms;	 /* until it is given up; 0: unknown */

	bool postponed;	  /* nothing could be done; it is tried again by itself */
	int64_t retry_ms; /* from now */

	bool has_verdict; /* the newest generation that failed */
	int64_t failed;	  /* = accepted: that is why it is not in force */
	enum result_state verdict;
	struct msg_failure failure; /* why; texts may be "" */
};

void reconcile_status(const struct reconcile *reconcile, struct arena *arena,
		      struct reconcile_status *out);
