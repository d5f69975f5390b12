/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a service as a table: state x event -> action, next state. Pure; the
 * supervisor carries out the actions. A test walks the table, and the diagram in
 * docs/agent-states.md is printed from it.
 */
#pragma once

#include <stdbool.h>

enum service_state {
	SERVICE_STOPPED,    /* not wanted, no process */
	SERVICE_WAITING,    /* wanted; something that it starts after is not ready yet */
	SERVICE_STARTING,   /* a process, or on the way to one; not ready yet */
	SERVICE_RUNNING,    /* ready */
	SERVICE_UNHEALTHY,  /* was ready; a readiness probe says no */
	SERVICE_STOPPING,   /* told to stop, to stay stopped */
	SERVICE_RESTARTING, /* told to stop, to start again */
	SERVICE_BACKOFF,    /* exited; starts again after a delay */
	SERVICE_HELD,	    /* crash loop; tried again after a long time or with a new spec */
	SERVICE_FAILED,	    /* exited badly and the policy says no restart */
	SERVICE_COMPLETED,  /* exited well and the policy says no restart */
	SERVICE_STATE_COUNT
};

enum service_event {
	EVENT_START,		 /* it is wanted (new, or told to start) */
	EVENT_STOP,		 /* it is not wanted any more */
	EVENT_RESTART,		 /* told to restart, or its process must be another */
	EVENT_CLEARED,		 /* what it starts after is ready */
	EVENT_READY,		 /* all readiness probes are good */
	EVENT_UNREADY,		 /* one is bad */
	EVENT_DEAD,		 /* a liveness probe is bad, or the start took too long */
	EVENT_EXITED_AGAIN,	 /* the process is gone, the policy says: again */
	EVENT_EXITED_CRASH_LOOP, /* ... too often */
	EVENT_EXITED_FAILED,	 /* ... badly, and it is not restarted */
	EVENT_EXITED_COMPLETED,	 /* ... well, and it is not restarted */
	EVENT_TIMER,		 /* the delay of back-off or hold is over */
	EVENT_ADOPTED,		 /* found running under a shim */
	SERVICE_EVENT_COUNT
};

enum service_action {
	ACTION_NONE,
	ACTION_BEGIN,	/* start as soon as what comes first is ready */
	ACTION_SPAWN,	/* start the process */
	ACTION_STOP,	/* stop signal, grace, kill */
	ACTION_BACKOFF, /* set the timer by the back-off */
	ACTION_HOLD,	/* set the long timer */
	ACTION_RELEASE, /* let the shim go */
	ACTION_WATCH,	/* begin probing the adopted process */
	SERVICE_ACTION_COUNT
};

struct transition {
	bool defined; /* false: the event cannot happen in this state and is ignored */
	enum service_action action;
	enum service_state next;
};

const struct transition *machine_find(enum service_state state, enum service_event event);

/* Stable lower-case words, as in reports. */
const char *service_state_name(enum service_state state);
const char *service_event_name(enum service_event event);
const char *service_action_name(enum service_action action);
