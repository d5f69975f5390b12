/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/audit/audit.h"

#include "base/fields.h"
#include "store/audit.h"
#include "store/changes.h"

bool audit_write(struct ctx *ctx, const char *action, const char *object_kind,
		 const char *object_id, json_t *detail, struct error *err)
{
	struct audit_entry entry = {
		.action = action,
		.object_kind = object_kind,
		.object_id = object_id,
		.detail = detail == NULL ? NULL : json_keep(detail, ctx->arena),
	};

	if (!audit_insert(ctx, &entry, err))
		return false;
	if (ctx->project_id == NULL)
		return true;
	return changes_insert(ctx, "audit", object_id == NULL ? action : object_id, err);
}
