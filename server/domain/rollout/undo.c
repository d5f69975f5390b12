/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/undo.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "base/id.h"
#include "domain/audit/audit.h"
#include "domain/inventory/selection.h"
#include "domain/rollout/machine.h"
#include "domain/rollout/rollout.h"
#include "store/db.h"
#include "store/history.h"
#include "store/rollouts.h"
#include "store/undo.h"

struct restore_body {
	usec_t at;
};

static const struct field RESTORE_FIELDS[] = {
	FIELD_TIME(struct restore_body, at, FIELD_REQUIRED),
	FIELD_END,
};

bool undo_is_partial(const struct undo_request *request)
{
	return request->wave > 0 || request->node_count > 0 || request->only_failed;
}

static void fill_failed_states(struct ctx *ctx, struct undo *undo)
{
	const char **states = arena_array(ctx->arena, STEP_STATE_COUNT, sizeof(*states));

	for (int state = 0; state < STEP_STATE_COUNT; state++)
		if (step_state_failure((enum step_state)state))
			states[undo->failed_state_count++] = STEP_STATE_NAMES[state];
	undo->failed_states = states;
}

/* A moment that is known, or an error with the place. */
static bool read_moment(struct ctx *ctx, json_t *restore, usec_t *out, struct error *err)
{
	struct restore_body body = {0};
	char text[TIME_TEXT_SIZE];
	usec_t start;

	if (!fields_decode(RESTORE_FIELDS, restore, FIELDS_STRICT, ctx->arena, &body, err)) {
		error_prefix_field(err, "restore");
		return false;
	}
	if (!history_start(ctx, &start, err))
		return false;
	if (body.at > ctx->now)
		return error_set_field(err, ERR_INVALID, "restore.at",
				       "this moment has not been yet");
	if (start == 0)
		return error_set_field(err, ERR_INVALID, "restore.at",
				       "no node was told anything yet");
	time_format(start, text);
	if (body.at < start)
		return error_set_field(err, ERR_INVALID, "restore.at",
				       "what nodes were told is known from %s on", text);
	*out = body.at;
	return true;
}

bool undo_plan(struct ctx *ctx, const struct undo_request *request, struct plan *out,
	       struct error *err)
{
	struct undo *undo = arena_alloc(ctx->arena, sizeof(*undo));

	*undo = (struct undo){
		.rollout_id = request->rollout_id,
		.wave = request->wave,
		.only_failed = request->only_failed,
		.nodes = request->nodes,
		.node_count = request->node_count,
	};
	fill_failed_states(ctx, undo);
	if (request->rollout_id == NULL && !read_moment(ctx, request->restore, &undo->at, err))
		return false;
	const struct plan_request wanted = {
		.undo = undo,
		.targets = request->targets,
		.strategy = request->strategy,
	};
	return plan_make(ctx, &wanted, out, err);
}

struct undo_job {
	const struct undo_request *request;
	struct rollout *out;
};

static bool check(const struct undo_request *request, const struct plan *plan, struct error *err)
{
	if (request->plan_hash != NULL && strcmp(request->plan_hash, plan->hash) != 0)
		return error_set_field(err, ERR_CONFLICT, "plan_hash",
				       "the fleet has moved since it was planned: plan again (the "
				       "answer has the plan of now)");
	if (!selection_confirm(plan->everything, (int64_t)plan->node_count, plan->confirmed,
			       "targets.confirm_count", err))
		return false;
	for (size_t i = 0; i < plan->group_count; i++)
		if (plan->groups[i]->blocked != NULL)
			return error_set_field(err, ERR_INVALID, "targets", "%lld nodes: %s",
					       (long long)plan->groups[i]->node_count,
					       plan->groups[i]->blocked);
	if (plan->change == 0)
		return error_set(
			err, ERR_CONFLICT,
			request->rollout_id != NULL
				? "nothing to undo: none of these nodes still runs what it "
				  "changed"
				: "nothing to undo: all of these nodes are as they were");
	return true;
}

