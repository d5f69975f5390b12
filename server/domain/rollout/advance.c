/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/advance.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "domain/rollout/advance_internal.h"
#include "domain/rollout/failures.h"
#include "domain/rollout/rollout.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/rollout_steps.h"
#include "store/rollouts.h"
#include "store/scheduler_leases.h"

/* All steps that were told, and those that may still be. */
static const char *const OPEN_STATES[] = {"queued",   "sent",	   "accepted", "fetching",
					  "applying", "verifying", "pending"};
enum { OPEN_COUNT = sizeof(OPEN_STATES) / sizeof(OPEN_STATES[0]), TOLD_COUNT = OPEN_COUNT - 1 };

/* Steps that the wave, and so the end of the rollout, waits for. */
static int64_t outstanding(const struct strategy *strategy, const struct rollout_wave *wave)
{
	int64_t all = wave->counts.pending + wave->counts.in_progress + wave->counts.offline;

	return strategy->offline == OFFLINE_LATER ? all - wave->waiting_offline - wave->told_offline
						  : all;
}

/* How many may be told now: of all waves that have begun. */
static int64_t room_of(const struct strategy *strategy, const struct rollout_wave *waves,
		       int64_t current)
{
	int64_t waiting = 0, in_flight = 0;

	for (int64_t i = 0; i < current; i++) {
		const struct rollout_wave *wave = &waves[i];
		waiting += wave->waiting;
		in_flight += wave->counts.in_progress + wave->counts.offline -
			     wave->waiting_offline - wave->told_offline;
	}
	if (strategy->max_parallel > 0 && strategy->max_parallel - in_flight < waiting)
		return strategy->max_parallel - in_flight;
	return waiting;
}

/* Nodes that are offline at their turn, where the strategy does not wait for them. */
static bool leave_offline(struct ctx *ctx, struct advance *job, const struct rollout_wave *waves,
			  int64_t current, struct error *err)
{
	enum step_event event =
		job->strategy.offline == OFFLINE_SKIP ? STEP_EVENT_SKIP : STEP_EVENT_FAIL;
	const char *sources[STEP_STATE_COUNT];
	struct step_move move = rollout_step_move(event, "the node is offline", sources);
	int64_t moved;

	if (job->strategy.offline != OFFLINE_SKIP && job->strategy.offline != OFFLINE_FAIL)
		return true;
	for (int64_t i = 0; i < current; i++) {
		if (waves[i].waiting_offline == 0)
			continue;
		if (!rollout_steps_move_offline(ctx, job->id, waves[i].no, &move, &moved, err))
			return false;
		job->changed |= moved > 0;
		job->busy |= moved > 0;
	}
	return true;
}

static bool finish(struct ctx *ctx, struct advance *job, const struct rollout_wave *waves,
		   size_t wave_count, struct error *err)
{
	long long away = 0;

	for (size_t i = 0; i < wave_count; i++)
		away += waves[i].waiting_offline + waves[i].told_offline;
	if (job->strategy.follow) {
		job->waits = "follows: nodes that appear or match later get it too";
		return true;
	}
	return rollout_move(ctx, &job->rollout, ROLLOUT_FINISH,
			    away > 0 ? arena_printf(ctx->arena,
						    "%lld offline nodes get it when they are back",
						    away)
				     : NULL,
			    err);
}

/* no: the wave that has passed, 0 before the first. */
static bool next_wave(struct ctx *ctx, struct advance *job, int64_t no,
		      const struct rollout_wave *waves, size_t wave_count, struct error *err)
{
	if (no > 0 && !rollout_waves_set_state(ctx, job->id, no, "succeeded", 0, err))
		return false;
	job->changed = true;
	job->busy = true;
	if (no == (int64_t)wave_count)
		return finish(ctx, job, waves, wave_count, err);
	return rollouts_set_wave(ctx, job->id, no + 1, err) &&
	       rollout_waves_set_state(ctx, job->id, no + 1, "running", 0, err);
}

