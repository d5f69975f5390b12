/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a transaction that touches services, up to the commit. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "reconcile/evidence.h"
#include "reconcile/in_place.h"
#include "reconcile/report.h"
#include "reconcile/transaction_internal.h"
#include "reconcile/tree.h"
#include "state/packages.h"

enum { COMMIT_AGAIN_MS = 1000 };

bool step_stops(const struct plan_step *step)
{
	return !step->switched && (step->action == PLAN_RESTART || step->action == PLAN_REMOVE);
}

bool step_switches(const struct plan_step *step)
{
	return step->action == PLAN_ADD || step->action == PLAN_RELOAD ||
	       step->action == PLAN_RESTART;
}

const char *const *step_snapshot_paths(const struct plan_step *step, size_t *count)
{
	const struct content_service *service =
		step->to && step->to->spec.snapshot_count > 0 ? step->to : step->from;

	*count = service ? service->spec.snapshot_count : 0;
	return service ? service->spec.snapshot : NULL;
}

bool step_has_snapshot(const struct plan_step *step)
{
	size_t count;

	step_snapshot_paths(step, &count);
	return (step->action == PLAN_RESTART || step->action == PLAN_ADD) && count > 0;
}

const char *step_snapshot(struct transaction *transaction, const struct plan_step *step)
{
	return tree_snapshot_path(transaction->arena, step->name,
				  transaction->candidate.generation);
}

bool steps_stopped(struct transaction *transaction, bool (*picked)(const struct plan_step *step))
{
	for (size_t i = 0; i < transaction->plan.count; i++) {
		const struct plan_step *step = &transaction->plan.steps[i];
		struct service_status status;

		if (!picked(step) ||
		    !supervisor_status(transaction->options.supervisor, step->name, &status))
			continue;
		if (status.state != SERVICE_STOPPED &&
		    (status.pid != 0 ||
		     (status.state != SERVICE_FAILED && status.state != SERVICE_COMPLETED)))
			return false;
	}
	return true;
}

static bool write_trees(struct transaction *transaction, struct error *err)
{
	for (size_t i = 0; i < transaction->plan.count; i++) {
		const struct plan_step *step = &transaction->plan.steps[i];

		if (step_switches(step) && !tree_write(step->to, transaction->options.place,
						       transaction->candidate.generation, err))
			return false;
	}
	return true;
}

/* One may have got its name just before the agent was killed, and could be gone after a power cut. */
static bool sync_packages(struct transaction *transaction, struct error *err)
{
	for (size_t i = 0; i < transaction->to.service_count; i++)
		if (transaction->to.services[i].package)
			return file_sync_folder("packages", err);
	return true;
}

static bool open_journal(struct transaction *transaction, struct error *err)
{
	transaction->journal.phase = JOURNAL_APPLYING;
	transaction->journal.generation = transaction->candidate.generation;
	transaction->journal.attempts++;
	transaction->journal.error = NULL;
	return journal_update(transaction->options.state, &transaction->journal, err);
}

static void stop_services(struct transaction *transaction)
{
	for (size_t i = 0; i < transaction->plan.count; i++) {
		const struct plan_step *step = &transaction->plan.steps[i];
		struct error err = {0};

		/* Not running is what we want: then there is nothing to stop. */
		if (step_stops(step) &&
		    !supervisor_stop(transaction->options.supervisor, step->name, &err))
			log_debug("not stopped: %s service=%s", err.text, step->name);
	}
}

/* How things are before anything is touched; after an interruption nobody can tell any more. */
void steps_look(struct transaction *transaction)
{
	bool fresh = transaction->journal.phase == JOURNAL_NONE;

	for (size_t i = 0; i < transaction->plan.count; i++) {
		struct plan_step *step = &transaction->plan.steps[i];
		struct service_status status;

		step->was_ready = !fresh || (supervisor_status(transaction->options.supervisor,
							       step->name, &status) &&
					     status.ready);
		step->switched =
			!fresh && tree_is_on(step->name, transaction->candidate.generation);
	}
}

