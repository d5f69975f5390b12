/* SPDX-License-Identifier: Apache-2.0 */
/* Taking back a rollout or a part of it; a return to a moment is in rollouts.c, beside changes. */
#include <string.h>

#include "api/handlers.h"
#include "api/plans_encode.h"
#include "api/rollouts_encode.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/rollout/rollout.h"
#include "domain/rollout/undo.h"
#include "protocol/limits.h"
#include "store/rollouts.h"

static const char *const ONLY_NAMES[] = {"all", "failed", NULL};

struct undo_body {
	struct undo_request request;
	int only;
};

static const struct field FIELDS[] = {
	FIELD_INT64_AS("wave", struct undo_body, request.wave, 0, 1, ROLLOUT_WAVES_MAX),
	FIELD_STRINGS_AS("nodes", struct undo_body, request.nodes, request.node_count, 0,
			 ROLLOUT_TARGETS_MAX, LIMIT_NAME),
	FIELD_ENUM(struct undo_body, only, FIELD_NULLABLE, ONLY_NAMES),
	FIELD_JSON_AS("strategy", struct undo_body, request.strategy, FIELD_NULLABLE),
	FIELD_STRING_AS("plan_hash", struct undo_body, request.plan_hash, FIELD_NULLABLE, 80),
	FIELD_END,
};

static bool read(struct request *req, struct undo_request *out, struct rollout *rollout,
		 struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct undo_body body = {0};

	if (!fields_decode(FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &body, err) ||
	    !rollouts_get(ctx, request_arg(req, 0), rollout, err) ||
	    !request_check_revision(req, rollout->revision, err))
		return false;
	*out = body.request;
	out->rollout_id = rollout->id;
	out->only_failed = body.only == 1;
	return true;
}

bool rollout_rollback_plan_handler(struct request *req, struct error *err)
{
	struct undo_request request;
	struct rollout rollout;
	struct plan plan;

	return read(req, &request, &rollout, err) &&
	       undo_plan(request_ctx(req), &request, &plan, err) && plan_reply(req, &plan, err);
}

/* The whole rollout is moved along with its rollback, which is why another function makes that. */
static bool take_back(struct ctx *ctx, const struct undo_request *request, struct rollout *out,
		      struct error *err)
{
	if (undo_is_partial(request))
		return undo_create(ctx, request, out, err);
	if (request->plan_hash != NULL) {
		if (!undo_plan(ctx, request, request->planned, err))
			return false;
		if (strcmp(request->plan_hash, request->planned->hash) != 0)
			return error_set_field(err, ERR_CONFLICT, "plan_hash",
					       "the fleet has moved since it was planned: plan "
					       "again (the answer has the plan of now)");
	}
	return rollout_roll_back(ctx, request->rollout_id, request->strategy, out, err);
}

bool rollout_rollback_handler(struct request *req, struct error *err)
{
	struct undo_request request;
	struct rollout rollout;
	struct plan plan;

	if (!read(req, &request, &rollout, err))
		return false;
	request.planned = &plan;
	if (take_back(request_ctx(req), &request, &rollout, err))
		return rollout_reply(req, 201, &rollout, err);
	if (err->code == ERR_CONFLICT && strcmp(err->field, "plan_hash") == 0)
		plan_reply_with_problem(req, &plan);
	return false;
}
