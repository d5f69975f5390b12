/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/machine.h"

#include <assert.h>

const char *const ROLLOUT_STATE_NAMES[] = {
	"draft",  "awaiting_approval", "running",      "paused",      "succeeded",
	"failed", "aborted",	       "rolling_back", "rolled_back", NULL};

const char *const ROLLOUT_EVENT_NAMES[] = {
	"start", "ask",	   "approve", "pause",	   "resume",	"promote",	"retry",
	"abort", "finish", "fail",    "roll back", "back done", "back stopped", NULL};

const char *const STEP_STATE_NAMES[] = {
	"pending",	   "queued",	"sent",	      "accepted", "fetching",
	"applying",	   "verifying", "succeeded",  "failed",	  "rolled_back",
	"rollback_failed", "timed_out", "superseded", "skipped",  NULL};

const char *const STEP_EVENT_NAMES[] = {"queue",     "send",	      "accept",	  "fetch",
					"apply",     "verify",	      "succeed",  "fail",
					"roll back", "rollback fail", "time out", "supersede",
					"skip",	     "exclude",	      "retry",	  NULL};

/* The state after the event, plus one, so that zero means "cannot happen". */
#define TO(state) ((state) + 1)

static const unsigned char rollouts[ROLLOUT_STATE_COUNT][ROLLOUT_EVENT_COUNT] = {
	[ROLLOUT_DRAFT] = {[ROLLOUT_START] = TO(ROLLOUT_RUNNING),
			   [ROLLOUT_ASK] = TO(ROLLOUT_AWAITING_APPROVAL),
			   [ROLLOUT_ABORT] = TO(ROLLOUT_ABORTED)},
	[ROLLOUT_AWAITING_APPROVAL] =
		{[ROLLOUT_APPROVE] = TO(ROLLOUT_RUNNING), [ROLLOUT_ABORT] = TO(ROLLOUT_ABORTED)},
	[ROLLOUT_RUNNING] = {[ROLLOUT_PAUSE] = TO(ROLLOUT_PAUSED),
			     [ROLLOUT_PROMOTE] = TO(ROLLOUT_RUNNING),
			     [ROLLOUT_RETRY] = TO(ROLLOUT_RUNNING),
			     [ROLLOUT_ABORT] = TO(ROLLOUT_ABORTED),
			     [ROLLOUT_FINISH] = TO(ROLLOUT_SUCCEEDED),
			     [ROLLOUT_FAIL] = TO(ROLLOUT_FAILED),
			     [ROLLOUT_ROLL_BACK] = TO(ROLLOUT_ROLLING_BACK)},
	[ROLLOUT_PAUSED] = {[ROLLOUT_RESUME] = TO(ROLLOUT_RUNNING),
			    [ROLLOUT_PROMOTE] = TO(ROLLOUT_RUNNING),
			    [ROLLOUT_RETRY] = TO(ROLLOUT_RUNNING),
			    [ROLLOUT_ABORT] = TO(ROLLOUT_ABORTED),
			    [ROLLOUT_ROLL_BACK] = TO(ROLLOUT_ROLLING_BACK)},
	[ROLLOUT_SUCCEEDED] = {[ROLLOUT_ROLL_BACK] = TO(ROLLOUT_ROLLING_BACK)},
	[ROLLOUT_FAILED] = {[ROLLOUT_RETRY] = TO(ROLLOUT_RUNNING),
			    [ROLLOUT_ROLL_BACK] = TO(ROLLOUT_ROLLING_BACK)},
	[ROLLOUT_ABORTED] = {[ROLLOUT_ROLL_BACK] = TO(ROLLOUT_ROLLING_BACK)},
	[ROLLOUT_ROLLING_BACK] = {[ROLLOUT_BACK_DONE] = TO(ROLLOUT_ROLLED_BACK),
				  [ROLLOUT_BACK_STOPPED] = TO(ROLLOUT_FAILED)},
	[ROLLOUT_ROLLED_BACK] = {0},
};

static const enum step_state targets[STEP_EVENT_COUNT] = {
	[STEP_EVENT_QUEUE] = STEP_QUEUED,
	[STEP_EVENT_SEND] = STEP_SENT,
	[STEP_EVENT_ACCEPT] = STEP_ACCEPTED,
	[STEP_EVENT_FETCH] = STEP_FETCHING,
	[STEP_EVENT_APPLY] = STEP_APPLYING,
	[STEP_EVENT_VERIFY] = STEP_VERIFYING,
	[STEP_EVENT_SUCCEED] = STEP_SUCCEEDED,
	[STEP_EVENT_FAIL] = STEP_FAILED,
	[STEP_EVENT_ROLL_BACK] = STEP_ROLLED_BACK,
	[STEP_EVENT_ROLLBACK_FAIL] = STEP_ROLLBACK_FAILED,
	[STEP_EVENT_TIME_OUT] = STEP_TIMED_OUT,
	[STEP_EVENT_SUPERSEDE] = STEP_SUPERSEDED,
	[STEP_EVENT_SKIP] = STEP_SKIPPED,
	[STEP_EVENT_EXCLUDE] = STEP_SKIPPED,
	[STEP_EVENT_RETRY] = STEP_PENDING,
};

#define BIT(event) (1u << (event))

