/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "api/handlers.h"
#include "base/arena.h"
#include "store/audit.h"

static bool parse_id(const char *text, int64_t *out)
{
	char *end;

	*out = strtoll(text, &end, 10);
	return *out > 0 && *end == '\0';
}

bool audit_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct audit_filter filter = {
		.actor_id = request_query(req, "actor"),
		.action = request_query(req, "action"),
		.object_kind = request_query(req, "object_kind"),
		.object_id = request_query(req, "object"),
		.homeless = ctx->actor->system_admin,
	};
	struct audit_entry *entries;
	const char *next = NULL;
	struct page page;
	json_t *items;
	size_t count;

	if (!request_page(req, 1, &page, err))
		return false;
	if (page.key_count > 0 && !parse_id(page.keys[0], &filter.before))
		return error_set_field(err, ERR_INVALID, "cursor", "malformed cursor");
	filter.limit = page.limit + 1;
	if (!audit_list(ctx, &filter, &entries, &count, err))
		return false;
	if (count > (size_t)page.limit) {
		const char *key;

		count = (size_t)page.limit;
		key = arena_printf(ctx->arena, "%lld", (long long)entries[count - 1].id);
		next = page_cursor(ctx, &key, 1);
	}
	items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, audit_encode(&entries[i]));
	return request_reply_page(req, items, next, -1);
}
