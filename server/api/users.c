/* SPDX-License-Identifier: Apache-2.0 */
/* Users and projects. */
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/access/access.h"
#include "store/users.h"

static const struct field USER_FIELDS[] = {
	FIELD_STRING(struct user, id, 0, 64),
	FIELD_STRING(struct user, login, 0, ACCESS_LOGIN_MAX),
	FIELD_STRING(struct user, name, 0, 256),
	FIELD_STRING(struct user, role, FIELD_NULLABLE, 16),
	FIELD_BOOL(struct user, system_admin, 0),
	FIELD_TIME(struct user, created_at, 0),
	FIELD_TIME(struct user, disabled_at, FIELD_NULLABLE),
	FIELD_END,
};

static const struct field PROJECT_FIELDS[] = {
	FIELD_STRING(struct project, id, FIELD_READ_ONLY, 64),
	FIELD_STRING(struct project, name, FIELD_REQUIRED, 63),
	FIELD_STRING(struct project, role, FIELD_READ_ONLY | FIELD_NULLABLE, 16),
	FIELD_TIME(struct project, created_at, FIELD_READ_ONLY),
	FIELD_END,
};

static const struct field DRAFT_FIELDS[] = {
	FIELD_STRING(struct user_draft, login, FIELD_REQUIRED, ACCESS_LOGIN_MAX),
	FIELD_STRING(struct user_draft, name, 0, 256),
	FIELD_STRING(struct user_draft, password, FIELD_REQUIRED | FIELD_SECRET,
		     ACCESS_PASSWORD_MAX),
	FIELD_STRING(struct user_draft, role, FIELD_REQUIRED, 16),
	FIELD_END,
};

static const struct field PATCH_FIELDS[] = {
	FIELD_STRING(struct user_patch, name, 0, 256),
	FIELD_STRING(struct user_patch, password, FIELD_SECRET, ACCESS_PASSWORD_MAX),
	FIELD_STRING(struct user_patch, role, 0, 16),
	FIELD_BOOL(struct user_patch, disabled, 0),
	FIELD_END,
};

bool users_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	json_t *items;
	struct page page;
	struct user *users;
	size_t count;
	int64_t total;
	const char *next = NULL;

	if (!request_page(req, 1, &page, err) ||
	    !users_list(ctx, page.keys[0], page.limit + 1, &users, &count, &total, err))
		return false;
	if (count > (size_t)page.limit) {
		count = (size_t)page.limit;
		next = page_cursor(ctx, &users[count - 1].login, 1);
	}
	items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, fields_encode(USER_FIELDS, &users[i]));
	return request_reply_page(req, items, next, total);
}

bool users_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct user_draft draft = {.login = NULL};
	struct user user;

	if (!fields_decode(DRAFT_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &draft,
			   err) ||
	    !access_create_user(ctx, &draft, &user, err))
		return false;
	return request_reply_json(req, 201, fields_encode(USER_FIELDS, &user));
}

bool users_patch_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct user_patch patch = {.name = NULL};
	struct user user;

	if (!fields_decode(PATCH_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &patch, err))
		return false;
	patch.set_disabled = json_object_get(request_json(req), "disabled") != NULL;
	if (patch.role != NULL && *patch.role == '\0')
		return error_set_field(err, ERR_INVALID, "role",
				       "role must be viewer, operator, approver or admin");
	return access_update_user(ctx, request_arg(req, 0), &patch, &user, err) &&
	       request_reply_json(req, 200, fields_encode(USER_FIELDS, &user));
}

bool users_delete_handler(struct request *req, struct error *err)
{
	struct user_patch patch = {.role = ""};
	struct user user;

	return access_update_user(request_ctx(req), request_arg(req, 0), &patch, &user, err) &&
	       request_reply_empty(req, 204);
}

bool projects_list_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const struct actor *actor = ctx->actor;
	struct project *projects;
	struct project own;
	json_t *items;
	size_t count;
	bool found;

	if (actor->kind == ACTOR_TOKEN) {
		/* A token knows its own project and no other. */
		if (!projects_find(ctx, ctx->project_id, NULL, &found, &own, err))
			return false;
		own.role = role_name(actor->role);
		projects = &own;
		count = 1;
	} else if (!projects_list(ctx, actor->id, actor->system_admin, &projects, &count, err)) {
		return false;
	}
	items = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(items, fields_encode(PROJECT_FIELDS, &projects[i]));
	return request_reply_page(req, items, NULL, (int64_t)count);
}

bool projects_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct project project = {.name = NULL};

	return fields_decode(PROJECT_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &project,
			     err) &&
	       access_create_project(ctx, project.name, &project, err) &&
	       request_reply_json(req, 201, fields_encode(PROJECT_FIELDS, &project));
}
