/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/plans_encode.h"
#include "api/rollouts_encode.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/fields.h"
#include "domain/rollout/plan.h"
#include "domain/rollout/rollout.h"
#include "domain/rollout/steps.h"
#include "domain/rollout/undo.h"
#include "protocol/limits.h"
#include "store/rollout_steps.h"
#include "store/rollouts.h"

struct rollout_body {
	const char *name;
	json_t *changes;
	json_t *targets;
	json_t *strategy;
	const char *plan_hash;
	bool draft;
	json_t *restore;
};

static const struct field BODY_FIELDS[] = {
	FIELD_STRING(struct rollout_body, name, FIELD_NULLABLE, 256),
	FIELD_JSON(struct rollout_body, changes, FIELD_NULLABLE),
	FIELD_JSON(struct rollout_body, restore, FIELD_NULLABLE),
	FIELD_JSON(struct rollout_body, targets, FIELD_REQUIRED),
	FIELD_JSON(struct rollout_body, strategy, FIELD_NULLABLE),
	FIELD_STRING(struct rollout_body, plan_hash, FIELD_NULLABLE, 80),
	FIELD_BOOL(struct rollout_body, draft, 0),
	FIELD_END,
};

static const struct field STEPS_FIELDS[] = {
	FIELD_STRINGS(struct steps_request, nodes, node_count, 0, ROLLOUT_TARGETS_MAX, LIMIT_NAME),
	FIELD_STRING(struct steps_request, cause, FIELD_NULLABLE | FIELD_NOT_EMPTY, LIMIT_NAME),
	FIELD_END,
};

bool rollout_reply(struct request *req, unsigned int status, const struct rollout *rollout,
		   struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct rollout_wave *waves;
	size_t count;

	if (!rollout_waves_list(ctx, rollout->id, &waves, &count, err))
		return false;
	request_reply_revision(req, rollout->revision);
	return request_reply_json(req, status, rollout_encode(ctx, rollout, waves, count));
}

static bool create(struct ctx *ctx, const struct rollout_body *body, struct plan *plan,
		   struct rollout *out, struct error *err)
{
	const struct rollout_request request = {
		.name = body->name,
		.changes = body->changes,
		.targets = body->targets,
		.strategy = body->strategy,
		.plan_hash = body->plan_hash,
		.draft = body->draft,
		.planned = plan,
	};

	return rollout_create(ctx, &request, out, err);
}

static bool restore(struct ctx *ctx, const struct rollout_body *body, struct plan *plan,
		    struct rollout *out, struct error *err)
{
	const struct undo_request request = {
		.name = body->name,
		.restore = body->restore,
		.targets = body->targets,
		.strategy = body->strategy,
		.plan_hash = body->plan_hash,
		.draft = body->draft,
		.planned = plan,
	};

	if (json_is_array(body->changes))
		return error_set_field(err, ERR_INVALID, "restore",
				       "give either changes or restore");
	return undo_create(ctx, &request, out, err);
}

bool rollouts_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct rollout_body body = {0};
	struct rollout rollout;
	struct plan plan;

	if (!fields_decode(BODY_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &body, err))
		return false;
	if (json_is_object(body.restore) ? restore(ctx, &body, &plan, &rollout, err)
					 : create(ctx, &body, &plan, &rollout, err))
		return rollout_reply(req, 201, &rollout, err);
	if (err->code == ERR_CONFLICT && strcmp(err->field, "plan_hash") == 0)
		plan_reply_with_problem(req, &plan);
	return false;
}

bool rollouts_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *state, *next = NULL;
	struct page page;
	struct rollout *rollouts;
	size_t count;
	int64_t total;

	if (!request_page(req, 1, &page, err) ||
	    !request_query_names(req, "state", ROLLOUT_STATE_NAMES, &state, err))
		return false;
	int64_t before = page.key_count > 0 ? strtoll(page.keys[0], NULL, 10) : 0;
	if (!rollouts_list(ctx, state, before, page.limit + 1, &rollouts, &count, &total, err))
		return false;
	if ((int64_t)count > page.limit) {
		count = (size_t)page.limit;
		const char *key =
			arena_printf(ctx->arena, "%lld", (long long)rollouts[count - 1].number);
		next = page_cursor(ctx, &key, 1);
	}

	json_t *items = json_keep(json_array(), ctx->arena);
	for (size_t i = 0; i < count; i++) {
		struct rollout_wave *waves;
		size_t wave_count;
		if (!rollout_waves_list(ctx, rollouts[i].id, &waves, &wave_count, err))
			return false;
		json_array_append_new(items, rollout_encode(ctx, &rollouts[i], waves, wave_count));
	}
	return request_reply_page(req, json_incref(items), next, total);
}

