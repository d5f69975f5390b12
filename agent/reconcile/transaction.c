/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/transaction_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "protocol/limits.h"
#include "reconcile/failure.h"
#include "reconcile/in_place.h"
#include "reconcile/take_over.h"
#include "state/packages.h"
#include "telemetry/host.h"

static void advance(void *arg)
{
	static void (*const PHASES[])(struct transaction *) = {
		[PHASE_FETCH] = fetching_continue, [PHASE_STOP] = apply_stop,
		[PHASE_TAKE] = handover_continue,  [PHASE_SNAPSHOT] = apply_snapshot,
		[PHASE_GIVE] = handover_continue,  [PHASE_UNDO_HAND] = handover_continue,
		[PHASE_HOOKS] = hooks_continue,	   [PHASE_VERIFY] = apply_verify,
		[PHASE_UNDO_STOP] = undo_stop,	   [PHASE_UNDO_RESTORE] = undo_restore,
		[PHASE_UNDO_VERIFY] = undo_verify,
	};
	struct transaction *transaction = arg;

	transaction->timer = 0;
	if (transaction->phase == PHASE_ENDED)
		transaction->options.ended(transaction->end, transaction->options.arg);
	else if (PHASES[transaction->phase])
		PHASES[transaction->phase](transaction);
}

void transaction_wait(struct transaction *transaction, int64_t delay_ms)
{
	loop_timer_cancel(transaction->options.loop, transaction->timer);
	transaction->timer =
		loop_timer_set(transaction->options.loop, delay_ms, advance, transaction);
}

void transaction_enter(struct transaction *transaction, enum phase phase)
{
	transaction->phase = phase;
	transaction_wait(transaction, 0);
}

void transaction_tell(struct transaction *transaction, enum result_state state)
{
	const struct msg_result result = {
		.generation = transaction->candidate.generation,
		.digest = transaction->candidate.digest,
		.rollout = transaction->to.rollout,
		.state = state,
		.service = transaction->has_failure ? transaction->failure.service : NULL,
		.has_progress = transaction->account.fetched_bytes > 0,
		.done_bytes = transaction->account.fetched_bytes,
		.total_bytes = transaction->account.fetched_bytes,
		.saved_bytes = transaction->account.saved_bytes,
		.has_error = transaction->has_failure,
		.error = transaction->failure,
	};

	transaction->told = state;
	log_info("change is %s generation=%lld%s%s", RESULT_STATE_NAMES[state],
		 (long long)result.generation, result.has_error ? " reason=" : "",
		 result.has_error ? result.error.text : "");
	outgoing_result(transaction->options.outgoing, &result);
}

static const char *clean(struct transaction *transaction, const char *text)
{
	return text ? text_clean(transaction->arena, text, strlen(text), LIMIT_TEXT, false) : NULL;
}

void transaction_fail(struct transaction *transaction, const struct msg_failure *failure)
{
	struct msg_failure *kept = &transaction->failure;

	if (transaction->has_failure)
		return;
	transaction->has_failure = true;
	*kept = *failure;
	kept->phase = arena_strdup(transaction->arena, failure->phase);
	kept->code = arena_strdup(transaction->arena, failure->code);
	kept->text = clean(transaction, failure->text);
	kept->service = arena_strdup(transaction->arena, failure->service);
	kept->stderr_text = clean(transaction, failure->stderr_text);
	kept->probe.text = clean(transaction, failure->probe.text);
}

void transaction_blame(struct transaction *transaction, const char *phase, const char *code,
		       const char *service, const char *text)
{
	const struct msg_failure failure = {
		.phase = phase, .code = code, .text = text, .service = service};

	transaction_fail(transaction, &failure);
}

void transaction_end(struct transaction *transaction, enum transaction_end end)
{
	transaction->end = end;
	transaction_enter(transaction, PHASE_ENDED);
}

bool transaction_decide(struct transaction *transaction, enum result_state state, bool keep,
			struct error *err)
{
	struct state *store = transaction->options.state;
	const struct verdict verdict = {
		.generation = transaction->candidate.generation,
		.state = RESULT_STATE_NAMES[state],
		.error = failure_text(&transaction->failure, transaction->arena),
	};

	if (!state_begin(store, err))
		return false;
	bool ok =
		keep ? verdict_insert(store, transaction->candidate.digest, &verdict, err)
		     : desired_delete(store, DESIRED_CANDIDATE, err) && journal_delete(store, err);
	transaction_tell(transaction, state);
	if (!state_end(store, ok, err))
		return false;
	upgrade_forget(transaction->options.upgrade);
	return true;
}

