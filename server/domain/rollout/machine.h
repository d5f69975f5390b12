/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a rollout and of one of its steps, as two tables of state x event. Everything that
 * changes a state asks here first; the store takes the legal source states of an event as a
 * parameter, so that a statement over 100,000 steps obeys the same table. Tests walk both tables
 * for dead ends, and docs/rollout-states.md is drawn from them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"

enum rollout_state {
	ROLLOUT_DRAFT,
	ROLLOUT_AWAITING_APPROVAL,
	ROLLOUT_RUNNING,
	ROLLOUT_PAUSED,
	ROLLOUT_SUCCEEDED,
	ROLLOUT_FAILED,
	ROLLOUT_ABORTED,
	ROLLOUT_ROLLING_BACK,
	ROLLOUT_ROLLED_BACK,
	ROLLOUT_STATE_COUNT,
};
extern const char *const ROLLOUT_STATE_NAMES[];

enum rollout_event {
	ROLLOUT_START,	      /* a person starts a draft */
	ROLLOUT_ASK,	      /* the strategy wants a second person first */
	ROLLOUT_APPROVE,      /* the second person agrees */
	ROLLOUT_PAUSE,	      /* a person, or the gate of a wave */
	ROLLOUT_RESUME,	      /* a person goes on, what failed so far is accepted */
	ROLLOUT_PROMOTE,      /* a person starts the next wave now */
	ROLLOUT_RETRY,	      /* failed steps are tried again */
	ROLLOUT_ABORT,	      /* nothing new is started */
	ROLLOUT_FINISH,	      /* the last wave has passed its gate */
	ROLLOUT_FAIL,	      /* a gate was missed and the strategy says fail */
	ROLLOUT_ROLL_BACK,    /* another rollout begins to restore what ran before */
	ROLLOUT_BACK_DONE,    /* that one has succeeded */
	ROLLOUT_BACK_STOPPED, /* that one was aborted or has failed */
	ROLLOUT_EVENT_COUNT,
};
extern const char *const ROLLOUT_EVENT_NAMES[];

enum step_state {
	STEP_PENDING,
	STEP_QUEUED,
	STEP_SENT,
	STEP_ACCEPTED,
	STEP_FETCHING,
	STEP_APPLYING,
	STEP_VERIFYING,
	STEP_SUCCEEDED,
	STEP_FAILED,
	STEP_ROLLED_BACK,
	STEP_ROLLBACK_FAILED,
	STEP_TIMED_OUT,
	STEP_SUPERSEDED,
	STEP_SKIPPED,
	STEP_STATE_COUNT,
};
extern const char *const STEP_STATE_NAMES[];

/* An event moves a step to the state of the same name; RETRY moves it back to pending. */
enum step_event {
	STEP_EVENT_QUEUE,
	STEP_EVENT_SEND,
	STEP_EVENT_ACCEPT,
	STEP_EVENT_FETCH,
	STEP_EVENT_APPLY,
	STEP_EVENT_VERIFY,
	STEP_EVENT_SUCCEED,
	STEP_EVENT_FAIL,
	STEP_EVENT_ROLL_BACK,
	STEP_EVENT_ROLLBACK_FAIL,
	STEP_EVENT_TIME_OUT,
	STEP_EVENT_SUPERSEDE,
	STEP_EVENT_SKIP,
	STEP_EVENT_EXCLUDE, /* a person takes the node out, wherever it is: skipped */
	STEP_EVENT_RETRY,
	STEP_EVENT_COUNT,
};
extern const char *const STEP_EVENT_NAMES[];

/* The state after event, or false when the event means nothing in this state. */
bool rollout_next(enum rollout_state state, enum rollout_event event, enum rollout_state *next);
bool step_next(enum step_state state, enum step_event event, enum step_state *next);

bool rollout_state_final(enum rollout_state state);
bool step_state_final(enum step_state state);	  /* nothing but a retry moves it */
bool step_state_failure(enum step_state state);	  /* counts against the gate */
bool step_state_in_flight(enum step_state state); /* told to the node, no verdict yet */

/* The names of all states in which event is legal; out has room for STEP_STATE_COUNT. */
size_t step_sources(enum step_event event, const char *out[]);

/* The state that event leads to (the same from every source). */
enum step_state step_target(enum step_event event);

/* ERR_CONFLICT that says in words why event cannot happen in state. */
bool rollout_refuse(enum rollout_state state, enum rollout_event event, struct error *err);

/* Why a person cannot do event now, or NULL when possible: what a disabled button shows. */
const char *rollout_obstacle(enum rollout_state state, enum rollout_event event);
