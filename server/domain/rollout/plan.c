/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "domain/rollout/plan_internal.h"
#include "domain/rollout/waves.h"
#include "store/plans.h"
#include "store/rollouts.h"

/* So long the nodes behind a plan's numbers can be paged. */
#define KEPT_FOR USEC_PER_HOUR

/* An id, a number and what is between them. */
enum { NODE_LINE_MAX = 96 };

static bool deal_waves(struct ctx *ctx, struct plan *plan, struct error *err)
{
	const char **ids = arena_array(ctx->arena, plan->node_count + 1, sizeof(*ids));
	size_t *places = arena_array(ctx->arena, plan->node_count + 1, sizeof(*places));
	int64_t *of_node = arena_array(ctx->arena, plan->node_count + 1, sizeof(*of_node));
	const char *const *values = NULL;
	struct waves waves;
	size_t count = 0;

	for (size_t i = 0; i < plan->node_count; i++) {
		if (plan->undo != NULL && plan->nodes[i].group->same)
			continue;
		ids[count] = plan->nodes[i].node->id;
		places[count++] = i;
	}
	if (plan->strategy.wave_label != NULL &&
	    !rollout_label_values(ctx, plan->strategy.wave_label, ids, count, &values, err))
		return false;
	if (!waves_deal(&plan->strategy, ctx->arena, values, count, of_node, &waves, err))
		return false;
	plan->wave_count = waves.count;
	memcpy(plan->wave_sizes, waves.sizes, sizeof(plan->wave_sizes));
	memcpy(plan->wave_labels, waves.labels, sizeof(plan->wave_labels));
	for (size_t i = 0; i < count; i++)
		plan->nodes[places[i]].wave = of_node[i];
	return true;
}

static void count_and_hash(struct ctx *ctx, struct plan *plan)
{
	struct sha256 *hash = sha256_new();
	uint8_t digest[SHA256_SIZE];
	json_t *strategy = json_keep(strategy_encode(&plan->strategy), ctx->arena);
	const char *text = json_text(plan->resolved, ctx->arena);

	sha256_update(hash, text, strlen(text));
	text = json_text(strategy, ctx->arena);
	sha256_update(hash, text, strlen(text));
	for (size_t i = 0; i < plan->node_count; i++) {
		const struct plan_node *node = &plan->nodes[i];
		const struct plan_group *group = node->group;
		char line[NODE_LINE_MAX];

		int length = snprintf(line, sizeof(line), "\n%s %lld ", node->node->id,
				      (long long)node->wave);
		sha256_update(hash, line, (size_t)length);
		sha256_update(hash, group->digest, sizeof(group->digest));
		plan->blocked += group->blocked != NULL;
		plan->same += group->blocked == NULL && group->same;
		plan->change += group->blocked == NULL && !group->same;
		plan->offline += !node->node->online;
	}
	sha256_final(hash, digest);
	sha256_free(hash);
	memcpy(plan->hash, "sha256:", 7);
	hex_encode(digest, sizeof(digest), plan->hash + 7);
}

/* --- how long --- */

/* Of a group: the slowest of its services that change, by what changes on each. */
static void group_duration(struct plan_group *group, const struct service_duration *known,
			   size_t count)
{
	size_t i;
	json_t *service;

	json_array_foreach (group->services, i, service) {
		json_t *package = json_object_get(service, "package");
		const char *name = json_string_value(json_object_get(service, "service"));
		bool fetches = json_equal(json_object_get(package, "from"),
					  json_object_get(package, "to")) == 0;

		for (size_t k = 0; k < count; k++)
			if (strcmp(known[k].service, name) == 0 && known[k].package == fetches &&
			    known[k].duration.p90_ms >= group->duration.p90_ms)
				group->duration = known[k].duration;
	}
}

static bool expect(struct ctx *ctx, struct plan *plan, const char *const *services, size_t count,
		   struct error *err)
{
	struct service_duration *known;
	size_t known_count;
	int64_t step = 0;

	plan->expected_ms = -1;
	if (!targets_durations(ctx, services, count, &known, &known_count, err))
		return false;
	for (size_t i = 0; i < plan->group_count; i++) {
		struct plan_group *group = plan->groups[i];

		if (group->blocked != NULL || group->same)
			continue;
		group_duration(group, known, known_count);
		if (group->duration.samples == 0)
			return true;
		if (group->duration.p90_ms > step)
			step = group->duration.p90_ms;
	}
	plan->expected_ms = 0;
	for (size_t i = 0; i < plan->wave_count && plan->change > 0; i++) {
		int64_t parallel = plan->strategy.max_parallel;
		int64_t rounds = parallel > 0 ? (plan->wave_sizes[i] + parallel - 1) / parallel : 1;

		plan->expected_ms += rounds * step + plan->strategy.soak_ms;
	}
	return true;
}

/* Services that any of the shown groups has, each once. */
static const char **services_of(struct ctx *ctx, const struct plan *plan, size_t *count)
{
	json_t *seen = json_keep(json_object(), ctx->arena), *service;
	const char *name;
	size_t i;

	for (size_t g = 0; g < plan->group_count; g++)
		json_array_foreach (plan->groups[g]->services, i, service)
			json_object_set_new(seen,
					    json_string_value(json_object_get(service, "service")),
					    json_true());
	const char **names = arena_array(ctx->arena, json_object_size(seen) + 1, sizeof(*names));
	*count = 0;
	json_object_foreach (seen, name, service)
		names[(*count)++] = name;
	return names;
}