void transaction_refuse(struct transaction *transaction, bool final)
{
	struct error err = {0};

	if (!final)
		transaction_tell(transaction, RESULT_REFUSED);
	else if (!transaction_decide(transaction, RESULT_REFUSED, true, &err))
		log_error("could not keep the verdict: %s", err.text);
	transaction_end(transaction, final ? TRANSACTION_REFUSED : TRANSACTION_POSTPONED);
}

/* An older release than one that ran is refused unless the desired state asks for it. */
static bool check_releases(struct transaction *transaction, const char **service, struct error *err)
{
	for (size_t i = 0; i < transaction->to.service_count; i++) {
		const struct content_package *package = transaction->to.services[i].package;
		int64_t counter;

		if (!package || package->downgrade || transaction->to.downgrade)
			continue;
		*service = transaction->to.services[i].name;
		if (!release_find(transaction->options.state, package->name, &counter, err))
			return false;
		if (package->release < counter)
			return error_set(err, ERR_CONFLICT,
					 "release %lld of %s is older than %lld, which ran here; "
					 "set downgrade to allow it",
					 (long long)package->release, package->name,
					 (long long)counter);
	}
	*service = NULL;
	return true;
}

/* What was given back is of the past, also when an agent died before it could forget it. */
static void forget_originals(struct transaction *transaction)
{
	const struct content *from = transaction->options.from;

	/* Something may be in force that nobody can read, or that was lost: then nothing is past. */
	if (!from &&
	    (transaction->options.from_generation > 0 || state_trouble(transaction->options.state)))
		return;
	for (size_t i = 0; i < transaction->plan.count; i++)
		in_place_forget(transaction->plan.steps[i].name,
				from ? content_find(from, transaction->plan.steps[i].name) : NULL);
}

/* Two of a program that is to be adopted would fight over its files and ports. */
static bool check_rivals(struct transaction *transaction, const char **service, struct error *err)
{
	for (size_t i = 0; i < transaction->plan.count; i++) {
		const struct plan_step *step = &transaction->plan.steps[i];
		const struct change_spec *change = step->to ? &step->to->spec.change : NULL;
		pid_t rival;

		if (step->action != PLAN_ADD || !step->to->run || !change->adopts ||
		    change->take_over.unit || change->take_over.pid_file)
			continue;
		rival = take_over_rival(&step->to->spec);
		if (rival == 0)
			continue;
		*service = step->name;
		return error_set(err, ERR_CONFLICT,
				 "%s runs already, outside of Muster, as process %d: stop it and "
				 "keep it from starting, or name it in take_over of the manifest",
				 step->to->spec.command[0], (int)rival);
	}
	return true;
}

static const char *code_of(const struct error *err)
{
	switch (err->code) {
	case ERR_FORBIDDEN:
		return "untrusted";
	case ERR_CONFLICT:
		return "downgrade";
	default:
		return error_code_name(err->code);
	}
}

static bool prepare(struct transaction *transaction, const char **service, struct error *err)
{
	const struct desired_record *candidate = &transaction->candidate;

	if (!content_decode(candidate->content, strlen(candidate->content), transaction->arena,
			    &transaction->to, err) ||
	    !content_specify(&transaction->to, transaction->options.place, transaction->arena,
			     service, err) ||
	    !check_releases(transaction, service, err))
		return false;
	plan_make(transaction->arena, transaction->options.from, &transaction->to,
		  &transaction->plan);
	return true;
}

static void resume_undo(struct transaction *transaction)
{
	struct msg_failure failure;

	failure_read(transaction->journal.error, transaction->arena, &failure);
	transaction_fail(transaction, &failure);
	steps_look(transaction);
	undo_resume(transaction);
}

/*
 * Of the whole change, in boot time. An agent that starts again in the middle keeps the deadline, as
 * long as the machine has not: boot time means nothing to the next boot.
 */
