/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts: the scheduler compares what is wrong (view alert_condition) with what is open, and people
 * acknowledge. Each change tells the feed and, when it fires or resolves, the webhooks.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/alert.h"
#include "model/ctx.h"

/* A task of the scheduler, over all projects; ctx->project_id is set while it works. */
MUST_CHECK bool alerts_evaluate(struct ctx *ctx, bool *busy, struct error *err);

MUST_CHECK bool alert_acknowledge(struct ctx *ctx, const char *id, struct alert *out,
				  struct error *err);

/* Checked and written with audit. create makes the id; update takes all members but kind. */
MUST_CHECK bool alert_rule_create(struct ctx *ctx, struct alert_rule *rule, struct error *err);
MUST_CHECK bool alert_rule_update(struct ctx *ctx, const struct alert_rule *rule,
				  struct error *err);
MUST_CHECK bool alert_rule_delete(struct ctx *ctx, const char *id, struct error *err);