/* What is shown beside the rollout. */
static json_t *describe(struct ctx *ctx, const struct undo_request *request,
			const struct plan *plan, const struct rollout *original)
{
	json_t *json = json_keep(json_object(), ctx->arena);
	char at[TIME_TEXT_SIZE];

	if (original == NULL) {
		time_format(plan->undo->at, at);
		json_object_set_new(json, "at", json_string(at));
		return json;
	}
	json_object_set_new(json, "rollout", json_string(original->id));
	json_object_set_new(json, "number", json_integer(original->number));
	if (request->wave > 0)
		json_object_set_new(json, "wave", json_integer(request->wave));
	if (request->only_failed)
		json_object_set_new(json, "only", json_string("failed"));
	if (request->node_count > 0)
		json_object_set_new(json, "nodes", json_integer((json_int_t)request->node_count));
	return json;
}

static const char *name_of(struct ctx *ctx, const struct undo_request *request,
			   const struct plan *plan, const struct rollout *original)
{
	char at[TIME_TEXT_SIZE];

	if (request->name != NULL)
		return request->name;
	if (original == NULL) {
		time_format(plan->undo->at, at);
		return arena_printf(ctx->arena, "As it was at %s", at);
	}
	if (request->wave > 0)
		return arena_printf(ctx->arena, "Roll back wave %lld of %s",
				    (long long)request->wave, original->name);
	return arena_printf(ctx->arena, "Roll back %lld nodes of %s", (long long)plan->change,
			    original->name);
}

static bool insert_steps(struct ctx *ctx, const char *id, const struct plan *plan,
			 struct error *err)
{
	const char **nodes = arena_array(ctx->arena, plan->node_count + 1, sizeof(*nodes));
	const char **waves = arena_array(ctx->arena, plan->node_count + 1, sizeof(*waves));
	size_t count = 0;

	for (size_t i = 0; i < plan->wave_count; i++)
		if (!rollout_waves_insert(ctx, id, (int64_t)i + 1, plan->wave_sizes[i],
					  plan->wave_labels[i], err))
			return false;
	for (size_t i = 0; i < plan->node_count; i++) {
		if (plan->nodes[i].wave == 0)
			continue;
		nodes[count] = plan->nodes[i].node->id;
		waves[count++] = arena_printf(ctx->arena, "%lld", (long long)plan->nodes[i].wave);
	}
	return undo_insert_steps(ctx, plan->undo, id, nodes, waves, count, err);
}

static bool create(struct ctx *ctx, void *arg, struct error *err)
{
	struct undo_job *job = arg;
	const struct undo_request *request = job->request;
	struct rollout found, *original = NULL;
	struct plan plan;
	char id[ID_SIZE];

	if (request->rollout_id != NULL) {
		if (!rollouts_lock(ctx, request->rollout_id, &found, err))
			return false;
		original = &found;
	}
	if (!undo_plan(ctx, request, &plan, err))
		return false;
	if (request->planned != NULL)
		*request->planned = plan;
	if (!check(request, &plan, err))
		return false;

	id_random(id, "");
	struct rollout rollout = {
		.id = arena_strdup(ctx->arena, id),
		.project_id = ctx->project_id,
		.name = name_of(ctx, request, &plan, original),
		.kind = "rollback",
		.state = request->draft		  ? "draft"
			 : plan.strategy.approval ? "awaiting_approval"
						  : "running",
		.changes = original ? original->changes : json_keep(json_array(), ctx->arena),
		.targets = original ? original->targets : request->targets,
		.strategy = json_keep(strategy_encode(&plan.strategy), ctx->arena),
		.plan_hash = plan.hash,
		.priority = plan.strategy.priority,
		.undo = describe(ctx, request, &plan, original),
		.created_by = ctx->actor->name,
		.created_by_user = ctx->actor->user_id,
	};
	return rollouts_insert(ctx, &rollout, err) && insert_steps(ctx, rollout.id, &plan, err) &&
	       audit_write(ctx, "rollout.undo", "rollout", rollout.id,
			   json_pack("{s:I, s:O, s:I}", "number", (json_int_t)rollout.number,
				     "undo", rollout.undo, "nodes", (json_int_t)plan.change),
			   err) &&
	       rollout_announce(ctx, &rollout, err) && rollouts_get(ctx, rollout.id, job->out, err);
}

bool undo_create(struct ctx *ctx, const struct undo_request *request, struct rollout *out,
		 struct error *err)
{
	struct undo_job job = {request, out};

	return db_transaction(ctx, create, &job, err);
}