static usec_t deadline_of(struct transaction *transaction)
{
	struct state *state = transaction->options.state;
	usec_t fresh = clock_boottime() + transaction->to.deadline_ms * USEC_PER_MSEC;
	char boot[BOOT_ID_SIZE], *kept = NULL;
	struct error err = {0};
	long long generation, until;

	host_boot_id(boot);
	if (transaction->journal.phase == JOURNAL_APPLYING &&
	    state_get(state, "deadline", transaction->arena, &kept, &err) && kept &&
	    strncmp(kept, boot, strlen(boot)) == 0 &&
	    sscanf(kept + strlen(boot), " %lld %lld", &generation, &until) == 2 &&
	    generation == transaction->candidate.generation && until < fresh)
		return until;
	const char *text =
		arena_printf(transaction->arena, "%s %lld %lld", boot,
			     (long long)transaction->candidate.generation, (long long)fresh);
	if (!state_set(state, "deadline", text, &err))
		log_warn("could not keep the deadline: %s", err.text);
	return fresh;
}

static void begin(void *arg)
{
	struct transaction *transaction = arg;
	const char *service = NULL;
	struct error err = {0};

	transaction->timer = 0;
	if (!prepare(transaction, &service, &err)) {
		transaction_blame(transaction, "prepare", code_of(&err), service, err.text);
		transaction_refuse(transaction, true);
		return;
	}
	for (size_t i = 0; i < transaction->plan.count; i++)
		log_debug("plan: %s service=%s",
			  plan_action_name(transaction->plan.steps[i].action),
			  transaction->plan.steps[i].name);
	transaction->deadline = deadline_of(transaction);
	if (transaction->journal.phase == JOURNAL_NONE) {
		forget_originals(transaction);
		if (!check_rivals(transaction, &service, &err)) {
			transaction_blame(transaction, "prepare", "already_running", service,
					  err.text);
			transaction_refuse(transaction, false);
			return;
		}
	}
	if (transaction->journal.phase == JOURNAL_ROLLING_BACK ||
	    transaction->journal.phase == JOURNAL_PUT_BACK)
		resume_undo(transaction);
	else
		fetching_begin(transaction);
}

struct transaction *transaction_new(const struct transaction_options *options)
{
	struct transaction *transaction = xcalloc(1, sizeof(*transaction));
	struct arena *arena = arena_new();

	transaction->arena = arena;
	transaction->options = *options;
	transaction->candidate = (struct desired_record){
		.generation = options->candidate->generation,
		.digest = arena_strdup(arena, options->candidate->digest),
		.content = arena_strdup(arena, options->candidate->content),
	};
	transaction->options.candidate = NULL;
	transaction->journal = options->journal;
	/* Of a change that goes on everything may have happened while no agent was there. */
	transaction->began = options->journal.phase == JOURNAL_NONE ? clock_now_utc() : 0;
	transaction->journal.digest = transaction->candidate.digest;
	transaction->journal.error = arena_strdup(arena, options->journal.error);
	transaction->urls = json_loads(options->candidate->fetch, 0, NULL);
	transaction->timer = loop_timer_set(options->loop, 0, begin, transaction);
	return transaction;
}

void transaction_free(struct transaction *transaction)
{
	if (!transaction)
		return;
	loop_timer_cancel(transaction->options.loop, transaction->timer);
	fetch_cancel(transaction->fetch);
	copy_job_cancel(transaction->copy);
	hook_free(transaction->hook);
	json_decref(transaction->urls);
	arena_free(transaction->arena);
	free(transaction);
}

void transaction_refresh(struct transaction *transaction, const char *fetch)
{
	json_t *urls = fetch ? json_loads(fetch, 0, NULL) : NULL;

	if (urls) {
		json_decref(transaction->urls);
		transaction->urls = urls;
	}
	if (transaction->phase == PHASE_FETCH && !transaction->fetch)
		transaction_wait(transaction, 0);
}

void transaction_supersede(struct transaction *transaction)
{
	transaction->superseded = true;
	if (transaction->phase == PHASE_BEGIN || transaction->phase == PHASE_FETCH) {
		fetch_cancel(transaction->fetch);
		transaction->fetch = NULL;
		transaction_end(transaction, TRANSACTION_CANCELLED);
	} else if (transaction->phase == PHASE_VERIFY) {
		transaction_wait(transaction, 0);
	}
}

void transaction_notice(struct transaction *transaction)
{
	switch (transaction->phase) {
	case PHASE_STOP:
	case PHASE_VERIFY:
	case PHASE_UNDO_STOP:
	case PHASE_UNDO_VERIFY:
		transaction_wait(transaction, 0);
		break;
	default:
		break;
	}
}

const char *transaction_digest(const struct transaction *transaction)
{
	return transaction->candidate.digest;
}

enum result_state transaction_state(const struct transaction *transaction)
{
	return transaction->told;
}