void apply_begin(struct transaction *transaction)
{
	struct error err = {0};

	steps_look(transaction);
	if (!sync_packages(transaction, &err) || !write_trees(transaction, &err) ||
	    !open_journal(transaction, &err)) {
		transaction_blame(transaction, "prepare", "disk", NULL, err.text);
		transaction_refuse(transaction, false);
		return;
	}
	transaction_tell(transaction, RESULT_APPLYING);
	if (transaction->journal.attempts > MAX_APPLY_ATTEMPTS) {
		transaction_blame(transaction, "apply", "interrupted", NULL,
				  "the agent was stopped again and again during this change");
		undo_begin(transaction);
		return;
	}
	stop_services(transaction);
	transaction_enter(transaction, PHASE_STOP);
}

void apply_stop(struct transaction *transaction)
{
	if (steps_stopped(transaction, step_stops)) {
		handover_begin(transaction, PHASE_TAKE);
	} else {
		transaction_wait(transaction, LOOK_AGAIN_MS);
	}
}

static bool set_service(struct transaction *transaction, const struct plan_step *step,
			struct error *err)
{
	int64_t generation = transaction->candidate.generation;

	if (step_is_agent(step))
		return true;
	switch (step->action) {
	case PLAN_KEEP:
		return true;
	case PLAN_REMOVE:
		supervisor_remove(transaction->options.supervisor, step->name);
		return true;
	default:
		return supervisor_set(transaction->options.supervisor, &step->to->spec, generation,
				      err);
	}
}

void apply_switch(struct transaction *transaction)
{
	const struct plan *plan = &transaction->plan;
	int64_t generation = transaction->candidate.generation;
	struct error err = {0};

	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_step *step = &plan->steps[i];

		/* The symlink first: what it names tells a new agent that the paths may be new. */
		if ((step_switches(step) && !tree_switch(step->name, generation, &err)) ||
		    !in_place_switch(step, transaction->options.place, &err) ||
		    !set_service(transaction, step, &err)) {
			transaction_blame(transaction, "apply", "start", step->name, err.text);
			undo_begin(transaction);
			return;
		}
	}
	handover_begin(transaction, PHASE_GIVE);
}

static void snapshot_ended(const char *failure, void *arg)
{
	struct transaction *transaction = arg;
	const struct plan_step *step = &transaction->plan.steps[transaction->copy_index];

	transaction->copy = NULL;
	if (failure) {
		transaction_blame(transaction, "apply", "snapshot", step->name, failure);
		undo_begin(transaction);
		return;
	}
	transaction->copy_index++;
	transaction_wait(transaction, 0);
}

void apply_snapshot(struct transaction *transaction)
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

		if (!in_place_save(step, transaction->candidate.generation, &err)) {
			transaction_blame(transaction, "apply", "snapshot", step->name, err.text);
			undo_begin(transaction);
			return;
		}
		if (!step_has_snapshot(step))
			continue;
		if (!copy_job_start(transaction->options.loop, false, folder, paths, count,
				    snapshot_ended, transaction, &transaction->copy, &err)) {
			transaction_blame(transaction, "apply", "snapshot", step->name, err.text);
			undo_begin(transaction);
		}
		return;
	}
	hooks_begin(transaction, HOOK_BEFORE);
}

static void blame_service(struct transaction *transaction, const char *name, const char *code,
			  const char *reason)
{
	struct msg_failure failure = {
		.phase = "verify", .code = code, .text = reason, .service = name};
	struct service_status status;

	if (supervisor_status(transaction->options.supervisor, name, &status))
		evidence_add(transaction->arena, &status, transaction->began, &failure);
	transaction_fail(transaction, &failure);
}

static bool record_packages(struct transaction *transaction, struct error *err)
{
	struct state *state = transaction->options.state;

	for (size_t i = 0; i < transaction->to.service_count; i++) {
		const struct content_package *package = transaction->to.services[i].package;

		if (package &&
		    (!packages_use(state, package->sha256, package->name, package->version,
				   transaction->candidate.generation, err) ||
		     !release_note(state, package->name, package->release,
				   transaction->to.downgrade || package->downgrade, err)))
			return false;
	}
	return true;
}

/* Sent before the result, so that who waits for that finds what runs now. */
static void report_new(struct transaction *transaction)
{
	struct arena *arena = arena_new();
	struct msg_reported reported = {
		.generation = transaction->candidate.generation,
		.digest = transaction->candidate.digest,
	};

	report_build(arena, transaction->options.supervisor, &transaction->to,
		     transaction->options.place, &reported);
	outgoing_reported(transaction->options.outgoing, &reported);
	arena_free(arena);
}

