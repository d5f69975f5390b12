/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why something is in its state, in words: no state without a reason, when it began, when it ends
 * by itself, and what would change it. Pure; strings live in the arena.
 */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "reconcile/status.h"
#include "supervise/supervisor.h"

struct explanation {
	const char *state;
	const char *text;   /* why, never empty */
	usec_t since;	    /* UTC; 0: not known */
	usec_t until;	    /* UTC; 0: it does not end by itself */
	const char *then;   /* what happens at until, or "" */
	const char *change; /* what would change it, never empty */
};

void explain_service(const struct service_status *status, struct arena *arena,
		     struct explanation *out);

/* now: UTC as the device has it, to which times to come are added. */
void explain_generation(const struct reconcile_status *status, bool online, usec_t now,
			struct arena *arena, struct explanation *out);
