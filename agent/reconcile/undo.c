/* SPDX-License-Identifier: Apache-2.0 */
/* Puts back everything that a change has touched, snapshots included, and checks it again. */
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "protocol/limits.h"
#include "reconcile/failure.h"
#include "reconcile/in_place.h"
#include "reconcile/transaction_internal.h"
#include "reconcile/tree.h"

/* What fails may work a moment later: a disk that was full, a process too many. */
enum { MIN_UNDO_MS = 60 * 1000, MAX_TRIES = 10, TRY_AGAIN_MS = 1000 };

static bool stops(const struct plan_step *step)
{
	return step->action == PLAN_ADD || step->action == PLAN_RESTART;
}

static void set_deadline(struct transaction *transaction)
{
	int64_t limit_ms = transaction->to.deadline_ms / 2;

	if (limit_ms < MIN_UNDO_MS)
		limit_ms = MIN_UNDO_MS;
	transaction->deadline = clock_boottime() + limit_ms * USEC_PER_MSEC;
}

void undo_resume(struct transaction *transaction)
{
	if (transaction->journal.phase == JOURNAL_ROLLING_BACK) {
		undo_begin(transaction);
		return;
	}
	set_deadline(transaction);
	undo_start(transaction);
}

void undo_begin(struct transaction *transaction)
{
	struct error err = {0};

	transaction->journal.phase = JOURNAL_ROLLING_BACK;
	transaction->journal.generation = transaction->candidate.generation;
	transaction->journal.error = failure_text(&transaction->failure, transaction->arena);
	if (!journal_update(transaction->options.state, &transaction->journal, &err))
		log_error("could not write the journal: %s", err.text);
	log_warn("putting the change back: %s service=%s", transaction->failure.text,
		 transaction->failure.service ? transaction->failure.service : "-");
	for (size_t i = 0; i < transaction->plan.count; i++) {
		const struct plan_step *step = &transaction->plan.steps[i];

		if (step_switches(step))
			hook_kill(transaction->options.supervisor, step->name);
		if (stops(step) &&
		    !supervisor_stop(transaction->options.supervisor, step->name, &err))
			log_debug("not stopped: %s service=%s", err.text, step->name);
	}
	set_deadline(transaction);
	transaction_enter(transaction, PHASE_UNDO_STOP);
}

void undo_stop(struct transaction *transaction)
{
	if (steps_stopped(transaction, stops)) {
		transaction->copy_index = 0;
		transaction_enter(transaction, PHASE_UNDO_RESTORE);
	} else {
		transaction_wait(transaction, LOOK_AGAIN_MS);
	}
}

static void end_undo(struct transaction *transaction, enum result_state state)
{
	/* One that only had to make way, or came at a bad time, may come again. */
	bool keep = state == RESULT_ROLLBACK_FAILED ||
		    (strcmp(transaction->failure.code, "superseded") != 0 &&
		     strcmp(transaction->failure.code, "hook_try_again") != 0);
	struct error err = {0};

	if (!transaction_decide(transaction, state, keep, &err))
		log_error("could not keep the verdict: %s", err.text);
	transaction_end(transaction, state == RESULT_ROLLED_BACK ? TRANSACTION_ROLLED_BACK
								 : TRANSACTION_ROLLBACK_FAILED);
}

void undo_note(struct transaction *transaction, const char *service, const char *text)
{
	log_error("rollback failed: %s service=%s", text, service);
	if (transaction->undo_problem)
		return;
	transaction->undo_problem =
		arena_printf(transaction->arena, "service %s: %s", service, text);
	char *both = arena_printf(transaction->arena, "%s; putting it back failed: %s",
				  transaction->failure.text, transaction->undo_problem);
	transaction->failure.text =
		text_clean(transaction->arena, both, strlen(both), LIMIT_TEXT, true);
}

static bool put_back(struct transaction *transaction, const struct plan_step *step,
		     struct error *err)
{
	struct supervisor *supervisor = transaction->options.supervisor;

	/* It may have been switched by an agent that could not read what was in force. */
	if (step->action == PLAN_KEEP &&
	    (step_is_agent(step) || !tree_is_on(step->name, transaction->candidate.generation)))
		return true;
	if ((step_switches(step) || step->action == PLAN_KEEP) &&
	    !tree_switch_back(step->name, transaction->candidate.generation,
			      step->action == PLAN_ADD, err))
		return false;
	if (step_is_agent(step))
		return true;
	if (step->action == PLAN_ADD) {
		supervisor_remove(supervisor, step->name);
		return true;
	}
	return supervisor_set(supervisor, &step->from->spec, transaction->options.from_generation,
			      err);
}

