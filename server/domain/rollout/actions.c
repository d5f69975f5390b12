/* SPDX-License-Identifier: Apache-2.0 */
/* The buttons of a rollout. */
#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "domain/audit/audit.h"
#include "domain/rollout/rollout.h"
#include "domain/rollout/strategy.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/rollout_failures.h"
#include "store/rollout_steps.h"
#include "store/rollouts.h"

static bool same_text(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* By this very actor, or by the same person through a token or in a browser. */
static bool made_by(const struct rollout *rollout, const struct actor *actor)
{
	return same_text(rollout->created_by, actor->name) ||
	       same_text(rollout->created_by_user, actor->user_id);
}

const char *rollout_action_obstacle(const struct ctx *ctx, const struct rollout *rollout,
				    enum rollout_event event, size_t wave_count)
{
	const char *why = rollout_obstacle(rollout_state_of(rollout), event);

	if (why != NULL)
		return why;
	if (event == ROLLOUT_PROMOTE && rollout->current_wave >= (int64_t)wave_count)
		return "this is the last wave";
	if (event == ROLLOUT_FINISH && !json_is_true(json_object_get(rollout->strategy, "follow")))
		return "it ends by itself: it does not follow";
	if (event == ROLLOUT_APPROVE && made_by(rollout, ctx->actor))
		return "a second person must approve it";
	if (event == ROLLOUT_APPROVE && ctx->actor->role < ROLE_APPROVER)
		return "it takes the role approver";
	if (event != ROLLOUT_APPROVE && ctx->actor->role < ROLE_OPERATOR)
		return "it takes the role operator";
	return NULL;
}

/* What failed in the current wave no longer counts. */
static bool forgive(struct ctx *ctx, const struct rollout *rollout, struct error *err)
{
	if (!rollout_failures_accept(ctx, rollout->id, err))
		return false;
	return rollout->current_wave == 0 ||
	       rollout_waves_forgive(ctx, rollout->id, rollout->current_wave, err);
}

static bool promote(struct ctx *ctx, struct rollout *rollout, struct error *err)
{
	int64_t wave = rollout->current_wave;

	if (!forgive(ctx, rollout, err) ||
	    (wave > 0 && !rollout_waves_set_state(ctx, rollout->id, wave, "succeeded", 0, err)))
		return false;
	rollout->current_wave = wave + 1;
	return rollouts_set_wave(ctx, rollout->id, wave + 1, err);
}

static bool retry(struct ctx *ctx, const struct rollout *rollout, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	struct step_move again = rollout_step_move(STEP_EVENT_RETRY, NULL, sources);
	int64_t moved;

	if (!rollout_steps_move(ctx, rollout->id, 0, NULL, &again, &moved, err))
		return false;
	if (moved == 0)
		return error_set(err, ERR_CONFLICT, "cannot retry: no step has failed");
	return forgive(ctx, rollout, err);
}

/* A person who goes on after the deadline has lifted it. */
static bool outlive(struct ctx *ctx, const struct rollout *rollout, struct error *err)
{
	return rollout->deadline_at == 0 || ctx->now < rollout->deadline_at ||
	       rollouts_set_deadline(ctx, rollout->id, 0, err);
}

static bool stop_pending(struct ctx *ctx, const struct rollout *rollout, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	struct step_move skip =
		rollout_step_move(STEP_EVENT_SKIP, "the rollout was aborted", sources);

	return rollout_steps_move(ctx, rollout->id, 0, NULL, &skip, NULL, err);
}

static bool act_on(struct ctx *ctx, struct rollout *rollout, enum rollout_event *event,
		   struct error *err)
{
	struct strategy strategy;

	switch (*event) {
	case ROLLOUT_START:
		if (!strategy_decode(rollout->strategy, ctx->arena, &strategy, err))
			return false;
		if (strategy.approval)
			*event = ROLLOUT_ASK;
		return true;
	case ROLLOUT_APPROVE:
		return rollouts_set_approved(ctx, rollout->id, ctx->actor->name, err);
	case ROLLOUT_RESUME:
		return forgive(ctx, rollout, err) && outlive(ctx, rollout, err);
	case ROLLOUT_PROMOTE:
		return promote(ctx, rollout, err) && outlive(ctx, rollout, err);
	case ROLLOUT_RETRY:
		return retry(ctx, rollout, err) && outlive(ctx, rollout, err);
	case ROLLOUT_ABORT:
		return stop_pending(ctx, rollout, err);
	default:
		return true;
	}
}

struct act_job {
	const char *id;
	enum rollout_event event;
	struct rollout *out;
};

static bool act(struct ctx *ctx, void *arg, struct error *err)
{
	struct act_job *job = arg;
	enum rollout_event event = job->event;
	struct rollout rollout;
	struct rollout_wave *waves;
	size_t wave_count;

	if (!rollouts_lock(ctx, job->id, &rollout, err) ||
	    !rollout_waves_list(ctx, job->id, &waves, &wave_count, err))
		return false;
	const char *why = rollout_action_obstacle(ctx, &rollout, event, wave_count);
	if (why != NULL)
		return error_set(err, ERR_CONFLICT, "cannot %s rollout %lld: %s",
				 ROLLOUT_EVENT_NAMES[event], (long long)rollout.number, why);

	const char *reason = NULL;
	if (event == ROLLOUT_PAUSE || event == ROLLOUT_ABORT)
		reason = arena_printf(ctx->arena, "by %s", ctx->actor->name);
	if (!act_on(ctx, &rollout, &event, err) || !rollout_move(ctx, &rollout, event, reason, err))
		return false;
	return audit_write(ctx,
			   arena_printf(ctx->arena, "rollout.%s", ROLLOUT_EVENT_NAMES[job->event]),
			   "rollout", rollout.id,
			   json_pack("{s:I, s:I}", "number", (json_int_t)rollout.number, "wave",
				     (json_int_t)rollout.current_wave),
			   err) &&
	       rollouts_get(ctx, rollout.id, job->out, err);
}

bool rollout_act(struct ctx *ctx, const char *id, enum rollout_event event, struct rollout *out,
		 struct error *err)
{
	struct act_job job = {id, event, out};

	return db_transaction(ctx, act, &job, err);
}

const char *rollout_force_obstacle(const struct ctx *ctx, const struct rollout *rollout)
{
	enum rollout_state state = rollout_state_of(rollout);

	if (json_array_size(json_object_get(rollout->strategy, "windows")) == 0)
		return "it has no update windows";
	if (rollout->forced)
		return "it is forced already";
	if (state != ROLLOUT_RUNNING && state != ROLLOUT_PAUSED && state != ROLLOUT_SUCCEEDED)
		return rollout_obstacle(state, ROLLOUT_PAUSE);
	if (ctx->actor->role < ROLE_OPERATOR)
		return "it takes the role operator";
	return NULL;
}

static bool force(struct ctx *ctx, void *arg, struct error *err)
{
	struct act_job *job = arg;
	struct rollout rollout;

	if (!rollouts_lock(ctx, job->id, &rollout, err))
		return false;
	const char *why = rollout_force_obstacle(ctx, &rollout);
	if (why != NULL)
		return error_set(err, ERR_CONFLICT, "cannot force rollout %lld: %s",
				 (long long)rollout.number, why);
	return rollouts_set_forced(ctx, rollout.id, err) &&
	       audit_write(ctx, "rollout.force", "rollout", rollout.id,
			   json_pack("{s:I}", "number", (json_int_t)rollout.number), err) &&
	       changes_insert(ctx, "rollout", rollout.id, err) &&
	       db_notify(ctx->db, DB_CHANNEL_SCHEDULER, err) &&
	       rollouts_get(ctx, rollout.id, job->out, err);
}

bool rollout_force(struct ctx *ctx, const char *id, struct rollout *out, struct error *err)
{
	struct act_job job = {.id = id, .out = out};

	return db_transaction(ctx, force, &job, err);
}
