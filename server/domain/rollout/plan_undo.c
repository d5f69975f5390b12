/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of nodes that go back: to a moment, or to what ran before a rollout. */
#include <stdlib.h>
#include <string.h>

#include "base/fields.h"
#include "domain/rollout/plan_internal.h"

struct undoing {
	struct plan *plan;
	struct undo_pair *pairs; /* brief, by node */
	size_t count;
};

static int by_node(const void *a, const void *b)
{
	return strcmp(((const struct undo_pair *)a)->node_id,
		      ((const struct undo_pair *)b)->node_id);
}

/* The run of pairs (sorted by node) of a node. */
static const struct undo_pair *pairs_of(const struct undo_pair *pairs, size_t count,
					const char *node, size_t *run)
{
	struct undo_pair wanted = {.node_id = node};
	const struct undo_pair *hit =
		count > 0 ? bsearch(&wanted, pairs, count, sizeof(*pairs), by_node) : NULL;

	*run = 0;
	if (hit == NULL)
		return NULL;
	while (hit > pairs && strcmp(hit[-1].node_id, node) == 0)
		hit--;
	while (hit + *run < pairs + count && strcmp(hit[*run].node_id, node) == 0)
		*run += 1;
	return hit;
}

static int by_node_and_service(const void *a, const void *b)
{
	const struct undo_pair *left = a, *right = b;
	int order = by_node(a, b);

	return order != 0 ? order : strcmp(left->service, right->service);
}

static void sort(struct undo_pair *pairs, size_t count)
{
	if (count > 1)
		qsort(pairs, count, sizeof(*pairs), by_node_and_service);
}

static bool key(void *arg, size_t i, struct strbuf *out, struct error *err)
{
	const struct undoing *undoing = arg;
	size_t run;
	const struct undo_pair *mine =
		pairs_of(undoing->pairs, undoing->count, undoing->plan->nodes[i].node->id, &run);

	(void)err;
	for (size_t p = 0; p < run; p++)
		strbuf_printf(out, "%s %s %s %s\n", mine[p].service,
			      mine[p].then_key != NULL ? mine[p].then_key : "-",
			      mine[p].now_key != NULL ? mine[p].now_key : "-",
			      mine[p].lost != NULL ? mine[p].lost : "-");
	return true;
}

static void foresee_pair(const struct undo_pair *pair, struct arena *arena, struct outlook *out)
{
	struct plan_pair compared = {
		.service = pair->service,
		.before = plan_side_of(pair->now),
		.after = plan_side_of(pair->then),
		.parameters_change = json_equal(json_object_get(pair->now, "parameters"),
						json_object_get(pair->then, "parameters")) == 0,
		.package_size = pair->package_size,
		.manifest = pair->manifest,
	};

	if (pair->lost != NULL)
		out->blocked = arena_printf(arena, "the %s that service %s had was deleted since",
					    pair->lost, pair->service);
	else if (pair->then_key != NULL && pair->then == NULL)
		out->blocked = arena_printf(arena, "what service %s was is not known any more",
					    pair->service);
	else
		plan_compare(&compared, arena, out);
}

static bool foresee(struct ctx *ctx, void *arg, const size_t *which, size_t count,
		    struct outlook *out, struct error *err)
{
	const struct undoing *undoing = arg;
	const char **ids = arena_array(ctx->arena, count, sizeof(*ids));
	struct undo_pair *pairs;
	size_t pair_count, run;

	for (size_t i = 0; i < count; i++)
		ids[i] = undoing->plan->nodes[which[i]].node->id;
	if (!undo_contents(ctx, undoing->plan->undo, ids, count, &pairs, &pair_count, err))
		return false;
	sort(pairs, pair_count);
	for (size_t i = 0; i < count; i++) {
		const struct undo_pair *mine = pairs_of(pairs, pair_count, ids[i], &run);

		for (size_t p = 0; p < run && out[i].blocked == NULL; p++)
			foresee_pair(&mine[p], ctx->arena, &out[i]);
	}
	return true;
}

bool plan_foresee_undo(struct ctx *ctx, struct plan *plan, struct error *err)
{
	struct undoing undoing = {.plan = plan};
	const struct plan_source source = {key, foresee, &undoing};
	const char **ids = arena_array(ctx->arena, plan->node_count + 1, sizeof(*ids));

	for (size_t i = 0; i < plan->node_count; i++)
		ids[i] = plan->nodes[i].node->id;
	if (!undo_pairs(ctx, plan->undo, ids, plan->node_count, &undoing.pairs, &undoing.count,
			err))
		return false;
	sort(undoing.pairs, undoing.count);
	return plan_group_nodes(ctx, plan, &source, err);
}
