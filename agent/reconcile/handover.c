/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of a change, and of its undoing, in which programs from before Muster are stopped or
 * started again: one child after the other, each service at most once.
 */
#include <string.h>

#include "base/log.h"
#include "reconcile/take_over.h"
#include "reconcile/transaction_internal.h"

enum hand { HAND_NONE, HAND_TAKE, HAND_BACK };

static bool declares(const struct content_service *service)
{
	return service && service->run &&
	       (service->spec.change.take_over.unit || service->spec.change.take_over.pid_file);
}

/* Does this change take something over that was not before? */
static bool takes(const struct plan_step *step)
{
	return declares(step->to) && !declares(step->from);
}

static bool gives(const struct plan_step *step)
{
	return step->action == PLAN_REMOVE && declares(step->from);
}

static enum hand hand_of(struct transaction *transaction, const struct plan_step *step)
{
	switch (transaction->phase) {
	case PHASE_TAKE:
		return takes(step) && !step->switched ? HAND_TAKE : HAND_NONE;
	case PHASE_GIVE:
		return gives(step) ? HAND_BACK : HAND_NONE;
	default:
		return takes(step) ? HAND_BACK : gives(step) ? HAND_TAKE : HAND_NONE;
	}
}

static void go_on(struct transaction *transaction)
{
	switch (transaction->phase) {
	case PHASE_TAKE:
		transaction->copy_index = 0;
		transaction_enter(transaction, PHASE_SNAPSHOT);
		break;
	case PHASE_GIVE:
		transaction_tell(transaction, RESULT_VERIFYING);
		transaction_enter(transaction, PHASE_VERIFY);
		break;
	default:
		undo_start(transaction);
	}
}

static void failed(struct transaction *transaction, const struct plan_step *step, const char *text)
{
	if (transaction->phase == PHASE_UNDO_HAND) {
		undo_note(transaction, step->name, text);
		return;
	}
	transaction_blame(transaction, "apply", "take_over", step->name, text);
	undo_begin(transaction);
}

static void hand_ended(const char *failure, void *arg)
{
	struct transaction *transaction = arg;
	const struct plan_step *step = &transaction->plan.steps[transaction->hand_index];

	transaction->copy = NULL;
	transaction->hand_index++;
	if (failure)
		failed(transaction, step, failure);
	/* Where a failure has led elsewhere, this is the turn that goes there. */
	transaction_wait(transaction, 0);
}

/* Undoing gives back only what this change took; removing gives back whatever was taken. */
static const char *const *arguments_of(struct transaction *transaction,
				       const struct plan_step *step, enum hand hand)
{
	int64_t generation = transaction->candidate.generation;
	const struct content_service *service = declares(step->to) ? step->to : step->from;

	if (hand == HAND_TAKE)
		return take_over_arguments(transaction->arena, &service->spec, generation);
	return give_back_arguments(transaction->arena, step->name, gives(step) ? 0 : generation);
}

void handover_begin(struct transaction *transaction, enum phase phase)
{
	transaction->hand_index = 0;
	transaction_enter(transaction, phase);
}

void handover_continue(struct transaction *transaction)
{
	struct error err = {0};

	if (transaction->copy)
		return;
	for (; transaction->hand_index < transaction->plan.count; transaction->hand_index++) {
		const struct plan_step *step = &transaction->plan.steps[transaction->hand_index];
		enum hand hand = hand_of(transaction, step);

		if (hand == HAND_NONE)
			continue;
		log_info("%s service=%s",
			 hand == HAND_TAKE ? "taking over" : "giving back what was taken over",
			 step->name);
		if (copy_job_run(transaction->options.loop, arguments_of(transaction, step, hand),
				 hand_ended, transaction, &transaction->copy, &err))
			return;
		failed(transaction, step, err.text);
		if (transaction->phase != PHASE_UNDO_HAND)
			return;
	}
	go_on(transaction);
}