/* A verdict may come while the step is anywhere on its way: messages in between may be lost. */
#define VERDICTS                                                                                \
	(BIT(STEP_EVENT_SUCCEED) | BIT(STEP_EVENT_FAIL) | BIT(STEP_EVENT_ROLL_BACK) |           \
	 BIT(STEP_EVENT_ROLLBACK_FAIL) | BIT(STEP_EVENT_TIME_OUT) | BIT(STEP_EVENT_SUPERSEDE) | \
	 BIT(STEP_EVENT_EXCLUDE))

/* Progress moves only forward, so that repeated and reordered reports change nothing. */
static const unsigned int steps[STEP_STATE_COUNT] = {
	[STEP_PENDING] = BIT(STEP_EVENT_QUEUE) | BIT(STEP_EVENT_SKIP) | BIT(STEP_EVENT_EXCLUDE) |
			 BIT(STEP_EVENT_FAIL) | BIT(STEP_EVENT_SUPERSEDE) |
			 BIT(STEP_EVENT_TIME_OUT),
	[STEP_QUEUED] = BIT(STEP_EVENT_SEND) | BIT(STEP_EVENT_SKIP) | BIT(STEP_EVENT_EXCLUDE) |
			BIT(STEP_EVENT_FAIL) | BIT(STEP_EVENT_SUPERSEDE) | BIT(STEP_EVENT_TIME_OUT),
	[STEP_SENT] = BIT(STEP_EVENT_ACCEPT) | BIT(STEP_EVENT_FETCH) | BIT(STEP_EVENT_APPLY) |
		      BIT(STEP_EVENT_VERIFY) | VERDICTS,
	[STEP_ACCEPTED] =
		BIT(STEP_EVENT_FETCH) | BIT(STEP_EVENT_APPLY) | BIT(STEP_EVENT_VERIFY) | VERDICTS,
	[STEP_FETCHING] = BIT(STEP_EVENT_APPLY) | BIT(STEP_EVENT_VERIFY) | VERDICTS,
	[STEP_APPLYING] = BIT(STEP_EVENT_VERIFY) | VERDICTS,
	[STEP_VERIFYING] = VERDICTS,
	[STEP_FAILED] = BIT(STEP_EVENT_RETRY) | BIT(STEP_EVENT_EXCLUDE),
	[STEP_ROLLED_BACK] = BIT(STEP_EVENT_RETRY) | BIT(STEP_EVENT_EXCLUDE),
	[STEP_ROLLBACK_FAILED] = BIT(STEP_EVENT_RETRY) | BIT(STEP_EVENT_EXCLUDE),
	[STEP_TIMED_OUT] = BIT(STEP_EVENT_RETRY) | BIT(STEP_EVENT_EXCLUDE),
};

bool rollout_next(enum rollout_state state, enum rollout_event event, enum rollout_state *next)
{
	assert(state < ROLLOUT_STATE_COUNT && event < ROLLOUT_EVENT_COUNT);
	if (rollouts[state][event] == 0)
		return false;
	*next = (enum rollout_state)(rollouts[state][event] - 1);
	return true;
}

bool step_next(enum step_state state, enum step_event event, enum step_state *next)
{
	assert(state < STEP_STATE_COUNT && event < STEP_EVENT_COUNT);
	if ((steps[state] & BIT(event)) == 0)
		return false;
	*next = targets[event];
	return true;
}

bool rollout_state_final(enum rollout_state state)
{
	return state == ROLLOUT_SUCCEEDED || state == ROLLOUT_FAILED || state == ROLLOUT_ABORTED ||
	       state == ROLLOUT_ROLLED_BACK;
}

bool step_state_failure(enum step_state state)
{
	return state == STEP_FAILED || state == STEP_ROLLED_BACK || state == STEP_ROLLBACK_FAILED ||
	       state == STEP_TIMED_OUT;
}

bool step_state_final(enum step_state state)
{
	return step_state_failure(state) || state == STEP_SUCCEEDED || state == STEP_SUPERSEDED ||
	       state == STEP_SKIPPED;
}

bool step_state_in_flight(enum step_state state)
{
	return state >= STEP_SENT && state <= STEP_VERIFYING;
}

size_t step_sources(enum step_event event, const char *out[])
{
	size_t count = 0;

	for (int state = 0; state < STEP_STATE_COUNT; state++)
		if (steps[state] & BIT(event))
			out[count++] = STEP_STATE_NAMES[state];
	return count;
}

enum step_state step_target(enum step_event event)
{
	assert(event < STEP_EVENT_COUNT);
	return targets[event];
}

bool rollout_refuse(enum rollout_state state, enum rollout_event event, struct error *err)
{
	const char *why = rollout_obstacle(state, event);

	return error_set(err, ERR_CONFLICT, "cannot %s: %s", ROLLOUT_EVENT_NAMES[event],
			 why != NULL ? why : "the rollout has moved on");
}

const char *rollout_obstacle(enum rollout_state state, enum rollout_event event)
{
	static const char *const why[ROLLOUT_STATE_COUNT] = {
		[ROLLOUT_DRAFT] = "it is a draft that has not started",
		[ROLLOUT_AWAITING_APPROVAL] = "it waits for approval",
		[ROLLOUT_RUNNING] = "it is running",
		[ROLLOUT_PAUSED] = "it is paused",
		[ROLLOUT_SUCCEEDED] = "it has succeeded",
		[ROLLOUT_FAILED] = "it has failed",
		[ROLLOUT_ABORTED] = "it was aborted",
		[ROLLOUT_ROLLING_BACK] = "it is being rolled back",
		[ROLLOUT_ROLLED_BACK] = "it was rolled back",
	};
	enum rollout_state next;

	return rollout_next(state, event, &next) ? NULL : why[state];
}
