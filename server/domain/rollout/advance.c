/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/advance.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "domain/desired/desired.h"
#include "domain/rollout/failures.h"
#include "domain/rollout/machine.h"
#include "domain/rollout/result.h"
#include "domain/rollout/rollout.h"
#include "domain/rollout/strategy.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/rollout_steps.h"
#include "store/rollouts.h"

/* Desired states built in one transaction: bounds how long node rows stay locked. */
enum { BUILD_BATCH = 100 };

struct advance {
	const char *id;
	struct rollout rollout;
	struct strategy strategy;
	bool busy;    /* more to do at once */
	bool changed; /* something that a dashboard shows */
};

static bool move_steps(struct ctx *ctx, struct advance *job, int64_t wave, enum step_event event,
		       const char *reason,
		       bool (*mover)(struct ctx *, const char *, int64_t, const struct step_move *,
				     int64_t *, struct error *),
		       struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	struct step_move move = rollout_step_move(event, reason, sources);
	int64_t moved;

	if (!mover(ctx, job->id, wave, &move, &moved, err))
		return false;
	job->changed |= moved > 0;
	return true;
}

/* What the facts say: nodes that arrived, retired, or took too long. */
static bool sweep(struct ctx *ctx, struct advance *job, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	const char *const *late;
	int64_t moved;
	size_t count;

	struct step_move move = rollout_step_move(STEP_EVENT_SUCCEED, NULL, sources);
	if (!rollout_steps_move_by_facts(ctx, job->id, &move, &moved, err))
		return false;
	job->changed |= moved > 0;

	move = rollout_step_move(STEP_EVENT_SKIP, "the node is retired", sources);
	if (!rollout_steps_move_retired(ctx, job->id, &move, &moved, err))
		return false;
	job->changed |= moved > 0;

	move = rollout_step_move(STEP_EVENT_TIME_OUT, NULL, sources);
	if (!rollout_steps_move_late(ctx, job->id, &move, &late, &count, err))
		return false;
	job->changed |= count > 0;
	for (size_t i = 0; i < count; i++)
		if (!rollout_restore(ctx, job->id, late[i], err))
			return false;
	return true;
}

/* --- building --- */

struct build {
	struct advance *job;
	const struct rollout_step *step;
};

/* The services of the step, to be rendered, or (in a rollback) as they were. */
static json_t *touched_services(struct ctx *ctx, const struct advance *job,
				const struct rollout_step *step)
{
	json_t *touched = json_keep(json_object(), ctx->arena), *set;
	const char *service;

	json_object_foreach (step->after != NULL ? step->after : job->rollout.resolved, service,
			     set) {
		json_t *content = json_object_get(set, "content");
		json_object_set(touched, service, content != NULL ? content : json_null());
	}
	return touched;
}

static bool build_one(struct ctx *ctx, void *arg, struct error *err)
{
	struct build *build = arg;
	const struct strategy *strategy = &build->job->strategy;
	const char *sources[STEP_STATE_COUNT];
	struct step_move sent = rollout_step_move(STEP_EVENT_SEND, NULL, sources);
	int64_t generation;
	struct desired_request request = {
		.node_id = build->step->node_id,
		.rollout_id = build->job->id,
		.attempt = build->step->attempt,
		.gate_ms = strategy->health_gate_ms,
		.deadline_ms = strategy->deadline_ms,
		.downgrade = strcmp(build->job->rollout.kind, "rollback") == 0,
		.touched = touched_services(ctx, build->job, build->step),
	};

	return desired_rebuild(ctx, &request, &generation, err) &&
	       rollout_steps_sent(ctx, build->job->id, build->step->node_id, generation, &sent,
				  err);
}

static bool fail_step(struct ctx *ctx, struct advance *job, const char *node_id,
		      const struct error *why, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	struct step_move fail =
		rollout_step_move(STEP_EVENT_FAIL, arena_strdup(ctx->arena, why->text), sources);
	bool restored;

	fail.error = json_keep(json_pack("{s:s, s:s, s:s}", "phase", "build", "code",
					 error_code_name(why->code), "text", why->text),
			       ctx->arena);
	/* Nothing was sent, so the rows alone go back: no new generation. */
	return rollout_steps_move(ctx, job->id, 0, node_id, &fail, NULL, err) &&
	       rollout_steps_restore(ctx, job->id, node_id, &restored, err);
}

