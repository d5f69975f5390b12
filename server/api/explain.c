/* SPDX-License-Identifier: Apache-2.0 */
/* "Why?" of nodes, rollouts and steps: loads the facts, the domain makes the sentences. */
#include "domain/inventory/explain.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "domain/rollout/explain.h"
#include "domain/rollout/machine.h"
#include "store/nodes.h"
#include "store/rollout_steps.h"
#include "store/rollout_why.h"
#include "store/rollouts.h"

static bool reply(struct request *req, const struct explanation *why)
{
	json_t *ways = json_array();

	for (size_t i = 0; i < why->way_count; i++)
		json_array_append_new(ways,
				      json_pack("{s:s, s:s?, s:s}", "by", why->ways[i].by, "action",
						why->ways[i].action, "text", why->ways[i].text));
	return request_reply_json(
		req, 200,
		json_pack("{s:s, s:s?, s:o, s:o, s:s?, s:o}", "text", why->text, "waits_for",
			  why->waits_for, "since", encode_time(why->since), "until",
			  encode_time(why->until), "then", why->then, "ways", ways));
}

/* Told to the node or about to be, and no verdict yet. */
static size_t open_states(const char *out[STEP_STATE_COUNT])
{
	size_t count = 0;

	for (int state = 0; state < STEP_STATE_COUNT; state++)
		if (state == STEP_QUEUED || step_state_in_flight((enum step_state)state))
			out[count++] = STEP_STATE_NAMES[state];
	return count;
}

static bool load_facts(struct request *req, struct rollout *rollout, struct strategy *strategy,
		       struct rollout_facts *out, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *states[STEP_STATE_COUNT];
	struct rollout_wave *waves;

	*out = (struct rollout_facts){.rollout = rollout, .strategy = strategy};
	if (!rollouts_get(ctx, request_arg(req, 0), rollout, err) ||
	    !strategy_decode(rollout->strategy, ctx->arena, strategy, err) ||
	    !rollout_waves_list(ctx, rollout->id, &waves, &out->wave_count, err) ||
	    !rollout_why_deadline(ctx, rollout->id, rollout->current_wave, states,
				  open_states(states), &out->deadline_at, err))
		return false;
	out->waves = waves;
	return true;
}

bool rollout_explain_handler(struct request *req, struct error *err)
{
	struct rollout rollout;
	struct strategy strategy;
	struct rollout_facts facts;
	struct explanation why;

	if (!load_facts(req, &rollout, &strategy, &facts, err))
		return false;
	rollout_explain(&facts, request_ctx(req)->arena, &why);
	return reply(req, &why);
}

bool rollout_step_explain_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct rollout rollout;
	struct strategy strategy;
	struct rollout_facts facts;
	struct rollout_step step;
	struct explanation why;
	struct node node;

	if (!load_facts(req, &rollout, &strategy, &facts, err) ||
	    !nodes_get(ctx, request_arg(req, 1), &node, err) ||
	    !rollout_steps_get(ctx, rollout.id, node.id, &step, err))
		return false;
	step_explain(&facts, &step, ctx->arena, &why);
	return reply(req, &why);
}

bool node_explain_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *states[STEP_STATE_COUNT];
	struct rollout_why_task found;
	struct explanation why;
	struct node node;

	if (!nodes_get(ctx, request_arg(req, 0), &node, err) ||
	    !rollout_why_task(ctx, node.id, states, open_states(states), &found, err))
		return false;
	struct node_task task = {found.rollout, found.name, found.step, found.deadline_at};
	node_explain(&node, &task, ctx->now, ctx->arena, &why);
	return reply(req, &why);
}
