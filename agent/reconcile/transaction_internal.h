/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a transaction share: transaction.c (begin, end), fetching.c, apply.c, undo.c. */
#pragma once

#include "fetch/fetch.h"
#include "reconcile/plan.h"
#include "reconcile/snapshot.h"
#include "reconcile/transaction.h"
#include "supervise/hook.h"

enum { MAX_MISSING = 64, LOOK_AGAIN_MS = 100, MAX_APPLY_ATTEMPTS = 5 };

enum phase {
	PHASE_BEGIN,
	PHASE_FETCH,
	PHASE_STOP,
	PHASE_TAKE, /* over from programs that were there before */
	PHASE_SNAPSHOT,
	PHASE_HOOKS, /* before the switch, and again after the gate */
	PHASE_GIVE,  /* back to them */
	PHASE_VERIFY,
	PHASE_UNDO_STOP,
	PHASE_UNDO_RESTORE,
	PHASE_UNDO_HAND,
	PHASE_UNDO_VERIFY,
	PHASE_ENDED,
};

struct transaction {
	struct transaction_options options;
	struct arena *arena;
	struct desired_record candidate;
	struct content to;
	struct plan plan;
	struct journal journal;
	enum phase phase;
	enum result_state told; /* last state sent as a result */
	usec_t deadline;	/* boot time: of the whole change, then of undoing it */
	usec_t began;		/* UTC, only to tell old exits from new ones */
	uint64_t timer;
	bool superseded;
	bool has_failure;
	struct msg_failure failure;
	enum transaction_end end;

	const struct content_package *missing[MAX_MISSING];
	size_t missing_count;
	size_t missing_index;
	struct fetch *fetch;
	struct fetch_account account; /* of all packages so far */
	json_t *urls;
	int fetch_failures;
	usec_t progress_told;
	const char *last_problem; /* why the last fetch failed */

	struct hook *hook;
	enum hook_kind hook_kind;
	size_t hook_index; /* step whose hook runs */
	int hook_attempts;
	bool hooks_done; /* those after the gate: nothing is left but the commit */

	struct copy_job *copy;
	size_t copy_index;	  /* step whose snapshot is being copied */
	size_t hand_index;	  /* step whose program is being taken over or given back */
	char reason[512];	  /* what the gate waits for */
	int undo_tries;		  /* of what failed while it was put back */
	const char *undo_problem; /* why not everything could be put back, or NULL */
};

/* Calls transaction_advance after delay_ms, or earlier on a notice. */
void transaction_wait(struct transaction *transaction, int64_t delay_ms);

/* Goes to the phase and runs it in the next turn. */
void transaction_enter(struct transaction *transaction, enum phase phase);

/* Sends a result of this state, with the failure if there is one. */
void transaction_tell(struct transaction *transaction, enum result_state state);

/* Records why; everything is copied, texts within what a message may hold. Only the first counts. */
void transaction_fail(struct transaction *transaction, const struct msg_failure *failure);

/* The same for a failure that is a sentence. service may be NULL. */
void transaction_blame(struct transaction *transaction, const char *phase, const char *code,
		       const char *service, const char *text);

/* The end of a candidate that failed, and its result, as one step. keep: with a verdict. */
MUST_CHECK bool transaction_decide(struct transaction *transaction, enum result_state state,
				   bool keep, struct error *err);

/* Nothing was touched: says refused, keeps a verdict if final, and ends. */
void transaction_refuse(struct transaction *transaction, bool final);

void transaction_end(struct transaction *transaction, enum transaction_end end);

/* fetching.c */
void fetching_begin(struct transaction *transaction);
void fetching_continue(struct transaction *transaction);

/* apply.c */
void apply_begin(struct transaction *transaction);
void apply_stop(struct transaction *transaction);
void apply_snapshot(struct transaction *transaction);
/* Puts the files in force and starts the services. */
void apply_switch(struct transaction *transaction);
void apply_verify(struct transaction *transaction);

/* hooks.c: goes on with apply_switch or the last look, or undoes. */
void hooks_begin(struct transaction *transaction, enum hook_kind kind);
void hooks_continue(struct transaction *transaction);

/* Fills in was_ready and in_place. */
void steps_look(struct transaction *transaction);

/* Has every service that the predicate picks no process any more? */
bool steps_stopped(struct transaction *transaction, bool (*picked)(const struct plan_step *step));
bool step_stops(const struct plan_step *step); /* RESTART, REMOVE */
bool step_switches(const struct plan_step *step);
bool step_has_snapshot(const struct plan_step *step);
const char *step_snapshot(struct transaction *transaction, const struct plan_step *step);
/* The declared paths; of the new version, else of the old one. */
const char *const *step_snapshot_paths(const struct plan_step *step, size_t *count);

/* agent_step.c: a step that is the agent itself. */
bool step_is_agent(const struct plan_step *step);
/* Is the program that the step wants running, and has it proved itself? */
enum supervisor_gate agent_step_look(struct transaction *transaction, const struct plan_step *step,
				     const char **reason);
/* Says why the one that was tried did not. */
void agent_step_blame(struct transaction *transaction, const struct plan_step *step);
/* Does the agent run that ran before? One on trial makes way. */
bool agent_step_is_back(struct transaction *transaction);

/* handover.c: phase is PHASE_TAKE, PHASE_GIVE or PHASE_UNDO_HAND. */
void handover_begin(struct transaction *transaction, enum phase phase);
void handover_continue(struct transaction *transaction);

/* undo.c: begins to put everything back; the failure says why. */
void undo_begin(struct transaction *transaction);
/* Goes on where the journal says that an agent before us was. */
void undo_resume(struct transaction *transaction);
void undo_stop(struct transaction *transaction);
void undo_restore(struct transaction *transaction);
/* Starts what ran before; everything else is back. */
void undo_start(struct transaction *transaction);
void undo_verify(struct transaction *transaction);
/* The rollback itself has a problem: it goes on, so that as much as can be runs again. */
void undo_note(struct transaction *transaction, const char *service, const char *text);
