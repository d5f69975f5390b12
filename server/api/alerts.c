/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/alert/alert.h"
#include "store/alerts.h"

static const char *const STATES[] = {"pending", "firing", "acknowledged", "resolved", "open", NULL};

static const struct field RULE_FIELDS[] = {
	FIELD_STRING(struct alert_rule, id, FIELD_READ_ONLY, 64),
	FIELD_STRING(struct alert_rule, kind, FIELD_REQUIRED, 64),
	FIELD_STRING(struct alert_rule, name, FIELD_REQUIRED, 128),
	FIELD_BOOL(struct alert_rule, enabled, 0),
	FIELD_STRING(struct alert_rule, severity, 0, 16),
	FIELD_INT64(struct alert_rule, for_ms, 0, 0, 30LL * 24 * 3600 * 1000),
	FIELD_TIME(struct alert_rule, created_at, FIELD_READ_ONLY),
	FIELD_INT64(struct alert_rule, revision, FIELD_READ_ONLY, 0, INT64_MAX),
	FIELD_END,
};

/* What may be changed later: everything but the kind. */
static const struct field RULE_PATCH_FIELDS[] = {
	FIELD_STRING(struct alert_rule, name, 0, 128),
	FIELD_BOOL(struct alert_rule, enabled, 0),
	FIELD_STRING(struct alert_rule, severity, 0, 16),
	FIELD_INT64(struct alert_rule, for_ms, 0, 0, 30LL * 24 * 3600 * 1000),
	FIELD_END,
};

static json_t *alert_encode(const struct alert *alert)
{
	json_t *json =
		json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?}", "id",
			  alert->id, "rule", alert->rule, "rule_name", alert->rule_name, "kind",
			  alert->kind, "state", alert->state, "severity", alert->severity,
			  "summary", alert->summary, "node", alert->node, "node_name",
			  alert->node_name, "service", alert->service, "rollout", alert->rollout);

	json_object_set_new(json, "rollout_number",
			    alert->rollout_number > 0 ? json_integer(alert->rollout_number)
						      : json_null());
	json_object_set_new(json, "started_at", encode_time(alert->started_at));
	json_object_set_new(json, "firing_at", encode_time(alert->firing_at));
	json_object_set_new(json, "acknowledged_at", encode_time(alert->acknowledged_at));
	json_object_set_new(json, "acknowledged_by",
			    alert->acknowledged_by != NULL ? json_string(alert->acknowledged_by)
							   : json_null());
	json_object_set_new(json, "resolved_at", encode_time(alert->resolved_at));
	return json;
}

bool alerts_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *state = request_query(req, "state"), *next = NULL;
	struct alert *alerts;
	struct time_page page;
	size_t count;
	int64_t total;

	if (!time_page_read(req, &page, err))
		return false;
	if (state != NULL && names_find(STATES, state) < 0)
		return error_set_field(err, ERR_INVALID, "state", "there is no state %s", state);
	if (!alerts_list(ctx, state, request_query(req, "node"), page.before, page.before_id,
			 page.limit + 1, &alerts, &count, &total, err))
		return false;
	if (count > (size_t)page.limit) {
		count = (size_t)page.limit;
		next = time_page_next(ctx, alerts[count - 1].started_at, alerts[count - 1].id);
	}

	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, alert_encode(&alerts[i]));
	return request_reply_bounded_page(req, items, next,
					  total > ALERTS_COUNTED_MAX ? ALERTS_COUNTED_MAX : total,
					  total > ALERTS_COUNTED_MAX);
}

bool alerts_acknowledge_handler(struct request *req, struct error *err)
{
	struct alert alert;

	return alert_acknowledge(request_ctx(req), request_arg(req, 0), &alert, err) &&
	       request_reply_json(req, 200, alert_encode(&alert));
}

bool alert_rules_list_handler(struct request *req, struct error *err)
{
	struct alert_rule *rules;
	size_t count;

	if (!alert_rules_list(request_ctx(req), &rules, &count, err))
		return false;

	json_t *items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, fields_encode(RULE_FIELDS, &rules[i]));
	return request_reply_page(req, items, NULL, (int64_t)count);
}

static bool reply_rule(struct request *req, unsigned int status, const struct alert_rule *rule)
{
	request_reply_revision(req, rule->revision);
	return request_reply_json(req, status, fields_encode(RULE_FIELDS, rule));
}

bool alert_rules_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct alert_rule rule = {.enabled = true, .severity = "warning"};

	return fields_decode(RULE_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &rule,
			     err) &&
	       alert_rule_create(ctx, &rule, err) && reply_rule(req, 201, &rule);
}

bool alert_rules_get_handler(struct request *req, struct error *err)
{
	struct alert_rule rule;

	return alert_rules_get(request_ctx(req), request_arg(req, 0), &rule, err) &&
	       reply_rule(req, 200, &rule);
}

bool alert_rules_patch_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct alert_rule rule;

	return alert_rules_get(ctx, request_arg(req, 0), &rule, err) &&
	       request_check_revision(req, rule.revision, err) &&
	       fields_decode(RULE_PATCH_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &rule,
			     err) &&
	       alert_rule_update(ctx, &rule, err) && alert_rules_get(ctx, rule.id, &rule, err) &&
	       reply_rule(req, 200, &rule);
}

bool alert_rules_delete_handler(struct request *req, struct error *err)
{
	return alert_rule_delete(request_ctx(req), request_arg(req, 0), err) &&
	       request_reply_empty(req, 204);
}