static const char **ids_of(struct ctx *ctx, const struct plan *plan)
{
	const char **ids = arena_array(ctx->arena, plan->node_count + 1, sizeof(*ids));

	for (size_t i = 0; i < plan->node_count; i++)
		ids[i] = plan->nodes[i].node->id;
	return ids;
}

/* Nodes of a rollout that is taken back. */
static bool find_undo_targets(struct ctx *ctx, struct plan *plan, struct error *err)
{
	struct target_node *nodes;

	if (!undo_targets(ctx, plan->undo, &nodes, &plan->node_count, err))
		return false;
	plan->confirmed = -1;
	plan->nodes = arena_array(ctx->arena, plan->node_count + 1, sizeof(*plan->nodes));
	for (size_t i = 0; i < plan->node_count; i++)
		plan->nodes[i].node = &nodes[i];
	return true;
}

static bool foresee_undo(struct ctx *ctx, const struct plan_request *request, struct plan *plan,
			 struct error *err)
{
	const struct undo *undo = request->undo;
	char at[TIME_TEXT_SIZE] = "";

	plan->undo = undo;
	if (undo->at != 0)
		time_format(undo->at, at);
	plan->resolved = json_keep(json_pack("{s:s, s:s?}", "at", at, "rollout", undo->rollout_id),
				   ctx->arena);
	return strategy_decode(request->strategy, ctx->arena, &plan->strategy, err) &&
	       (undo->rollout_id != NULL ? find_undo_targets(ctx, plan, err)
					 : plan_find_targets(ctx, request->targets, plan, err)) &&
	       plan_foresee_undo(ctx, plan, err);
}

static bool foresee(struct ctx *ctx, const struct plan_request *request, struct plan *plan,
		    struct error *err)
{
	if (request->undo != NULL)
		return foresee_undo(ctx, request, plan, err);
	return changes_decode(request->changes, ctx->arena, &plan->changes, &plan->change_count,
			      err) &&
	       strategy_decode(request->strategy, ctx->arena, &plan->strategy, err) &&
	       plan_find_targets(ctx, request->targets, plan, err) &&
	       plan_foresee_changes(ctx, plan, err);
}

bool plan_make(struct ctx *ctx, const struct plan_request *request, struct plan *out,
	       struct error *err)
{
	struct plan plan = {0};
	size_t service_count;

	if (!foresee(ctx, request, &plan, err) || !deal_waves(ctx, &plan, err))
		return false;
	count_and_hash(ctx, &plan);
	const char **services = services_of(ctx, &plan, &service_count);
	if (!expect(ctx, &plan, services, service_count, err) ||
	    !targets_held(ctx, ids_of(ctx, &plan), plan.node_count, services, service_count,
			  &plan.held, &plan.held_count, err))
		return false;
	*out = plan;
	return true;
}

/* --- who is behind the numbers --- */

struct keeper {
	struct ctx *ctx;
	const struct plan *plan;
	const char **ids;
	size_t count;
};

static bool keep_list(struct keeper *keeper, const char *list, struct error *err)
{
	return plans_insert_list(keeper->ctx, keeper->plan->hash, list, keeper->ids, keeper->count,
				 err);
}

static bool keep_groups(struct keeper *keeper, struct error *err)
{
	const struct plan *plan = keeper->plan;

	for (size_t g = 0; g < plan->group_count && g < PLAN_GROUPS_KEPT; g++) {
		keeper->count = 0;
		for (size_t i = 0; i < plan->node_count; i++)
			if (plan->nodes[i].group == plan->groups[g])
				keeper->ids[keeper->count++] = plan->nodes[i].node->id;
		if (!keep_list(keeper,
			       arena_printf(keeper->ctx->arena, "group-%lld",
					    (long long)plan->groups[g]->no),
			       err))
			return false;
	}
	return true;
}

/* These change with the fleet and not with the plan. */
static bool keep_moving(struct keeper *keeper, struct error *err)
{
	const struct plan *plan = keeper->plan;
	json_t *id;
	size_t at;

	keeper->count = 0;
	for (size_t i = 0; i < plan->node_count; i++)
		if (!plan->nodes[i].node->online)
			keeper->ids[keeper->count++] = plan->nodes[i].node->id;
	if (!keep_list(keeper, "offline", err))
		return false;
	for (size_t h = 0; h < plan->held_count; h++) {
		keeper->count = 0;
		json_array_foreach (plan->held[h].ids, at, id)
			keeper->ids[keeper->count++] = json_string_value(id);
		if (!keep_list(keeper,
			       arena_printf(keeper->ctx->arena, "held-%lld",
					    (long long)plan->held[h].number),
			       err))
			return false;
	}
	return true;
}

bool plan_keep(struct ctx *ctx, const struct plan *plan, struct error *err)
{
	struct keeper keeper = {ctx, plan, ids_of(ctx, plan), plan->node_count};
	bool known;

	if (!plans_insert(ctx, plan->hash, ctx->now + KEPT_FOR, &known, err))
		return false;
	if (!known && (!keep_list(&keeper, "all", err) || !keep_groups(&keeper, err)))
		return false;
	return keep_moving(&keeper, err);
}
