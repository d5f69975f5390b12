/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fields.h"
#include "domain/inventory/selection.h"
#include "domain/inventory/selector.h"
#include "domain/rollout/plan_internal.h"

static bool by_selector(struct ctx *ctx, const char *selector, struct target_node **nodes,
			size_t *count, struct error *err)
{
	json_t *requirements;

	if (!selector_parse(selector, ctx->arena, &requirements, err)) {
		error_set_field(err, ERR_INVALID, "targets.selector", "%s",
				arena_strdup(ctx->arena, err->text));
		return false;
	}
	return targets_by_selector(ctx, requirements, nodes, count, err);
}

static bool by_selection(struct ctx *ctx, const char *id, struct target_node **nodes, size_t *count,
			 struct error *err)
{
	struct selection selection;
	const char *const *ids;
	size_t id_count;

	if (!selections_get(ctx, id, &selection, err)) {
		if (err->code == ERR_NOT_FOUND)
			error_set_field(err, ERR_CONFLICT, "targets.selection", "%s",
					arena_strdup(ctx->arena, err->text));
		return false;
	}
	if (!selection_check(ctx, &selection, err)) {
		error_prefix_field(err, "targets");
		return false;
	}
	return selections_nodes(ctx, &selection, &ids, &id_count, err) &&
	       targets_by_name(ctx, ids, id_count, nodes, count, err);
}

bool plan_find_targets(struct ctx *ctx, json_t *json, struct plan *plan, struct error *err)
{
	struct target_node *nodes;
	struct targets targets;
	int64_t all;
	bool good;

	if (!targets_decode(json, ctx->arena, &targets, err))
		return false;
	if (targets.selection != NULL)
		good = by_selection(ctx, targets.selection, &nodes, &plan->node_count, err);
	else if (targets.selector != NULL)
		good = by_selector(ctx, targets.selector, &nodes, &plan->node_count, err);
	else
		good = targets_by_name(ctx, targets.nodes, targets.node_count, &nodes,
				       &plan->node_count, err);
	if (!good || !targets_count_all(ctx, &all, err))
		return false;
	if (plan->node_count > ROLLOUT_NODES_MAX)
		return error_set_field(err, ERR_TOO_LARGE, "targets",
				       "%zu nodes match, a rollout takes %d: give each part of the "
				       "fleet its own",
				       plan->node_count, ROLLOUT_NODES_MAX);
	plan->everything =
		targets.node_count == 0 && plan->node_count > 1 && (int64_t)plan->node_count == all;
	plan->confirmed = targets.confirm_count;
	plan->nodes = arena_array(ctx->arena, plan->node_count + 1, sizeof(*plan->nodes));
	for (size_t i = 0; i < plan->node_count; i++)
		plan->nodes[i].node = &nodes[i];
	return true;
}