static bool build_queued(struct ctx *ctx, struct advance *job, struct error *err)
{
	struct rollout_step *steps;
	size_t count;

	if (!rollout_steps_queued(ctx, job->id, BUILD_BATCH, &steps, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct build build = {job, &steps[i]};
		struct error why;
		if (db_savepoint(ctx, build_one, &build, &why))
			continue;
		if (why.code == ERR_UNAVAILABLE || why.code == ERR_TIMEOUT ||
		    why.code == ERR_INTERNAL) {
			*err = why;
			return false;
		}
		if (!fail_step(ctx, job, steps[i].node_id, &why, err))
			return false;
	}
	job->changed |= count > 0;
	job->busy |= count > 0;
	return true;
}

/* --- waves --- */

static bool queue_more(struct ctx *ctx, struct advance *job, const struct rollout_wave *wave,
		       struct error *err)
{
	const struct strategy *strategy = &job->strategy;
	const char *sources[STEP_STATE_COUNT], *old_sources[STEP_STATE_COUNT];
	struct step_move queue = rollout_step_move(STEP_EVENT_QUEUE, NULL, sources);
	struct step_move supersede = rollout_step_move(STEP_EVENT_SUPERSEDE, NULL, old_sources);
	int64_t in_flight = wave->counts.in_progress + wave->counts.offline;
	int64_t room = wave->counts.pending, queued;

	if (strategy->offline == OFFLINE_SKIP &&
	    !move_steps(ctx, job, wave->no, STEP_EVENT_SKIP, "the node is offline",
			rollout_steps_move_offline, err))
		return false;
	if (strategy->offline == OFFLINE_FAIL &&
	    !move_steps(ctx, job, wave->no, STEP_EVENT_FAIL, "the node is offline",
			rollout_steps_move_offline, err))
		return false;
	if (strategy->max_parallel > 0 && strategy->max_parallel - in_flight < room)
		room = strategy->max_parallel - in_flight;
	if (room <= 0)
		return true;
	if (!rollout_steps_queue(ctx, job->id, wave->no, room,
				 ctx->now + strategy->deadline_ms * USEC_PER_MSEC, &queue,
				 &supersede, &queued, err))
		return false;
	job->changed |= queued > 0;
	return true;
}

static bool stop_at_gate(struct ctx *ctx, struct advance *job, int64_t wave, const char *reason,
			 struct error *err)
{
	struct rollout back;

	if (!rollout_waves_set_state(ctx, job->id, wave, "failed", 0, err))
		return false;
	switch (job->strategy.on_failure) {
	case ON_FAILURE_FAIL:
		return rollout_move(ctx, &job->rollout, ROLLOUT_FAIL, reason, err);
	case ON_FAILURE_ROLLBACK:
		if (job->rollout.rollback_of == NULL) {
			struct error why;
			if (rollout_roll_back(ctx, job->id, NULL, &back, &why))
				return true;
			if (why.code != ERR_CONFLICT) {
				*err = why;
				return false;
			}
			/* Every node has put itself back already. */
			return rollout_move(ctx, &job->rollout, ROLLOUT_FAIL, reason, err);
		}
		/* A rollback that fails is for a person. */
		return rollout_move(ctx, &job->rollout, ROLLOUT_PAUSE, reason, err);
	case ON_FAILURE_PAUSE:
		return rollout_move(ctx, &job->rollout, ROLLOUT_PAUSE, reason, err);
	}
	return true;
}

/* A kind of failure that no rollout had before is for a person, however few nodes it has hit. */
static bool check_kinds(struct ctx *ctx, struct advance *job, bool *stopped, struct error *err)
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

/* failures is how many count, beyond those that a person accepted. */
static bool check_gate(struct ctx *ctx, struct advance *job, const struct rollout_wave *wave,
		       bool *stopped, struct error *err)
{
	int64_t failures = wave->counts.failed - wave->forgiven;

	*stopped = failures > job->strategy.max_failures;
	if (!*stopped)
		return true;
	return stop_at_gate(ctx, job, wave->no,
			    arena_printf(ctx->arena, "wave %lld: %lld of %lld failed, %lld allowed",
					 (long long)wave->no, (long long)failures,
					 (long long)wave->counts.total,
					 (long long)job->strategy.max_failures),
			    err);
}

static bool check_soak(struct ctx *ctx, struct advance *job, const struct rollout_wave *wave,
		       bool *passed, struct error *err)
{
	int64_t unwell;
	const char *example;

	*passed = false;
	if (!rollout_steps_unwell(ctx, job->id, wave->no, &unwell, &example, err))
		return false;
	if (unwell > job->strategy.max_failures)
		return stop_at_gate(ctx, job, wave->no,
				    arena_printf(ctx->arena,
						 "wave %lld: %lld nodes became unwell while it was "
						 "observed, first %s",
						 (long long)wave->no, (long long)unwell, example),
				    err);
	*passed = ctx->now >= wave->soak_until;
	return true;
}

static bool next_wave(struct ctx *ctx, struct advance *job, int64_t no, size_t wave_count,
		      struct error *err)
{
	if (no > 0 && !rollout_waves_set_state(ctx, job->id, no, "succeeded", 0, err))
		return false;
	job->changed = true;
	job->busy = true;
	if (no == (int64_t)wave_count)
		return rollout_move(ctx, &job->rollout, ROLLOUT_FINISH, NULL, err);
	return rollouts_set_wave(ctx, job->id, no + 1, err);
}

static int64_t outstanding(const struct rollout_wave *wave)
{
	return wave->counts.pending + wave->counts.in_progress + wave->counts.offline;
}

/*
 * Waves that a person promoted past are not waited for by the next one, but they go on, and the rollout does
 * not end before they have.
 */
static bool advance_promoted(struct ctx *ctx, struct advance *job, const struct rollout_wave *waves,
			     int64_t current, int64_t *left, struct error *err)
{
	*left = 0;
	for (int64_t i = 0; i < current - 1; i++) {
		*left += outstanding(&waves[i]);
		if (waves[i].counts.pending > 0 && !queue_more(ctx, job, &waves[i], err))
			return false;
	}
	return true;
}

static bool advance_wave(struct ctx *ctx, struct advance *job, const struct rollout_wave *waves,
			 int64_t no, size_t wave_count, struct error *err)
{
	const struct rollout_wave *wave = &waves[no - 1];
	bool stopped, passed;
	int64_t left;

	if (strcmp(wave->state, "pending") == 0) {
		job->changed = true;
		if (!rollout_waves_set_state(ctx, job->id, wave->no, "running", 0, err))
			return false;
	}
	if (!check_gate(ctx, job, wave, &stopped, err))
		return false;
	if (stopped)
		return true;
	if (!check_kinds(ctx, job, &stopped, err))
		return false;
	if (stopped)
		return true;
	if (!advance_promoted(ctx, job, waves, no, &left, err) ||
	    (wave->counts.pending > 0 && !queue_more(ctx, job, wave, err)) ||
	    !build_queued(ctx, job, err))
		return false;
	if (outstanding(wave) > 0 || (no == (int64_t)wave_count && left > 0))
		return true;

	if (strcmp(wave->state, "soaking") == 0) {
		if (!check_soak(ctx, job, wave, &passed, err))
			return false;
		return !passed || next_wave(ctx, job, wave->no, wave_count, err);
	}
	if (job->strategy.soak_ms > 0) {
		job->changed = true;
		return rollout_waves_set_state(ctx, job->id, wave->no, "soaking",
					       ctx->now + job->strategy.soak_ms * USEC_PER_MSEC,
					       err);
	}
	return next_wave(ctx, job, wave->no, wave_count, err);
}

static bool advance(struct ctx *ctx, void *arg, struct error *err)
{
	struct advance *job = arg;
	struct rollout_wave *waves;
	size_t wave_count;

	job->busy = job->changed = false;
	if (!rollouts_lock(ctx, job->id, &job->rollout, err))
		return false;
	if (rollout_state_of(&job->rollout) != ROLLOUT_RUNNING)
		return true;
	if (!strategy_decode(job->rollout.strategy, ctx->arena, &job->strategy, err) ||
	    !sweep(ctx, job, err) || !failures_note(ctx, job->id, NULL, err) ||
	    !rollout_waves_list(ctx, job->id, &waves, &wave_count, err))
		return false;

	int64_t no = job->rollout.current_wave;
	bool good = no == 0 ? next_wave(ctx, job, 0, wave_count, err)
			    : advance_wave(ctx, job, waves, no, wave_count, err);
	return good && (!job->changed || changes_insert(ctx, "rollout", job->id, err));
}

bool rollouts_advance(struct ctx *ctx, bool *busy, struct error *err)
{
	struct rollout *running;
	bool all_good = true;
	size_t count;

	*busy = false;
	if (!rollouts_running(ctx, &running, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct advance job = {.id = running[i].id};
		struct error why;
		ctx->project_id = running[i].project_id;
		bool good = db_transaction(ctx, advance, &job, &why);
		ctx->project_id = NULL;
		if (good) {
			*busy |= job.busy;
			continue;
		}
		/* What is wrong with one must not hold up the others, which may be of other projects. */
		all_good = false;
		*err = why;
		error_prefix(err, "rollout %lld", (long long)running[i].number);
		if (err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT)
			return false;
	}
	return all_good;
}
