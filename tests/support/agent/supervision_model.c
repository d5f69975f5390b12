/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/supervision_model.h"

#include <string.h>

#include "test.h"

void model_begin(struct model *model, int64_t now)
{
	*model = (struct model){.now = now, .resting = SERVICE_STOPPED, .ready_since = MODEL_NEVER};
}

bool model_wanted(const struct model *model)
{
	return model->spec && model->spec->run && !model->halted;
}

enum service_state model_state(const struct model *model)
{
	if (!model->alive)
		return model->resting;
	if (model->duty == DUTY_LIVE)
		return model->standing;
	return model->duty == DUTY_END ? SERVICE_STOPPING : SERVICE_RESTARTING;
}

static void model_start_between(struct model *model, int64_t from, int64_t to, bool counted)
{
	model->starts = true;
	model->starts_from = from;
	model->starts_to = to;
	model->counted = counted;
	model->resting = SERVICE_BACKOFF;
}

static void model_rest(struct model *model, enum service_state state)
{
	model->starts = false;
	model->resting = state;
}

/* --- probes --- */

static void model_stand(struct model *model, enum service_state state)
{
	if (state == model->standing)
		return;
	if (model->standing == SERVICE_RUNNING)
		model->ready_ms = model->now - model->ready_since;
	model->ready_since = state == SERVICE_RUNNING ? model->now : MODEL_NEVER;
	model->standing = state;
}

/* How many probes of this use have the verdict? */
static int model_count(const struct model *model, bool liveness, enum probe_verdict verdict)
{
	int count = 0;

	for (size_t i = 0; i < model->spec->probe_count; i++) {
		const struct probe_spec *spec = &model->spec->probes[i];

		count += (liveness ? spec->liveness : spec->readiness) &&
			 model->probes[i].verdict == verdict;
	}
	return count;
}

static void model_judge(struct model *model)
{
	if (!model->alive || model->duty != DUTY_LIVE)
		return;
	if (model_count(model, true, PROBE_BAD) > 0) {
		model_stand(model, SERVICE_STARTING);
		model->duty = DUTY_SICK;
	} else if (model_count(model, false, PROBE_BAD) > 0) {
		model_stand(model, SERVICE_UNHEALTHY);
	} else if (model_count(model, false, PROBE_UNKNOWN) == 0) {
		model_stand(model, SERVICE_RUNNING);
	}
}

/* taken_over: the process was there before these probes were. */
static void model_probes_begin(struct model *model, bool taken_over)
{
	for (size_t i = 0; i < MODEL_MAX_PROBES; i++)
		model->probes[i].asked_at = MODEL_NEVER;
	for (size_t i = 0; i < model->spec->probe_count; i++) {
		const struct probe_spec *spec = &model->spec->probes[i];
		bool settled =
			spec->kind == PROBE_PROCESS || (spec->kind == PROBE_LOG && taken_over);

		model->probes[i] = (struct model_probe){
			.verdict = settled ? PROBE_GOOD : PROBE_UNKNOWN,
			.begun = model->now,
			.asked_at = MODEL_NEVER,
			.next = settled ? MODEL_NEVER
					: model->now +
						  (spec->interval_ms < 20 ? spec->interval_ms : 20),
		};
	}
	model_judge(model);
}

static int model_last(const struct model_probe *probe, int last, bool good)
{
	size_t from = probe->count > (size_t)last ? probe->count - (size_t)last : 0;
	int found = 0;

	for (size_t i = from; i < probe->count; i++)
		found += probe->answers[i] == good;
	return found;
}

static void model_answered(struct model *model, size_t index, bool good)
{
	const struct probe_spec *spec = &model->spec->probes[index];
	struct model_probe *probe = &model->probes[index];
	bool patient = !probe->was_good && model->now - probe->begun < spec->start_grace_ms;

	if (probe->count == MODEL_MAX_LIST) {
		/* None looks further back than this. */
		probe->count = SPEC_MAX_ANSWERS;
		memmove(probe->answers, probe->answers + MODEL_MAX_LIST - SPEC_MAX_ANSWERS,
			SPEC_MAX_ANSWERS);
	}
	probe->answers[probe->count++] = good;
	probe->asked_at = MODEL_NEVER;
	if (!patient && model_last(probe, spec->failure_of, false) >= spec->failure)
		probe->verdict = PROBE_BAD;
	else if (model_last(probe, spec->success_of, true) >= spec->success)
		probe->verdict = PROBE_GOOD;
	probe->was_good = probe->was_good || probe->verdict == PROBE_GOOD;
	if (probe->verdict == PROBE_GOOD && spec->kind == PROBE_LOG)
		probe->next = MODEL_NEVER;
	else if (!probe->was_good && spec->interval_ms > 200)
		probe->next = model->now + 200;
	else
		probe->next = model->now + spec->interval_ms;
	model_judge(model);
}

void model_saw_attempt(struct model *model, size_t index, bool silent, bool good)
{
	struct model_probe *probe = &model->probes[index];

	assert_true(model->alive && model->duty == DUTY_LIVE);
	assert_int_equal(probe->next, model->now);
	probe->next = MODEL_NEVER;
	if (silent)
		probe->asked_at = model->now;
	else
		model_answered(model, index, good);
}

