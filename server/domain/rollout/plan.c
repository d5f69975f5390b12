/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "domain/inventory/selector.h"
#include "domain/rollout/plan_node.h"
#include "domain/rollout/waves.h"
#include "store/rollouts.h"

/* What a change sets, with names resolved; the form of store/rollout_steps.h. */
static bool resolve_change(struct ctx *ctx, struct change_facts *facts, json_t **out,
			   struct error *err)
{
	const struct rollout_change *change = facts->change;
	json_t *set = json_keep(json_object(), ctx->arena);

	if (change->remove)
		json_object_set_new(set, "remove", json_true());
	if (change->driver != NULL)
		json_object_set_new(set, "driver", json_string(change->driver));
	if (change->has_run)
		json_object_set_new(set, "run", json_boolean(change->run));
	if (change->parameters != NULL)
		json_object_set(set, "parameters", change->parameters);
	if (change->package.name != NULL) {
		if (!targets_releases(ctx, change->package.name, change->package.version,
				      &facts->releases, &facts->release_count, err))
			return false;
		if (facts->release_count == 0)
			return error_set_field(err, ERR_INVALID, "package",
					       "there is no package %s %s", change->package.name,
					       change->package.version);
		json_object_set_new(set, "package",
				    json_pack("{s:s, s:s}", "name", change->package.name, "version",
					      change->package.version));
	}
	if (change->config.name != NULL) {
		if (!targets_config(ctx, change->config.name,
				    json_integer_value(change->config.version), &facts->config_id,
				    &facts->config_version, err))
			return false;
		json_object_set_new(set, "config_id", json_string(facts->config_id));
		json_object_set_new(set, "config_version", json_integer(facts->config_version));
	}
	*out = set;
	return true;
}

static bool resolve(struct ctx *ctx, struct plan *plan, struct change_facts **out,
		    struct error *err)
{
	struct change_facts *facts = arena_array(ctx->arena, plan->change_count, sizeof(*facts));

	plan->resolved = json_keep(json_object(), ctx->arena);
	for (size_t i = 0; i < plan->change_count; i++) {
		json_t *set;
		facts[i].change = &plan->changes[i];
		if (!resolve_change(ctx, &facts[i], &set, err)) {
			error_prefix_field(err, arena_printf(ctx->arena, "changes[%zu]", i));
			return false;
		}
		json_object_set(plan->resolved, plan->changes[i].service, set);
	}
	*out = facts;
	return true;
}

static bool find_targets(struct ctx *ctx, json_t *json, struct target_node **nodes, size_t *count,
			 struct error *err)
{
	struct targets targets;
	json_t *requirements;

	if (!targets_decode(json, ctx->arena, &targets, err))
		return false;
	if (targets.selector == NULL)
		return targets_by_name(ctx, targets.nodes, targets.node_count, nodes, count, err);
	if (!selector_parse(targets.selector, ctx->arena, &requirements, err)) {
		error_set_field(err, ERR_INVALID, "targets.selector", "%s",
				arena_strdup(ctx->arena, err->text));
		return false;
	}
	return targets_by_selector(ctx, requirements, nodes, count, err);
}

static int service_compare(const void *a, const void *b)
{
	return strcmp(((const struct target_service *)a)->node_id,
		      ((const struct target_service *)b)->node_id);
}

/* The run of services (sorted by node) that belongs to node. */
static const struct target_service *services_of(const struct target_service *services, size_t count,
						const char *node, size_t *run)
{
	struct target_service key = {.node_id = node};
	const struct target_service *hit =
		bsearch(&key, services, count, sizeof(*services), service_compare);

	*run = 0;
	if (hit == NULL)
		return NULL;
	while (hit > services && strcmp(hit[-1].node_id, node) == 0)
		hit--;
	while (hit + *run < services + count && strcmp(hit[*run].node_id, node) == 0)
		*run += 1;
	return hit;
}

static bool plan_nodes(struct ctx *ctx, struct plan *plan, const struct target_node *nodes,
		       const struct change_facts *facts, struct error *err)
{
	const char **ids = arena_array(ctx->arena, plan->node_count + 1, sizeof(*ids));
	const char **names = arena_array(ctx->arena, plan->change_count + 1, sizeof(*names));
	struct target_service *services;
	size_t service_count;

	for (size_t i = 0; i < plan->node_count; i++)
		ids[i] = nodes[i].id;
	for (size_t i = 0; i < plan->change_count; i++)
		names[i] = plan->changes[i].service;
	if (!targets_services(ctx, ids, plan->node_count, names, plan->change_count, &services,
			      &service_count, err))
		return false;
	if (service_count > 0)
		qsort(services, service_count, sizeof(*services), service_compare);

	plan->nodes = arena_array(ctx->arena, plan->node_count + 1, sizeof(*plan->nodes));
	for (size_t i = 0; i < plan->node_count; i++) {
		size_t run;
		const struct target_service *mine =
			services_of(services, service_count, nodes[i].id, &run);
		plan->nodes[i].node = &nodes[i];
		if (!plan_node_make(ctx, facts, plan->change_count, mine, run, &plan->nodes[i],
				    err))
			return false;
	}
	return true;
}

static bool deal_waves(struct ctx *ctx, struct plan *plan, struct error *err)
{
	const char **ids = arena_array(ctx->arena, plan->node_count + 1, sizeof(*ids));
	int64_t *of_node = arena_array(ctx->arena, plan->node_count + 1, sizeof(*of_node));
	const char *const *values = NULL;
	struct waves waves;

	for (size_t i = 0; i < plan->node_count; i++)
		ids[i] = plan->nodes[i].node->id;
	if (plan->strategy.wave_label != NULL &&
	    !rollout_label_values(ctx, plan->strategy.wave_label, ids, plan->node_count, &values,
				  err))
		return false;
	if (!waves_deal(&plan->strategy, ctx->arena, values, plan->node_count, of_node, &waves,
			err))
		return false;
	plan->wave_count = waves.count;
	memcpy(plan->wave_sizes, waves.sizes, sizeof(plan->wave_sizes));
	memcpy(plan->wave_labels, waves.labels, sizeof(plan->wave_labels));
	for (size_t i = 0; i < plan->node_count; i++)
		plan->nodes[i].wave = of_node[i];
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
		text = arena_printf(ctx->arena, "\n%s %lld %s\n%s", node->node->id,
				    (long long)node->wave, node->blocked ? node->blocked : "",
				    json_text(node->services, ctx->arena));
		sha256_update(hash, text, strlen(text));
		plan->blocked += node->blocked != NULL;
		plan->same += node->blocked == NULL && node->same;
		plan->change += node->blocked == NULL && !node->same;
		plan->offline += !node->node->online;
	}
	sha256_final(hash, digest);
	sha256_free(hash);
	memcpy(plan->hash, "sha256:", 7);
	hex_encode(digest, sizeof(digest), plan->hash + 7);
}

bool plan_make(struct ctx *ctx, json_t *changes, json_t *targets, json_t *strategy,
	       struct plan *out, struct error *err)
{
	struct plan plan = {0};
	struct target_node *nodes;
	struct change_facts *facts;

	if (!changes_decode(changes, ctx->arena, &plan.changes, &plan.change_count, err) ||
	    !strategy_decode(strategy, ctx->arena, &plan.strategy, err) ||
	    !find_targets(ctx, targets, &nodes, &plan.node_count, err) ||
	    !resolve(ctx, &plan, &facts, err) || !plan_nodes(ctx, &plan, nodes, facts, err) ||
	    !deal_waves(ctx, &plan, err))
		return false;
	count_and_hash(ctx, &plan);
	*out = plan;
	return true;
}
