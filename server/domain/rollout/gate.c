/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "domain/rollout/advance_internal.h"
#include "domain/rollout/failures.h"
#include "domain/rollout/rollout.h"
#include "store/rollout_steps.h"
#include "store/rollouts.h"

/* Puts back what the rollout has changed (wave 0: everywhere); where nothing is left to put back, fails. */
static bool put_back(struct ctx *ctx, struct advance *job, int64_t wave, const char *reason,
		     struct error *err)
{
	struct rollout back;
	struct error why;

	/* A rollback that fails is for a person. */
	if (job->rollout.rollback_of != NULL)
		return rollout_move(ctx, &job->rollout, ROLLOUT_PAUSE, reason, err);
	if (rollout_roll_back_wave(ctx, job->id, wave, reason, &back, &why))
		return rollouts_get(ctx, job->id, &job->rollout, err);
	if (why.code != ERR_CONFLICT) {
		*err = why;
		return false;
	}
	/* Every node has put itself back already. */
	return rollout_move(ctx, &job->rollout, wave == 0 ? ROLLOUT_FAIL : ROLLOUT_PAUSE, reason,
			    err);
}

static bool stop(struct ctx *ctx, struct advance *job, int64_t wave, const char *reason,
		 struct error *err)
{
	if (!rollout_waves_set_state(ctx, job->id, wave, "failed", 0, err))
		return false;
	job->changed = true;
	job->busy = true;
	switch (job->strategy.on_failure) {
	case ON_FAILURE_FAIL:
		return rollout_move(ctx, &job->rollout, ROLLOUT_FAIL, reason, err);
	case ON_FAILURE_ROLLBACK:
		return put_back(ctx, job, 0, reason, err);
	case ON_FAILURE_ROLLBACK_WAVE:
		return put_back(ctx, job, wave, reason, err);
	case ON_FAILURE_PAUSE:
		return rollout_move(ctx, &job->rollout, ROLLOUT_PAUSE, reason, err);
	}
	return true;
}

/* Nodes of the wave that have a part in it: those that were left out are no measure. */
static int64_t part_of(const struct rollout_wave *wave)
{
	return wave->counts.total - wave->counts.skipped;
}

static bool above_share(int64_t number, const struct rollout_wave *wave, int64_t percent)
{
	return percent >= 0 && number * 100 > part_of(wave) * percent;
}

static const char *too_many_failed(struct ctx *ctx, const struct gate *gate,
				   const struct rollout_wave *wave)
{
	int64_t failed = wave->counts.failed - wave->forgiven;
	long long no = (long long)wave->no, total = (long long)part_of(wave);

	if (gate->max_failures >= 0 && failed > gate->max_failures)
		return arena_printf(ctx->arena, "wave %lld: %lld of %lld failed, %lld allowed", no,
				    (long long)failed, total, (long long)gate->max_failures);
	if (above_share(failed, wave, gate->max_failed_percent))
		return arena_printf(ctx->arena, "wave %lld: %lld of %lld failed, %lld%% allowed",
				    no, (long long)failed, total,
				    (long long)gate->max_failed_percent);
	return NULL;
}

static const char *too_many_away(struct ctx *ctx, const struct gate *gate,
				 const struct rollout_wave *wave)
{
	int64_t away = wave->unreachable - wave->forgiven_unreachable;

	if (!above_share(away, wave, gate->max_unreachable_percent))
		return NULL;
	return arena_printf(ctx->arena,
			    "wave %lld: %lld of %lld cannot be reached since they were told, "
			    "%lld%% allowed",
			    (long long)wave->no, (long long)away, (long long)part_of(wave),
			    (long long)gate->max_unreachable_percent);
}

static bool alert_fired(struct ctx *ctx, const struct advance *job, const struct rollout_wave *wave,
			const char **reason, struct error *err)
{
	enum alert_bar bar = job->strategy.gate.alert;
	const char *summary, *node;

	if (bar == ALERT_BAR_NONE)
		return true;
	/* What fired before a person went on was seen by that person. */
	if (!rollout_waves_alert(ctx, job->id, wave->no, ALERT_BAR_NAMES + bar,
				 (size_t)(ALERT_BAR_CRITICAL + 1 - bar), job->rollout.state_since,
				 &summary, &node, err))
		return false;
	if (summary != NULL)
		*reason = arena_printf(ctx->arena, "wave %lld: an alert fired on %s: %s",
				       (long long)wave->no, node, summary);
	return true;
}

bool gate_check(struct ctx *ctx, struct advance *job, const struct rollout_wave *wave,
		bool *stopped, struct error *err)
{
	const struct gate *gate = &job->strategy.gate;
	const char *reason = too_many_failed(ctx, gate, wave);

	if (reason == NULL)
		reason = too_many_away(ctx, gate, wave);
	if (reason == NULL && !alert_fired(ctx, job, wave, &reason, err))
		return false;
	*stopped = reason != NULL;
	return reason == NULL || stop(ctx, job, wave->no, reason, err);
}

bool gate_observe(struct ctx *ctx, struct advance *job, const struct rollout_wave *wave,
		  bool *stopped, struct error *err)
{
	const struct gate *gate = &job->strategy.gate;
	int64_t unwell;
	const char *example;

	if (!rollout_steps_unwell(ctx, job->id, wave->no, &unwell, &example, err))
		return false;
	*stopped = (gate->max_failures >= 0 && unwell > gate->max_failures) ||
		   above_share(unwell, wave, gate->max_failed_percent);
	if (!*stopped)
		return true;
	return stop(ctx, job, wave->no,
		    arena_printf(ctx->arena,
				 "wave %lld: %lld nodes became unwell while it was observed, first "
				 "%s",
				 (long long)wave->no, (long long)unwell, example),
		    err);
}

bool gate_check_kinds(struct ctx *ctx, struct advance *job, bool *stopped, struct error *err)
{
	const char *why;

	*stopped = false;
	if (job->strategy.new_failure != NEW_FAILURE_STOP)
		return true;
	if (!failures_obstacle(ctx, job->id, &why, err))
		return false;
	*stopped = why != NULL;
	return !*stopped || rollout_move(ctx, &job->rollout, ROLLOUT_PAUSE, why, err);
}