static bool begin(struct ctx *ctx, struct advance *job, const struct rollout_wave *waves,
		  size_t wave_count, struct error *err)
{
	const struct strategy *strategy = &job->strategy;
	char at[TIME_TEXT_SIZE];

	if (strategy->start_at > ctx->now) {
		time_format(strategy->start_at, at);
		job->waits = arena_printf(ctx->arena, "starts at %s", at);
		return true;
	}
	if (strategy->rollout_deadline_ms > 0 &&
	    !rollouts_set_deadline(ctx, job->id,
				   ctx->now + strategy->rollout_deadline_ms * USEC_PER_MSEC, err))
		return false;
	return next_wave(ctx, job, 0, waves, wave_count, err);
}

/* Waves that were passed go on, too: nodes that come back, retries, what a person promoted past. */
static bool check_gates(struct ctx *ctx, struct advance *job, const struct rollout_wave *waves,
			int64_t current, bool *stopped, struct error *err)
{
	*stopped = false;
	for (int64_t i = 0; i < current && !*stopped; i++)
		if (!gate_check(ctx, job, &waves[i], stopped, err))
			return false;
	return true;
}

static int64_t left_in(const struct advance *job, const struct rollout_wave *waves, int64_t count)
{
	int64_t left = 0;

	for (int64_t i = 0; i < count; i++)
		left += outstanding(&job->strategy, &waves[i]);
	return left;
}

static bool advance_wave(struct ctx *ctx, struct advance *job, const struct rollout_wave *waves,
			 size_t wave_count, struct error *err)
{
	int64_t no = job->rollout.current_wave;
	const struct rollout_wave *wave = &waves[no - 1];
	bool last = no == (int64_t)wave_count, stopped;

	if (strcmp(wave->state, "pending") == 0) {
		job->changed = true;
		if (!rollout_waves_set_state(ctx, job->id, no, "running", 0, err))
			return false;
	}
	if (!check_gates(ctx, job, waves, no, &stopped, err) ||
	    (!stopped && !gate_check_kinds(ctx, job, &stopped, err)))
		return false;
	if (stopped)
		return true;
	if (!leave_offline(ctx, job, waves, no, err) ||
	    !turn_take(ctx, job, room_of(&job->strategy, waves, no), err))
		return false;
	if (strcmp(wave->state, "succeeded") == 0)
		return finish(ctx, job, waves, wave_count, err);
	if (outstanding(&job->strategy, wave) > 0 || (last && left_in(job, waves, no) > 0))
		return true;

	if (strcmp(wave->state, "soaking") == 0) {
		if (!gate_observe(ctx, job, wave, &stopped, err))
			return false;
		return stopped || ctx->now < wave->soak_until ||
		       next_wave(ctx, job, no, waves, wave_count, err);
	}
	if (job->strategy.soak_ms > 0) {
		job->changed = true;
		return rollout_waves_set_state(ctx, job->id, no, "soaking",
					       ctx->now + job->strategy.soak_ms * USEC_PER_MSEC,
					       err);
	}
	return next_wave(ctx, job, no, waves, wave_count, err);
}

static bool run(struct ctx *ctx, struct advance *job, struct error *err)
{
	struct rollout_wave *waves;
	size_t count;

	if (!sweep_retries(ctx, job, err) || !sweep_expired(ctx, job, err) ||
	    !rollout_waves_list(ctx, job->id, &waves, &count, err))
		return false;
	if (job->strategy.follow && !follow_look(ctx, job, (int64_t)count, err))
		return false;
	bool good = job->rollout.current_wave == 0 ? begin(ctx, job, waves, count, err)
						   : advance_wave(ctx, job, waves, count, err);
	if (!good)
		return false;
	return rollout_state_of(&job->rollout) != ROLLOUT_RUNNING ||
	       rollouts_set_reason(ctx, job->id, job->waits, err);
}

