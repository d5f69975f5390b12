/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/rollout.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "base/id.h"
#include "domain/alert/event.h"
#include "domain/audit/audit.h"
#include "domain/inventory/selection.h"
#include "domain/rollout/plan.h"
#include "domain/rollout/strategy.h"
#include "domain/rollout/waves.h"
#include "domain/rollout/windows.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/rollout_steps.h"
#include "store/rollouts.h"

enum rollout_state rollout_state_of(const struct rollout *rollout)
{
	return (enum rollout_state)names_find(ROLLOUT_STATE_NAMES, rollout->state);
}

struct step_move rollout_step_move(enum step_event event, const char *reason,
				   const char *sources[STEP_STATE_COUNT])
{
	return (struct step_move){
		.sources = sources,
		.source_count = step_sources(event, sources),
		.target = STEP_STATE_NAMES[step_target(event)],
		.reason = reason,
	};
}

bool rollout_announce(struct ctx *ctx, const struct rollout *rollout, struct error *err)
{
	json_t *data = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s?}", "id", rollout->id, "number",
				 (json_int_t)rollout->number, "name", rollout->name, "kind",
				 rollout->kind, "state", rollout->state, "reason", rollout->reason);

	return event_emit(ctx, arena_printf(ctx->arena, "rollout.%s", rollout->state), data, err) &&
	       changes_insert(ctx, "rollout", rollout->id, err) &&
	       db_notify(ctx->db, DB_CHANNEL_SCHEDULER, err);
}

/* The rollout that this one rolls back shares its fate. */
static bool move_original(struct ctx *ctx, const struct rollout *rollout, enum rollout_event event,
			  struct error *err)
{
	struct rollout original;
	enum rollout_event theirs;

	if (rollout->rollback_of == NULL)
		return true;
	if (event == ROLLOUT_FINISH)
		theirs = ROLLOUT_BACK_DONE;
	else if (event == ROLLOUT_ABORT || event == ROLLOUT_FAIL || event == ROLLOUT_ROLL_BACK)
		theirs = ROLLOUT_BACK_STOPPED;
	else
		return true;
	if (!rollouts_lock(ctx, rollout->rollback_of, &original, err))
		return false;
	if (rollout_state_of(&original) != ROLLOUT_ROLLING_BACK)
		return true;
	return rollout_move(
		ctx, &original, theirs,
		theirs == ROLLOUT_BACK_DONE
			? arena_printf(ctx->arena, "rollout %lld restored what ran before",
				       (long long)rollout->number)
			: arena_printf(ctx->arena, "rollout %lld, which rolls it back, has stopped",
				       (long long)rollout->number),
		err);
}

bool rollout_move(struct ctx *ctx, struct rollout *rollout, enum rollout_event event,
		  const char *reason, struct error *err)
{
	enum rollout_state next;

	if (!rollout_next(rollout_state_of(rollout), event, &next))
		return rollout_refuse(rollout_state_of(rollout), event, err);
	rollout->state = ROLLOUT_STATE_NAMES[next];
	rollout->reason = reason;
	rollout->revision++;
	return rollouts_set_state(ctx, rollout->id, rollout->state, reason,
				  rollout_state_final(next), err) &&
	       rollout_announce(ctx, rollout, err) && move_original(ctx, rollout, event, err);
}

/* --- create --- */

struct create_job {
	const struct rollout_request *request;
	struct rollout *out;
};

static bool plan_check(struct ctx *ctx, const struct rollout_request *request,
		       const struct plan *plan, struct error *err)
{
	if (plan->node_count == 0)
		return error_set_field(err, ERR_INVALID, "targets",
				       "no node matches (\"*\" selects all)");
	if (request->plan_hash != NULL && strcmp(request->plan_hash, plan->hash) != 0)
		return error_set_field(err, ERR_CONFLICT, "plan_hash",
				       "the fleet or what is to change has moved since it was "
				       "planned: plan again (the answer has the "
				       "plan of now)");
	if (!selection_confirm(plan->everything, (int64_t)plan->node_count, plan->confirmed,
			       "targets.confirm_count", err))
		return false;
	for (size_t i = 0; i < plan->node_count && plan->blocked > 0; i++)
		if (plan->nodes[i].group->blocked != NULL)
			return error_set_field(
				err, ERR_INVALID, "targets", "node %s: %s%s",
				plan->nodes[i].node->name, plan->nodes[i].group->blocked,
				plan->blocked > 1 ? " (and more, see the plan)" : "");
	if (plan->strategy.gate.max_failures >= (int64_t)plan->node_count && plan->node_count > 1)
		return error_set_field(err, ERR_INVALID, "strategy.max_failures",
				       "with %zu nodes, %lld failures would never stop it",
				       plan->node_count,
				       (long long)plan->strategy.gate.max_failures);
	if (plan->strategy.follow && json_object_get(request->targets, "selector") == NULL)
		return error_set_field(
			err, ERR_INVALID, "strategy.follow",
			"nodes that match later need a selector, not a list of nodes");
	return windows_check_times(ctx, &plan->strategy, err);
}