/* What is decided and what is said about it are one step: neither survives without the other. */
static bool commit(struct transaction *transaction, struct error *err)
{
	struct state *state = transaction->options.state;

	if (!state_begin(state, err))
		return false;
	bool ok = record_packages(transaction, err) && desired_commit(state, err);
	if (ok) {
		report_new(transaction);
		transaction_tell(transaction, RESULT_SUCCEEDED);
	}
	return state_end(state, ok, err);
}

static void finish(struct transaction *transaction)
{
	struct error err = {0};

	if (commit(transaction, &err)) {
		upgrade_confirm(transaction->options.upgrade);
		transaction_end(transaction, TRANSACTION_COMMITTED);
		return;
	}
	/* The journal is still there, so a new agent would do the same. */
	log_error("could not commit the change: %s", err.text);
	transaction_wait(transaction, COMMIT_AGAIN_MS);
}

static enum supervisor_gate look_at(struct transaction *transaction, const struct plan_step *step,
				    const char **reason)
{
	struct service_status status;

	*reason = "it is being stopped";
	if (step->action == PLAN_KEEP)
		return GATE_OK;
	if (step_is_agent(step))
		return agent_step_look(transaction, step, reason);
	if (step->action == PLAN_REMOVE)
		return supervisor_status(transaction->options.supervisor, step->name, &status)
			       ? GATE_WAIT
			       : GATE_OK;
	return supervisor_gate(transaction->options.supervisor, step->name, transaction->to.gate_ms,
			       reason);
}

/*
 * The first that has failed, else the first that is not through the gate, NULL when all are. The agent
 * itself is looked at when all others are through.
 */
static const struct plan_step *find_waiting(struct transaction *transaction,
					    enum supervisor_gate *gate, const char **reason)
{
	const size_t count = transaction->plan.count;
	const struct plan_step *waiting = NULL;

	for (size_t i = 0; i < 2 * count; i++) {
		const struct plan_step *step = &transaction->plan.steps[i % count];
		const char *text;

		if (step_is_agent(step) != (i >= count) || (i >= count && waiting))
			continue;
		enum supervisor_gate found = look_at(transaction, step, &text);

		if (found == GATE_OK || (found == GATE_WAIT && waiting))
			continue;
		waiting = step;
		*gate = found;
		/* Valid only until the next question. */
		snprintf(transaction->reason, sizeof(transaction->reason), "%s", text);
		*reason = transaction->reason;
		if (found == GATE_FAILED)
			break;
	}
	return waiting;
}

/* Would it pass with a gate of no length? Then a newer change can wait for it. */
static bool is_ready(struct transaction *transaction, const struct plan_step *step)
{
	struct service_status status;

	return step_is_agent(step) ||
	       (supervisor_status(transaction->options.supervisor, step->name, &status) &&
		(status.ready || !status.run));
}

void apply_verify(struct transaction *transaction)
{
	enum supervisor_gate gate = GATE_OK;
	const char *reason = "";
	const struct plan_step *step = find_waiting(transaction, &gate, &reason);

	if (!step && !transaction->hooks_done) {
		hooks_begin(transaction, HOOK_AFTER);
	} else if (!step) {
		finish(transaction);
	} else if (gate == GATE_FAILED && step_is_agent(step)) {
		agent_step_blame(transaction, step);
		undo_begin(transaction);
	} else if (gate == GATE_FAILED) {
		blame_service(transaction, step->name, "gate", reason);
		undo_begin(transaction);
	} else if (clock_boottime() > transaction->deadline) {
		blame_service(transaction, step->name, "deadline",
			      arena_printf(transaction->arena, "not healthy in time: %s", reason));
		undo_begin(transaction);
	} else if (transaction->superseded && !is_ready(transaction, step)) {
		transaction_blame(transaction, "verify", "superseded", step->name,
				  "a newer desired state came before the service was ready");
		undo_begin(transaction);
	} else {
		transaction_wait(transaction, LOOK_AGAIN_MS);
	}
}
