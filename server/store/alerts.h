/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts and their rules. Within ctx->project_id, except the three evaluations, which say so. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/alert.h"
#include "model/ctx.h"

/* Over all projects; at most limit alerts change, those that do are given. Within a transaction. */
MUST_CHECK bool alerts_open(struct ctx *ctx, int64_t limit, struct alert **out, size_t *count,
			    struct error *err);
MUST_CHECK bool alerts_fire(struct ctx *ctx, int64_t limit, struct alert **out, size_t *count,
			    struct error *err);
MUST_CHECK bool alerts_resolve(struct ctx *ctx, int64_t limit, struct alert **out, size_t *count,
			       struct error *err);
/* Pending alerts whose condition went away before they fired: as if they had never been. */
MUST_CHECK bool alerts_forget_pending(struct ctx *ctx, struct error *err);

/* state: NULL = all, "open" = not resolved, else that state. Newest first, behind (at, id). total is at
 * most ALERTS_COUNTED_MAX + 1, which stands for more than that. */
enum { ALERTS_COUNTED_MAX = 2000 };
MUST_CHECK bool alerts_list(struct ctx *ctx, const char *state, const char *node, usec_t before,
			    const char *before_id, int64_t limit, struct alert **out, size_t *count,
			    int64_t *total, struct error *err);
MUST_CHECK bool alerts_get(struct ctx *ctx, const char *id, struct alert *out, struct error *err);
/* ERR_CONFLICT when it is not firing. */
MUST_CHECK bool alerts_acknowledge(struct ctx *ctx, const char *id, const char *by,
				   struct error *err);

MUST_CHECK bool alert_rules_list(struct ctx *ctx, struct alert_rule **out, size_t *count,
				 struct error *err);
MUST_CHECK bool alert_rules_get(struct ctx *ctx, const char *id, struct alert_rule *out,
				struct error *err);
MUST_CHECK bool alert_rules_insert(struct ctx *ctx, const struct alert_rule *rule,
				   struct error *err);
/* Name, enabled, severity and for_ms. */
MUST_CHECK bool alert_rules_update(struct ctx *ctx, const struct alert_rule *rule,
				   struct error *err);
MUST_CHECK bool alert_rules_delete(struct ctx *ctx, const char *id, struct error *err);