static bool insert_waves(struct ctx *ctx, const char *id, const struct plan *plan,
			 struct error *err)
{
	for (size_t i = 0; i < plan->wave_count; i++)
		if (!rollout_waves_insert(ctx, id, (int64_t)i + 1, plan->wave_sizes[i],
					  plan->wave_labels[i], err))
			return false;
	return true;
}

static bool insert_steps(struct ctx *ctx, const char *id, const struct plan *plan,
			 struct error *err)
{
	const char **nodes = arena_array(ctx->arena, plan->node_count, sizeof(*nodes));
	const char **waves = arena_array(ctx->arena, plan->node_count, sizeof(*waves));

	for (size_t i = 0; i < plan->node_count; i++) {
		nodes[i] = plan->nodes[i].node->id;
		waves[i] = arena_printf(ctx->arena, "%lld", (long long)plan->nodes[i].wave);
	}
	return rollout_steps_insert(ctx, id, nodes, waves, plan->node_count, err);
}

static const char *new_id(struct ctx *ctx)
{
	char id[ID_SIZE];

	id_random(id, "");
	return arena_strdup(ctx->arena, id);
}

static bool create(struct ctx *ctx, void *arg, struct error *err)
{
	struct create_job *job = arg;
	const struct rollout_request *request = job->request;
	const struct plan_request wanted = {
		.changes = request->changes,
		.targets = request->targets,
		.strategy = request->strategy,
	};
	struct plan plan;

	if (!plan_make(ctx, &wanted, &plan, err))
		return false;
	if (request->planned != NULL)
		*request->planned = plan;
	if (!plan_check(ctx, request, &plan, err))
		return false;

	struct rollout rollout = {
		.id = new_id(ctx),
		.project_id = ctx->project_id,
		.name = request->name,
		.kind = "change",
		.state = request->draft		  ? "draft"
			 : plan.strategy.approval ? "awaiting_approval"
						  : "running",
		.changes = request->changes,
		.resolved = plan.resolved,
		.targets = request->targets,
		.strategy = json_keep(strategy_encode(&plan.strategy), ctx->arena),
		.priority = plan.strategy.priority,
		.plan_hash = plan.hash,
		.created_by = ctx->actor->name,
		.created_by_user = ctx->actor->user_id,
		.reason = !request->draft && plan.strategy.approval
				  ? "waits for a second person to approve it"
				  : NULL,
	};
	return rollouts_insert(ctx, &rollout, err) && insert_waves(ctx, rollout.id, &plan, err) &&
	       insert_steps(ctx, rollout.id, &plan, err) &&
	       audit_write(ctx, "rollout.create", "rollout", rollout.id,
			   json_pack("{s:I, s:s, s:O, s:O, s:I}", "number",
				     (json_int_t)rollout.number, "name", rollout.name, "changes",
				     request->changes, "targets", request->targets, "nodes",
				     (json_int_t)plan.node_count),
			   err) &&
	       rollout_announce(ctx, &rollout, err) && rollouts_get(ctx, rollout.id, job->out, err);
}

bool rollout_create(struct ctx *ctx, const struct rollout_request *request, struct rollout *out,
		    struct error *err)
{
	struct create_job job = {request, out};

	return db_transaction(ctx, create, &job, err);
}

/* --- roll back --- */

struct rollback_job {
	const char *id;
	json_t *strategy;
	int64_t wave; /* 0: all */
	const char *reason;
	struct rollout *out;
};

