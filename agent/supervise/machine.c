/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/machine.h"

#include <assert.h>
#include <stddef.h>

#define GO(do_action, to)                                                           \
	{                                                                           \
		.defined = true, .action = ACTION_##do_action, .next = SERVICE_##to \
	}

/* A running process, ready or not, ends and is stopped in the same ways. */
#define PROCESS_ROWS                                                                             \
	[EVENT_DEAD] = GO(STOP, RESTARTING), [EVENT_STOP] = GO(STOP, STOPPING),                  \
	[EVENT_RESTART] = GO(STOP, RESTARTING), [EVENT_EXITED_AGAIN] = GO(BACKOFF, BACKOFF),     \
	[EVENT_EXITED_CRASH_LOOP] = GO(HOLD, HELD), [EVENT_EXITED_FAILED] = GO(RELEASE, FAILED), \
	[EVENT_EXITED_COMPLETED] = GO(RELEASE, COMPLETED)

/* Without a process: everything that says "start" begins anew. */
#define IDLE_ROWS                                                                 \
	[EVENT_START] = GO(BEGIN, WAITING), [EVENT_RESTART] = GO(BEGIN, WAITING), \
	[EVENT_STOP] = GO(RELEASE, STOPPED)

/* clang-format off */
static const struct transition TABLE[SERVICE_STATE_COUNT][SERVICE_EVENT_COUNT] = {
	[SERVICE_STOPPED] = {
		[EVENT_START] = GO(BEGIN, WAITING),
		[EVENT_RESTART] = GO(BEGIN, WAITING),
		[EVENT_ADOPTED] = GO(WATCH, STARTING),
	},
	[SERVICE_WAITING] = {
		IDLE_ROWS,
		[EVENT_CLEARED] = GO(SPAWN, STARTING),
	},
	[SERVICE_STARTING] = {
		PROCESS_ROWS,
		[EVENT_READY] = GO(NONE, RUNNING),
		[EVENT_UNREADY] = GO(NONE, UNHEALTHY),
	},
	[SERVICE_RUNNING] = {
		PROCESS_ROWS,
		[EVENT_UNREADY] = GO(NONE, UNHEALTHY),
	},
	[SERVICE_UNHEALTHY] = {
		PROCESS_ROWS,
		[EVENT_READY] = GO(NONE, RUNNING),
	},
	[SERVICE_STOPPING] = {
		[EVENT_START] = GO(NONE, RESTARTING),
		[EVENT_RESTART] = GO(NONE, RESTARTING),
		[EVENT_EXITED_AGAIN] = GO(RELEASE, STOPPED),
		[EVENT_EXITED_CRASH_LOOP] = GO(RELEASE, STOPPED),
		[EVENT_EXITED_FAILED] = GO(RELEASE, STOPPED),
		[EVENT_EXITED_COMPLETED] = GO(RELEASE, STOPPED),
	},
	[SERVICE_RESTARTING] = {
		[EVENT_STOP] = GO(NONE, STOPPING),
		[EVENT_EXITED_AGAIN] = GO(BACKOFF, BACKOFF),
		[EVENT_EXITED_CRASH_LOOP] = GO(HOLD, HELD),
		[EVENT_EXITED_FAILED] = GO(RELEASE, FAILED),
		[EVENT_EXITED_COMPLETED] = GO(RELEASE, COMPLETED),
	},
	[SERVICE_BACKOFF] = {
		IDLE_ROWS,
		[EVENT_TIMER] = GO(BEGIN, WAITING),
	},
	[SERVICE_HELD] = {
		IDLE_ROWS,
		[EVENT_TIMER] = GO(BEGIN, WAITING),
	},
	[SERVICE_FAILED] = {
		IDLE_ROWS,
	},
	[SERVICE_COMPLETED] = {
		IDLE_ROWS,
	},
};
/* clang-format on */

static const char *const STATE_NAMES[SERVICE_STATE_COUNT] = {
	[SERVICE_STOPPED] = "stopped",
	[SERVICE_WAITING] = "waiting",
	[SERVICE_STARTING] = "starting",
	[SERVICE_RUNNING] = "running",
	[SERVICE_UNHEALTHY] = "unhealthy",
	[SERVICE_STOPPING] = "stopping",
	[SERVICE_RESTARTING] = "restarting",
	[SERVICE_BACKOFF] = "backoff",
	[SERVICE_HELD] = "held",
	[SERVICE_FAILED] = "failed",
	[SERVICE_COMPLETED] = "completed",
};

static const char *const EVENT_NAMES[SERVICE_EVENT_COUNT] = {
	[EVENT_START] = "start",
	[EVENT_STOP] = "stop",
	[EVENT_RESTART] = "restart",
	[EVENT_CLEARED] = "cleared",
	[EVENT_READY] = "ready",
	[EVENT_UNREADY] = "unready",
	[EVENT_DEAD] = "dead",
	[EVENT_EXITED_AGAIN] = "exited",
	[EVENT_EXITED_CRASH_LOOP] = "exited too often",
	[EVENT_EXITED_FAILED] = "exited badly, no restart",
	[EVENT_EXITED_COMPLETED] = "exited well, no restart",
	[EVENT_TIMER] = "timer",
	[EVENT_ADOPTED] = "adopted",
};

static const char *const ACTION_NAMES[SERVICE_ACTION_COUNT] = {
	[ACTION_NONE] = "none",	      [ACTION_BEGIN] = "begin",	     [ACTION_SPAWN] = "spawn",
	[ACTION_STOP] = "stop",	      [ACTION_BACKOFF] = "back off", [ACTION_HOLD] = "hold",
	[ACTION_RELEASE] = "release", [ACTION_WATCH] = "watch",
};

const struct transition *machine_find(enum service_state state, enum service_event event)
{
	assert((unsigned)state < SERVICE_STATE_COUNT && (unsigned)event < SERVICE_EVENT_COUNT);
	return &TABLE[state][event];
}

const char *service_state_name(enum service_state state)
{
	return STATE_NAMES[state];
}

const char *service_event_name(enum service_event event)
{
	return EVENT_NAMES[event];
}

const char *service_action_name(enum service_action action)
{
	return ACTION_NAMES[action];
}