/* A rollout that has passed all its gates: nodes that were away have their turn when they are back. */
static bool catch_up(struct ctx *ctx, struct advance *job, struct error *err)
{
	int64_t room = ROLLOUT_BATCH;

	if (job->strategy.max_parallel > 0 && job->strategy.max_parallel < room)
		room = job->strategy.max_parallel;
	return turn_take(ctx, job, room, err) &&
	       rollouts_settle(ctx, job->id, OPEN_STATES, OPEN_COUNT, err);
}

static bool advance(struct ctx *ctx, void *arg, struct error *err)
{
	struct advance *job = arg;

	job->busy = job->changed = false;
	job->waits = NULL;
	if (!scheduler_leases_confirm(ctx, err) ||
	    !rollouts_lock(ctx, job->id, &job->rollout, err) ||
	    !strategy_decode(job->rollout.strategy, ctx->arena, &job->strategy, err) ||
	    !sweep_steps(ctx, job, err) || !failures_note(ctx, job->id, NULL, err))
		return false;

	bool good = true;
	switch (rollout_state_of(&job->rollout)) {
	case ROLLOUT_DRAFT:
	case ROLLOUT_AWAITING_APPROVAL:
	case ROLLOUT_STATE_COUNT:
		break;
	case ROLLOUT_RUNNING:
		good = run(ctx, job, err);
		break;
	case ROLLOUT_SUCCEEDED:
		good = catch_up(ctx, job, err);
		break;
	case ROLLOUT_FAILED:
	case ROLLOUT_ABORTED:
		good = sweep_away(ctx, job, err) &&
		       rollouts_settle(ctx, job->id, OPEN_STATES, TOLD_COUNT, err);
		break;
	case ROLLOUT_PAUSED:
	case ROLLOUT_ROLLING_BACK:
	case ROLLOUT_ROLLED_BACK:
		good = rollouts_settle(ctx, job->id, OPEN_STATES, TOLD_COUNT, err);
		break;
	}
	return good && (!job->changed || changes_insert(ctx, "rollout", job->id, err));
}

struct stuck {
	const char *id;
	const char *why;
};

static bool pause_stuck(struct ctx *ctx, void *arg, struct error *err)
{
	const struct stuck *stuck = arg;
	struct rollout rollout;

	if (!scheduler_leases_confirm(ctx, err) || !rollouts_lock(ctx, stuck->id, &rollout, err))
		return false;
	return rollout_state_of(&rollout) != ROLLOUT_RUNNING ||
	       rollout_move(ctx, &rollout, ROLLOUT_PAUSE,
			    arena_printf(ctx->arena, "cannot go on: %s", stuck->why), err);
}

/* Looking again would fail again: a person has to see it, and may resume or abort. */
static void give_to_a_person(struct ctx *ctx, const char *id, const struct error *why)
{
	struct stuck stuck = {id, arena_strdup(ctx->arena, why->text)};
	struct error err;

	if (!db_transaction(ctx, pause_stuck, &stuck, &err))
		log_error("could not pause a rollout that cannot go on: %s rollout=%s", err.text,
			  id);
}

bool rollouts_advance(struct ctx *ctx, bool *busy, struct error *err)
{
	struct rollout *open;
	bool all_good = true;
	size_t count;

	*busy = false;
	if (!rollouts_unsettled(ctx, &open, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct advance job = {.id = open[i].id};
		struct error why;
		ctx->project_id = open[i].project_id;
		bool good = db_transaction(ctx, advance, &job, &why);
		if (!good && why.code != ERR_UNAVAILABLE && why.code != ERR_TIMEOUT &&
		    why.code != ERR_CONFLICT)
			give_to_a_person(ctx, job.id, &why);
		ctx->project_id = NULL;
		if (good) {
			*busy |= job.busy;
			continue;
		}
		/* What is wrong with one must not hold up the others, which may be of other projects. */
		all_good = false;
		*err = why;
		error_prefix(err, "rollout %lld", (long long)open[i].number);
		if (err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT)
			return false;
	}
	return all_good;
}
