/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks of a change, one after the other, each under the deadline of the change too. Which ones
 * are done is on disk, so that an agent that dies does not run them a second time; only a hook
 * that was cut off itself, with the machine, is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "protocol/limits.h"
#include "reconcile/transaction_internal.h"

#define DONE_KEY "hooks" /* of the state file: "<generation> <kind>.<service> ..." */

static const char *word_of(struct transaction *transaction, const struct plan_step *step)
{
	return arena_printf(transaction->arena, "%s.%s", hook_kind_name(transaction->hook_kind),
			    step->name);
}

static bool is_done(struct transaction *transaction, const struct plan_step *step)
{
	struct arena *arena = arena_new();
	const char *wanted = word_of(transaction, step);
	struct error ignored = {0};
	char *list = NULL, *rest = NULL;
	bool done = false;

	if (state_get(transaction->options.state, DONE_KEY, arena, &list, &ignored) && list &&
	    strtoll(list, &rest, 10) == transaction->candidate.generation)
		for (char *word = strtok_r(rest, " ", &rest); word && !done;
		     word = strtok_r(NULL, " ", &rest))
			done = strcmp(word, wanted) == 0;
	arena_free(arena);
	return done;
}

static void note_done(struct transaction *transaction, const struct plan_step *step)
{
	struct arena *arena = arena_new();
	const char *word = word_of(transaction, step);
	struct error err = {0};
	char *list = NULL, *text;

	if (state_get(transaction->options.state, DONE_KEY, arena, &list, &err) && list &&
	    strtoll(list, NULL, 10) == transaction->candidate.generation)
		text = arena_printf(arena, "%s %s", list, word);
	else
		text = arena_printf(arena, "%lld %s", (long long)transaction->candidate.generation,
				    word);
	if (!state_set(transaction->options.state, DONE_KEY, text, &err))
		log_warn("could not keep that a hook is done: %s", err.text);
	arena_free(arena);
}

static const struct hook_spec *hook_of(struct transaction *transaction,
				       const struct plan_step *step)
{
	const struct hook_spec *hook;

	if (!step_switches(step) || !step->to->run)
		return NULL;
	/* What comes before the switch is done where the switch is. */
	if (transaction->hook_kind == HOOK_BEFORE && step->switched)
		return NULL;
	hook = &step->to->spec.change.hooks[transaction->hook_kind];
	return hook->command_count > 0 && !is_done(transaction, step) ? hook : NULL;
}

static void blame_hook(struct transaction *transaction, const struct plan_step *step,
		       const struct hook_result *result)
{
	static const char *const CODES[] = {
		[HOOK_FAILED] = "hook_failed",
		[HOOK_TRY_AGAIN] = "hook_try_again",
		[HOOK_TIMED_OUT] = "hook_timed_out",
	};
	const char *kind = hook_kind_name(transaction->hook_kind);
	struct msg_failure failure = {
		.phase = arena_printf(transaction->arena, "hook_%s", kind),
		.code = CODES[result->end],
		.text = arena_printf(transaction->arena, "the hook %s %s", kind, result->text),
		.service = step->name,
		.has_exit = true,
		.exit = {.code = result->code, .signal = result->signal},
	};

	if (result->end == HOOK_TIMED_OUT)
		failure.text =
			arena_printf(transaction->arena, "%s: it took too long", failure.text);
	if (result->stderr_size > 0)
		failure.stderr_text = text_clean(transaction->arena, result->stderr_tail,
						 result->stderr_size, LIMIT_STDERR, true);
	transaction_fail(transaction, &failure);
	undo_begin(transaction);
}

static void hook_ended(const struct hook_result *result, void *arg)
{
	struct transaction *transaction = arg;
	const struct plan_step *step = &transaction->plan.steps[transaction->hook_index];
	const struct hook_spec *hook = &step->to->spec.change.hooks[transaction->hook_kind];

	transaction->hook = NULL;
	log_info("hook %s %s service=%s", hook_kind_name(transaction->hook_kind), result->text,
		 step->name);
	if (result->end == HOOK_DONE) {
		note_done(transaction, step);
		transaction->hook_index++;
		transaction->hook_attempts = 0;
		transaction_wait(transaction, 0);
	} else if (result->end == HOOK_TRY_AGAIN && transaction->hook_attempts < hook->attempts &&
		   !transaction->superseded &&
		   clock_boottime() + hook->delay_ms * USEC_PER_MSEC < transaction->deadline) {
		transaction_wait(transaction, hook->delay_ms);
	} else {
		blame_hook(transaction, step, result);
	}
}

static const char *version_of(const struct content_service *service)
{
	return service && service->package ? service->package->version : "";
}

static bool start_hook(struct transaction *transaction, const struct plan_step *step,
		       const struct hook_spec *hook, struct error *err)
{
	struct arena *arena = transaction->arena;
	int64_t generation = transaction->candidate.generation;
	int64_t left_ms = (transaction->deadline - clock_boottime()) / USEC_PER_MSEC;
	const char *const env[] = {
		arena_printf(arena, "MUSTER_HOOK=%s", hook_kind_name(transaction->hook_kind)),
		arena_printf(arena, "MUSTER_SERVICE=%s", step->name),
		arena_printf(arena, "MUSTER_GENERATION=%lld", (long long)generation),
		arena_printf(arena, "MUSTER_OLD_VERSION=%s", version_of(step->from)),
		arena_printf(arena, "MUSTER_NEW_VERSION=%s", version_of(step->to)),
		arena_printf(arena, "MUSTER_CONFIG=%s/services/%s/%lld/config",
			     transaction->options.place->root, step->name, (long long)generation),
		NULL,
	};
	const struct hook_job job = {
		.supervisor = transaction->options.supervisor,
		.spec = &step->to->spec,
		.kind = transaction->hook_kind,
		.timeout_ms = left_ms < 0		   ? 0
			      : left_ms < hook->timeout_ms ? left_ms
							   : hook->timeout_ms,
		.tag = arena_printf(arena, "%lld.%s.%d", (long long)generation,
				    word_of(transaction, step), transaction->hook_attempts),
		.env = env,
		.done = hook_ended,
		.arg = transaction,
	};

	return hook_start(&job, &transaction->hook, err);
}

void hooks_begin(struct transaction *transaction, enum hook_kind kind)
{
	transaction->hook_kind = kind;
	transaction->hook_index = 0;
	transaction->hook_attempts = 0;
	transaction_enter(transaction, PHASE_HOOKS);
}

void hooks_continue(struct transaction *transaction)
{
	struct error err = {0};

	if (transaction->hook)
		return;
	for (; transaction->hook_index < transaction->plan.count; transaction->hook_index++) {
		const struct plan_step *step = &transaction->plan.steps[transaction->hook_index];
		const struct hook_spec *hook = hook_of(transaction, step);

		if (!hook)
			continue;
		transaction->hook_attempts++;
		if (!start_hook(transaction, step, hook, &err)) {
			transaction_blame(transaction, "apply", "hook_failed", step->name,
					  err.text);
			undo_begin(transaction);
		}
		return;
	}
	if (transaction->hook_kind == HOOK_BEFORE) {
		apply_switch(transaction);
		return;
	}
	transaction->hooks_done = true;
	transaction_enter(transaction, PHASE_VERIFY);
}
