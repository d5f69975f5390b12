/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is needed to understand why a service failed: its exit, the probe that says no, the last it
 * wrote to stderr. Taken before anything is put back, for then it is gone.
 */
#pragma once

#include "base/arena.h"
#include "protocol/failure.h"
#include "supervise/supervisor.h"

/*
 * Adds what is known to a failure that has its phase, code and text. Only what happened since
 * counts (UTC: the begin of the change), else an old exit would be blamed on it. In the arena.
 */
void evidence_add(struct arena *arena, const struct service_status *status, usec_t since,
		  struct msg_failure *failure);

/* The end of what was written to stderr since then, from log segments; NULL: nothing. */
const char *evidence_stderr(struct arena *arena, const char *log_dir, usec_t since);
