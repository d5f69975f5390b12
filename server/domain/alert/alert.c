/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/alert/alert.h"

#include "base/arena.h"
#include "base/fields.h"
#include "base/id.h"
#include "domain/alert/event.h"
#include "domain/audit/audit.h"
#include "store/alerts.h"
#include "store/changes.h"
#include "store/db.h"

/* Alerts that change in one transaction. */
enum { BATCH = 500 };

static const char *const KIND_NAMES[] = {"node-offline", "service-crash-loop", "rollout-stopped",
					 NULL};
static const char *const SEVERITY_LEVELS[] = {"info", "warning", "critical", NULL};

static json_t *alert_event(const struct alert *alert)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?}", "id", alert->id,
			 "rule", alert->rule_name, "kind", alert->kind, "state", alert->state,
			 "severity", alert->severity, "summary", alert->summary, "node",
			 alert->node, "node_name", alert->node_name, "service", alert->service,
			 "rollout", alert->rollout);
}

static bool tell(struct ctx *ctx, const struct alert *alert, struct error *err)
{
	ctx->project_id = alert->project_id;
	if (!changes_insert(ctx, "alert", alert->id, err))
		return false;
	if (names_find((const char *const[]){"firing", "resolved", NULL}, alert->state) < 0)
		return true;
	return event_emit(ctx, arena_printf(ctx->arena, "alert.%s", alert->state),
			  alert_event(alert), err);
}

typedef bool (*change_fn)(struct ctx *ctx, int64_t limit, struct alert **out, size_t *count,
			  struct error *err);

static bool evaluate(struct ctx *ctx, void *arg, struct error *err)
{
	static const change_fn changes[] = {alerts_open, alerts_fire, alerts_resolve};
	bool *busy = arg;

	*busy = false;
	if (!alerts_forget_pending(ctx, err))
		return false;
	for (size_t c = 0; c < sizeof(changes) / sizeof(changes[0]); c++) {
		struct alert *alerts;
		size_t count;
		if (!changes[c](ctx, BATCH, &alerts, &count, err))
			return false;
		*busy |= count == BATCH;
		for (size_t i = 0; i < count; i++)
			if (!tell(ctx, &alerts[i], err))
				return false;
	}
	return true;
}

bool alerts_evaluate(struct ctx *ctx, bool *busy, struct error *err)
{
	bool good = db_transaction(ctx, evaluate, busy, err);

	ctx->project_id = NULL;
	return good;
}

struct acknowledge_job {
	const char *id;
	struct alert *out;
};

static bool acknowledge(struct ctx *ctx, void *arg, struct error *err)
{
	struct acknowledge_job *job = arg;

	return alerts_get(ctx, job->id, job->out, err) &&
	       alerts_acknowledge(ctx, job->id, ctx->actor->name, err) &&
	       audit_write(ctx, "alert.acknowledge", "alert", job->id,
			   json_pack("{s:s}", "summary", job->out->summary), err) &&
	       changes_insert(ctx, "alert", job->id, err) &&
	       alerts_get(ctx, job->id, job->out, err);
}

bool alert_acknowledge(struct ctx *ctx, const char *id, struct alert *out, struct error *err)
{
	struct acknowledge_job job = {id, out};

	return db_transaction(ctx, acknowledge, &job, err);
}

static bool rule_check(const struct alert_rule *rule, struct error *err)
{
	if (names_find(KIND_NAMES, rule->kind) < 0)
		return error_set_field(err, ERR_INVALID, "kind",
				       "expected node-offline, service-crash-loop or "
				       "rollout-stopped");
	if (names_find(SEVERITY_LEVELS, rule->severity) < 0)
		return error_set_field(err, ERR_INVALID, "severity",
				       "expected info, warning or critical");
	return rule->name[0] != '\0' ||
	       error_set_field(err, ERR_INVALID, "name", "a rule needs a name");
}

static bool rule_audit(struct ctx *ctx, const char *action, const struct alert_rule *rule,
		       struct error *err)
{
	return audit_write(ctx, action, "alert_rule", rule->id,
			   json_pack("{s:s, s:s, s:b, s:s, s:I}", "name", rule->name, "kind",
				     rule->kind, "enabled", rule->enabled, "severity",
				     rule->severity, "for_ms", (json_int_t)rule->for_ms),
			   err) &&
	       db_notify(ctx->db, DB_CHANNEL_SCHEDULER, err);
}

static bool create(struct ctx *ctx, void *arg, struct error *err)
{
	struct alert_rule *rule = arg;

	return alert_rules_insert(ctx, rule, err) &&
	       rule_audit(ctx, "alert_rule.create", rule, err) &&
	       alert_rules_get(ctx, rule->id, rule, err);
}

bool alert_rule_create(struct ctx *ctx, struct alert_rule *rule, struct error *err)
{
	char id[ID_SIZE];

	id_random(id, "");
	rule->id = arena_strdup(ctx->arena, id);
	return rule_check(rule, err) && db_transaction(ctx, create, rule, err);
}

static bool update(struct ctx *ctx, void *arg, struct error *err)
{
	const struct alert_rule *rule = arg;

	return alert_rules_update(ctx, rule, err) &&
	       rule_audit(ctx, "alert_rule.update", rule, err);
}

bool alert_rule_update(struct ctx *ctx, const struct alert_rule *rule, struct error *err)
{
	struct alert_rule copy = *rule;

	return rule_check(rule, err) && db_transaction(ctx, update, &copy, err);
}

static bool delete (struct ctx *ctx, void *arg, struct error *err)
{
	struct alert_rule rule;

	return alert_rules_get(ctx, arg, &rule, err) && alert_rules_delete(ctx, rule.id, err) &&
	       rule_audit(ctx, "alert_rule.delete", &rule, err);
}

bool alert_rule_delete(struct ctx *ctx, const char *id, struct error *err)
{
	return db_transaction(ctx, delete, arena_strdup(ctx->arena, id), err);
}
