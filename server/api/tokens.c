/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "api/page.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/access/access.h"
#include "store/sessions.h"

#define EXPIRES_IN_MAX_S (INT64_C(10) * 366 * 86400)

static const struct field TOKEN_FIELDS[] = {
	FIELD_STRING(struct api_token, id, 0, 64),
	FIELD_STRING(struct api_token, name, 0, 128),
	FIELD_STRING(struct api_token, role, 0, 16),
	FIELD_STRINGS(struct api_token, scopes, scope_count, 0, 16, 32),
	FIELD_STRING(struct api_token, user_id, FIELD_NULLABLE, 64),
	FIELD_TIME(struct api_token, created_at, 0),
	FIELD_TIME(struct api_token, expires_at, FIELD_NULLABLE),
	FIELD_TIME(struct api_token, last_used_at, FIELD_NULLABLE),
	FIELD_END,
};

static const struct field DRAFT_FIELDS[] = {
	FIELD_STRING(struct token_draft, name, FIELD_REQUIRED, 128),
	FIELD_STRING(struct token_draft, role, 0, 16),
	FIELD_STRINGS(struct token_draft, scopes, scope_count, 0, 16, 32),
	FIELD_INT64(struct token_draft, expires_in_s, 0, 1, EXPIRES_IN_MAX_S),
	FIELD_END,
};

bool tokens_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct api_token *tokens;
	const char *next = NULL;
	struct time_page page;
	json_t *items;
	size_t count;
	int64_t total;

	if (!time_page_read(req, &page, err))
		return false;
	if (!tokens_list(ctx, page.before, page.before_id, page.limit + 1, &tokens, &count, &total,
			 err))
		return false;
	if (count > (size_t)page.limit) {
		count = (size_t)page.limit;
		next = time_page_next(ctx, tokens[count - 1].created_at, tokens[count - 1].id);
	}
	items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, fields_encode(TOKEN_FIELDS, &tokens[i]));
	return request_reply_page(req, items, next, total);
}

bool tokens_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct token_draft draft = {.name = NULL};
	struct api_token token;
	json_t *body;

	if (!fields_decode(DRAFT_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &draft, err))
		return false;
	/* Tied to the person who makes it, be it with a token: it never outlives his rights. */
	draft.user_id = ctx->actor->user_id;
	if (!access_create_token(ctx, &draft, &token, err))
		return false;
	body = fields_encode(TOKEN_FIELDS, &token);
	json_object_set_new(body, "token", json_string(token.secret));
	return request_reply_json(req, 201, body);
}

bool tokens_delete_handler(struct request *req, struct error *err)
{
	return access_revoke_token(request_ctx(req), request_arg(req, 0), err) &&
	       request_reply_empty(req, 204);
}