static bool deal_rollback_waves(struct ctx *ctx, const char *id, const struct strategy *strategy,
				int64_t node_count, struct error *err)
{
	int64_t sizes[ROLLOUT_WAVES_MAX];
	const char *texts[ROLLOUT_WAVES_MAX];
	size_t count = waves_split(strategy, node_count, sizes);

	for (size_t i = 0; i < count; i++)
		texts[i] = arena_printf(ctx->arena, "%lld", (long long)sizes[i]);
	for (size_t i = 1; i < count; i++)
		if (!rollout_waves_insert(ctx, id, (int64_t)i + 1, sizes[i], NULL, err))
			return false;
	return rollout_steps_set_waves(ctx, id, texts, count, err);
}

/* What has not begun there is not begun any more; of one wave only that one is undone. */
static bool leave_original(struct ctx *ctx, const struct rollback_job *job,
			   struct rollout *original, const struct rollout *back, struct error *err)
{
	const char *sources[STEP_STATE_COUNT];
	struct step_move skip = rollout_step_move(
		STEP_EVENT_SKIP, "the rollout was rolled back before its turn", sources);

	if (job->wave > 0)
		return rollout_move(ctx, original, ROLLOUT_PAUSE,
				    arena_printf(ctx->arena, "%s; rollout %lld rolls it back",
						 job->reason, (long long)back->number),
				    err);
	return rollout_steps_move(ctx, original->id, 0, NULL, &skip, NULL, err) &&
	       rollout_move(ctx, original, ROLLOUT_ROLL_BACK,
			    arena_printf(ctx->arena, "rollout %lld rolls it back",
					 (long long)back->number),
			    err);
}

static bool roll_back(struct ctx *ctx, void *arg, struct error *err)
{
	struct rollback_job *job = arg;
	struct rollout original;
	struct strategy strategy;
	int64_t node_count;

	if (!strategy_decode(job->strategy, ctx->arena, &strategy, err) ||
	    !rollouts_lock(ctx, job->id, &original, err))
		return false;
	enum rollout_event event = job->wave == 0 ? ROLLOUT_ROLL_BACK : ROLLOUT_PAUSE;
	enum rollout_state next;
	if (!rollout_next(rollout_state_of(&original), event, &next))
		return rollout_refuse(rollout_state_of(&original), event, err);

	struct rollout rollout = {
		.id = new_id(ctx),
		.project_id = ctx->project_id,
		.name = job->wave == 0 ? arena_printf(ctx->arena, "Roll back %s", original.name)
				       : arena_printf(ctx->arena, "Roll back wave %lld of %s",
						      (long long)job->wave, original.name),
		.kind = "rollback",
		.state = "running",
		.changes = original.changes,
		.targets = original.targets,
		.strategy = json_keep(strategy_encode(&strategy), ctx->arena),
		.rollback_of = original.id,
		/* What it undoes must not go before it. */
		.priority = original.priority > strategy.priority ? original.priority
								  : strategy.priority,
		.created_by = ctx->actor->name,
		.created_by_user = ctx->actor->user_id,
	};
	if (!rollouts_insert(ctx, &rollout, err) ||
	    !rollout_waves_insert(ctx, rollout.id, 1, 0, NULL, err) ||
	    !rollout_steps_insert_rollback(ctx, rollout.id, original.id, job->wave, &node_count,
					   err))
		return false;
	if (node_count == 0)
		return error_set(err, ERR_CONFLICT,
				 "cannot roll back: no node still runs what it changed");
	return deal_rollback_waves(ctx, rollout.id, &strategy, node_count, err) &&
	       leave_original(ctx, job, &original, &rollout, err) &&
	       audit_write(ctx, "rollout.rollback", "rollout", original.id,
			   json_pack("{s:s, s:I, s:I}", "by", rollout.id, "number",
				     (json_int_t)rollout.number, "nodes", (json_int_t)node_count),
			   err) &&
	       rollout_announce(ctx, &rollout, err) && rollouts_get(ctx, rollout.id, job->out, err);
}

bool rollout_roll_back(struct ctx *ctx, const char *id, json_t *strategy, struct rollout *out,
		       struct error *err)
{
	struct rollback_job job = {.id = id, .strategy = strategy, .out = out};

	return db_transaction(ctx, roll_back, &job, err);
}

bool rollout_roll_back_wave(struct ctx *ctx, const char *id, int64_t wave, const char *reason,
			    struct rollout *out, struct error *err)
{
	struct rollback_job job = {.id = id, .wave = wave, .reason = reason, .out = out};

	return db_savepoint(ctx, roll_back, &job, err);
}