/* Each step of undoing may be repeated: false once that was done often enough. */
static bool try_again(struct transaction *transaction, const char *service, const char *text)
{
	if (transaction->undo_tries >= MAX_TRIES)
		return false;
	transaction->undo_tries++;
	log_warn("could not put back: %s service=%s", text, service);
	transaction_wait(transaction, TRY_AGAIN_MS);
	return true;
}

void undo_start(struct transaction *transaction)
{
	struct error journal = {0};
	bool failed = false;

	/* From here on the old services change their data again: it must not be restored twice. */
	transaction->journal.phase = JOURNAL_PUT_BACK;
	if (!journal_update(transaction->options.state, &transaction->journal, &journal))
		log_error("could not write the journal: %s", journal.text);
	/* Removed services come first in the plan, so what depends on them finds them. */
	for (size_t i = 0; i < transaction->plan.count; i++) {
		const struct plan_step *step = &transaction->plan.steps[i];
		struct error err = {0};

		if (put_back(transaction, step, &err))
			continue;
		failed = true;
		if (transaction->undo_tries >= MAX_TRIES)
			undo_note(transaction, step->name, err.text);
		else
			log_warn("could not put back: %s service=%s", err.text, step->name);
	}
	if (failed && transaction->undo_tries++ < MAX_TRIES)
		transaction_wait(transaction, TRY_AGAIN_MS);
	else
		transaction_enter(transaction, PHASE_UNDO_VERIFY);
}

static void restore_ended(const char *failure, void *arg)
{
	struct transaction *transaction = arg;
	const char *name = transaction->plan.steps[transaction->copy_index].name;

	transaction->copy = NULL;
	if (failure && try_again(transaction, name, failure))
		return;
	if (failure)
		undo_note(transaction, name, failure);
	transaction->copy_index++;
	transaction_wait(transaction, 0);
}

void undo_restore(struct transaction *transaction)
{
	const struct plan *plan = &transaction->plan;
	struct error err = {0};

	if (transaction->copy)
		return;
	for (; transaction->copy_index < plan->count; transaction->copy_index++) {
		const struct plan_step *step = &plan->steps[transaction->copy_index];
		const char *folder = step_snapshot(transaction, step);
		size_t count;
		const char *const *paths = step_snapshot_paths(step, &count);

		if (!in_place_restore(step, transaction->candidate.generation, &err)) {
			if (try_again(transaction, step->name, err.text))
				return;
			undo_note(transaction, step->name, err.text);
		}
		if (!step_has_snapshot(step) || !file_exists(folder))
			continue;
		if (copy_job_start(transaction->options.loop, true, folder, paths, count,
				   restore_ended, transaction, &transaction->copy, &err))
			return;
		if (try_again(transaction, step->name, err.text))
			return;
		undo_note(transaction, step->name, err.text);
	}
	handover_begin(transaction, PHASE_UNDO_HAND);
}

/* Is the service as it was before the change? One that was ill then may be ill again. */
static bool is_back(struct transaction *transaction, const struct plan_step *step,
		    const char **reason)
{
	struct service_status status;
	bool known = supervisor_status(transaction->options.supervisor, step->name, &status);

	*reason = "it is being stopped";
	if (step_is_agent(step))
		return agent_step_is_back(transaction);
	if (step->action == PLAN_ADD)
		return !known;
	*reason = known ? status.reason : "it is not known";
	if (!step->from->run)
		return known && status.pid == 0;
	if (!step->was_ready)
		return known;
	return known && status.ready && status.ready_for_ms >= transaction->to.gate_ms;
}

/* It was well before and will not become so by itself: waiting is of no use. */
static bool is_lost(struct transaction *transaction, const struct plan_step *step)
{
	struct service_status status;

	return step->was_ready && step->action != PLAN_ADD && step->from->run &&
	       supervisor_status(transaction->options.supervisor, step->name, &status) &&
	       (status.state == SERVICE_HELD || status.state == SERVICE_FAILED);
}

void undo_verify(struct transaction *transaction)
{
	bool late = clock_boottime() > transaction->deadline;

	for (size_t i = 0; i < transaction->plan.count; i++) {
		const struct plan_step *step = &transaction->plan.steps[i];
		const char *reason = NULL;

		if (step->action == PLAN_KEEP || is_back(transaction, step, &reason))
			continue;
		if (late || is_lost(transaction, step)) {
			undo_note(transaction, step->name,
				  reason && reason[0] ? reason : "not ready");
			continue;
		}
		transaction_wait(transaction, LOOK_AGAIN_MS);
		return;
	}
	end_undo(transaction,
		 transaction->undo_problem ? RESULT_ROLLBACK_FAILED : RESULT_ROLLED_BACK);
}