void model_saw_given_up(struct model *model, size_t index)
{
	struct model_probe *probe = &model->probes[index];

	if (!model->alive || model->duty != DUTY_LIVE || probe->asked_at == MODEL_NEVER)
		return;
	assert_int_equal(model->now, probe->asked_at + model->spec->probes[index].timeout_ms);
	model_answered(model, index, false);
}

/* --- starts and ends --- */

void model_saw_start(struct model *model)
{
	assert_false(model->alive);
	assert_true(model->starts);
	assert_in_range(model->now, model->starts_from, model->starts_to);
	model->restarts += model->counted;
	model->starts = false;
	model->alive = true;
	model->duty = DUTY_LIVE;
	model->standing = SERVICE_STARTING;
	model->ready_since = MODEL_NEVER;
	model->ready_ms = 0;
}

void model_saw_process(struct model *model)
{
	model->started++;
	model_probes_begin(model, false);
}

/* By anybody but the one who was asked for: no. */
void model_saw_stop(struct model *model, int signal_number, int64_t grace_ms)
{
	assert_true(model->alive && model->duty != DUTY_LIVE);
	assert_int_equal(signal_number, model->spec->stop_signal);
	assert_int_equal(grace_ms, model->spec->stop_grace_ms);
}

static void model_crashed(struct model *model, bool success)
{
	const struct restart_spec *policy = &model->spec->restart;
	int64_t recent = 0, delay = policy->delay_ms;

	if (policy->policy == RESTART_NEVER || (policy->policy == RESTART_ON_FAILURE && success)) {
		model_rest(model, success ? SERVICE_COMPLETED : SERVICE_FAILED);
		return;
	}
	if (model->ready_ms >= policy->window_ms) {
		model->exit_count = 0;
		model->on_trial = false;
	}
	model->exits[model->exit_count++] = model->now;
	for (size_t i = 0; i < model->exit_count; i++)
		recent += model->now - model->exits[i] <= policy->window_ms;
	if (model->on_trial || recent >= policy->burst) {
		model->on_trial = true;
		model->exit_count = 0;
		model->held++;
		model_start_between(model, model->now + policy->hold_ms,
				    model->now + policy->hold_ms, true);
		model->resting = SERVICE_HELD;
		return;
	}
	for (int64_t i = 2; i < recent && delay < policy->max_delay_ms; i++)
		delay *= 2;
	if (delay > policy->max_delay_ms)
		delay = policy->max_delay_ms;
	if (recent <= 1)
		delay = 0;
	model_start_between(model, model->now + delay - delay / 4, model->now + delay, true);
}

void model_saw_end(struct model *model, bool success)
{
	assert_true(model->alive);
	if (model->standing == SERVICE_RUNNING && model->duty == DUTY_LIVE)
		model_stand(model, SERVICE_STARTING);
	model->ended++;
	model->alive = false;
	switch (model->duty) {
	case DUTY_END:
		model_rest(model, SERVICE_STOPPED);
		break;
	case DUTY_END_AND_START:
		model_start_between(model, model->now, model->now, false);
		break;
	case DUTY_SICK:
		model_crashed(model, false);
		break;
	case DUTY_LIVE:
		model_crashed(model, success);
		break;
	}
}

/* --- what is asked for --- */

static void model_forget(struct model *model)
{
	model->exit_count = 0;
	model->on_trial = false;
}

/* other: a process that runs must be another one. */
static void model_wants(struct model *model, bool other)
{
	model_forget(model);
	if (!model->alive)
		model_start_between(model, model->now, model->now, false);
	else if (other || model->duty != DUTY_LIVE)
		model->duty = DUTY_END_AND_START;
}

static void model_unwanted(struct model *model)
{
	if (model->alive)
		model->duty = DUTY_END;
	else
		model_rest(model, SERVICE_STOPPED);
}

void model_asked_spec(struct model *model, const struct service_spec *spec, bool changed,
		      bool other)
{
	model->spec = spec;
	model->halted = false;
	if (!spec->run) {
		model_unwanted(model);
		return;
	}
	if (!changed && !model->alive && model->resting == SERVICE_COMPLETED)
		return;
	model_wants(model, other);
	if (changed && model->alive && model->duty == DUTY_LIVE)
		model_probes_begin(model, true);
}

void model_asked_command(struct model *model, bool restart)
{
	model->halted = false;
	model_wants(model, restart);
}

void model_asked_stop(struct model *model)
{
	model->halted = true;
	model_unwanted(model);
}

int64_t model_next(const struct model *model)
{
	int64_t next = model->starts ? model->starts_to : MODEL_NEVER;

	for (size_t i = 0; model->alive && model->duty == DUTY_LIVE && i < model->spec->probe_count;
	     i++) {
		const struct model_probe *probe = &model->probes[i];
		int64_t at = probe->asked_at == MODEL_NEVER
				     ? probe->next
				     : probe->asked_at + model->spec->probes[i].timeout_ms;

		if (at != MODEL_NEVER && (next == MODEL_NEVER || at < next))
			next = at;
	}
	return next;
}

void model_settled(const struct model *model)
{
	int64_t next = model_next(model);

	if (model->starts)
		assert_true(model->starts_to > model->now);
	assert_true(next == MODEL_NEVER || next > model->now);
}
