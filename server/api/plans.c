/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/plans_encode.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/rollout/plan.h"
#include "domain/rollout/undo.h"
#include "store/db.h"
#include "store/plans.h"

struct plan_body {
	const char *name;
	const char *plan_hash;
	bool draft;
	json_t *restore;
	struct plan_request request;
};

/* A plan takes what a rollout takes, so that one body does for both. */
static const struct field BODY_FIELDS[] = {
	FIELD_STRING(struct plan_body, name, FIELD_NULLABLE, 256),
	FIELD_JSON_AS("changes", struct plan_body, request.changes, FIELD_NULLABLE),
	FIELD_JSON(struct plan_body, restore, FIELD_NULLABLE),
	FIELD_JSON_AS("targets", struct plan_body, request.targets, FIELD_REQUIRED),
	FIELD_JSON_AS("strategy", struct plan_body, request.strategy, FIELD_NULLABLE),
	FIELD_STRING(struct plan_body, plan_hash, FIELD_NULLABLE, 80),
	FIELD_BOOL(struct plan_body, draft, 0),
	FIELD_END,
};

static bool keep(struct ctx *ctx, void *arg, struct error *err)
{
	return plan_keep(ctx, arg, err);
}

bool plan_reply(struct request *req, struct plan *plan, struct error *err)
{
	return db_transaction(request_ctx(req), keep, plan, err) &&
	       request_reply_json(req, 200, plan_encode(plan));
}

bool rollouts_plan_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct plan_body body = {0};
	struct plan plan;

	if (!fields_decode(BODY_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &body, err))
		return false;
	if (json_is_object(body.restore)) {
		const struct undo_request undo = {
			.restore = body.restore,
			.targets = body.request.targets,
			.strategy = body.request.strategy,
		};
		if (json_is_array(body.request.changes))
			return error_set_field(err, ERR_INVALID, "restore",
					       "give either changes or restore");
		return undo_plan(ctx, &undo, &plan, err) && plan_reply(req, &plan, err);
	}
	return plan_make(ctx, &body.request, &plan, err) && plan_reply(req, &plan, err);
}

void plan_reply_with_problem(struct request *req, const struct plan *plan)
{
	struct plan kept = *plan;
	struct error ignored;

	/* Only its pages would be missing. */
	(void)!db_transaction(request_ctx(req), keep, &kept, &ignored);
	request_problem_member(req, "plan", plan_encode(plan));
}

bool plan_nodes_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *list = request_query(req, "list"), *next = NULL;
	struct target_node *nodes;
	struct page page;
	int64_t total;
	size_t count;

	if (!request_page(req, 1, &page, err))
		return false;
	int64_t offset = page.key_count > 0 ? strtoll(page.keys[0], NULL, 10) : 0;
	if (offset < 0 || offset > ROLLOUT_NODES_MAX)
		return error_set_field(err, ERR_INVALID, "cursor", "malformed cursor");
	if (!plans_list_nodes(ctx, request_arg(req, 0), list != NULL && *list ? list : "all",
			      offset, page.limit, &nodes, &count, &total, err))
		return false;
	if (offset + page.limit < total) {
		const char *key =
			arena_printf(ctx->arena, "%lld", (long long)(offset + page.limit));
		next = page_cursor(ctx, &key, 1);
	}

	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:b}", "node", nodes[i].id,
						       "name", nodes[i].name, "status",
						       nodes[i].status, "online", nodes[i].online));
	return request_reply_page(req, items, next, total);
}
