/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows an exit: policy, back-off, crash-loop detection. Pure: time and chance
 * are parameters.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "drivers/spec.h"
#include "supervise/machine.h"

enum { RESTART_MAX_BURST = 32 };

struct restart_history {
	usec_t exits[RESTART_MAX_BURST]; /* boot time, newest last */
	int count;
	bool held; /* the last start was a trial after a crash loop */
};

struct restart_decision {
	enum service_event event; /* one of EVENT_EXITED_... */
	int64_t delay_ms;	  /* of EVENT_EXITED_AGAIN and ..._CRASH_LOOP */
};

/*
 * The service has ended at now (boot time) without being told. ran_us: how long it was
 * ready; chance: any number, for the jitter of up to a quarter of the delay.
 */
struct restart_decision restart_decide(struct restart_history *history,
				       const struct restart_spec *spec, bool success, usec_t now,
				       int64_t ran_us, uint64_t chance);

/* A new spec, or somebody asked for a start: forget. */
void restart_forget(struct restart_history *history);