bool rollouts_get_handler(struct request *req, struct error *err)
{
	struct rollout rollout;

	return rollouts_get(request_ctx(req), request_arg(req, 0), &rollout, err) &&
	       rollout_reply(req, 200, &rollout, err);
}

bool rollout_steps_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *state, *next = NULL;
	struct rollout rollout;
	struct rollout_step *steps;
	struct page page;
	int64_t wave, total;
	size_t count;

	if (!request_page(req, 2, &page, err) ||
	    !request_query_int(req, "wave", 0, ROLLOUT_WAVES_MAX, 0, &wave, err) ||
	    !request_query_names(req, "state", STEP_STATE_NAMES, &state, err))
		return false;
	bool first = page.key_count == 0;
	if (!rollouts_get(ctx, request_arg(req, 0), &rollout, err) ||
	    !rollout_steps_list(ctx, rollout.id, state, wave, request_query(req, "fingerprint"),
				first ? 0 : strtoll(page.keys[0], NULL, 10),
				first ? "" : page.keys[1], page.limit + 1, &steps, &count, &total,
				err))
		return false;
	if ((int64_t)count > page.limit) {
		count = (size_t)page.limit;
		const char *keys[] = {
			arena_printf(ctx->arena, "%lld", (long long)steps[count - 1].wave),
			steps[count - 1].node_id};
		next = page_cursor(ctx, keys, 2);
	}

	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, rollout_step_encode(&steps[i]));
	return request_reply_page(req, items, next, total);
}

/* Resolves the number in the path and checks If-Match. */
static bool find_for_action(struct request *req, struct rollout *rollout, struct error *err)
{
	return rollouts_get(request_ctx(req), request_arg(req, 0), rollout, err) &&
	       request_check_revision(req, rollout->revision, err);
}

static bool act(struct request *req, enum rollout_event event, struct error *err)
{
	struct rollout rollout;

	return find_for_action(req, &rollout, err) &&
	       rollout_act(request_ctx(req), rollout.id, event, &rollout, err) &&
	       rollout_reply(req, 200, &rollout, err);
}

bool rollout_start_handler(struct request *req, struct error *err)
{
	return act(req, ROLLOUT_START, err);
}

bool rollout_approve_handler(struct request *req, struct error *err)
{
	return act(req, ROLLOUT_APPROVE, err);
}

bool rollout_pause_handler(struct request *req, struct error *err)
{
	return act(req, ROLLOUT_PAUSE, err);
}

bool rollout_resume_handler(struct request *req, struct error *err)
{
	return act(req, ROLLOUT_RESUME, err);
}

bool rollout_promote_handler(struct request *req, struct error *err)
{
	return act(req, ROLLOUT_PROMOTE, err);
}

bool rollout_retry_handler(struct request *req, struct error *err)
{
	return act(req, ROLLOUT_RETRY, err);
}

bool rollout_abort_handler(struct request *req, struct error *err)
{
	return act(req, ROLLOUT_ABORT, err);
}

bool rollout_finish_handler(struct request *req, struct error *err)
{
	return act(req, ROLLOUT_FINISH, err);
}

bool rollout_force_handler(struct request *req, struct error *err)
{
	struct rollout rollout;

	return find_for_action(req, &rollout, err) &&
	       rollout_force(request_ctx(req), rollout.id, &rollout, err) &&
	       rollout_reply(req, 200, &rollout, err);
}

static bool act_on_steps(struct request *req, enum steps_action action, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct steps_request body = {0};
	struct rollout rollout;
	struct rollout_wave *waves;
	int64_t moved;
	size_t count;

	if (!fields_decode(STEPS_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &body,
			   err) ||
	    !find_for_action(req, &rollout, err) ||
	    !rollout_steps_act(ctx, rollout.id, action, &body, &rollout, &moved, err) ||
	    !rollout_waves_list(ctx, rollout.id, &waves, &count, err))
		return false;
	request_reply_revision(req, rollout.revision);
	return request_reply_json(req, 200,
				  json_pack("{s:I, s:o}", "count", (json_int_t)moved, "rollout",
					    rollout_encode(ctx, &rollout, waves, count)));
}

bool rollout_steps_skip_handler(struct request *req, struct error *err)
{
	return act_on_steps(req, STEPS_SKIP, err);
}

bool rollout_steps_retry_handler(struct request *req, struct error *err)
{
	return act_on_steps(req, STEPS_RETRY, err);
}

bool rollout_steps_exclude_handler(struct request *req, struct error *err)
{
	return act_on_steps(req, STEPS_EXCLUDE, err);
}
