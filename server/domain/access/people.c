/* SPDX-License-Identifier: Apache-2.0 */
/* Projects and users. */
#include <string.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "base/id.h"
#include "domain/access/access.h"
#include "domain/access/password.h"
#include "domain/audit/audit.h"
#include "store/db.h"
#include "store/sessions.h"
#include "store/users.h"

enum { FIRST_PASSWORD_BYTES = 15 };

static const char *new_id(struct arena *arena)
{
	char id[ID_SIZE];

	id_random(id, "");
	return arena_strdup(arena, id);
}

static bool check_password(const char *password, struct error *err)
{
	size_t length = strlen(password);

	if (length < ACCESS_PASSWORD_MIN)
		return error_set_field(err, ERR_INVALID, "password",
				       "a password needs at least %d characters",
				       ACCESS_PASSWORD_MIN);
	return length <= ACCESS_PASSWORD_MAX ||
	       error_set_field(err, ERR_INVALID, "password", "the password is too long");
}

/* Nobody hands out more than he has. */
static bool check_role(const struct ctx *ctx, const char *name, struct error *err)
{
	enum role role = role_parse(name);

	if (role == ROLE_NONE)
		return error_set_field(err, ERR_INVALID, "role",
				       "role must be viewer, operator, approver or admin");
	if (ctx->actor->kind != ACTOR_SYSTEM && !ctx->actor->system_admin &&
	    role > ctx->actor->role)
		return error_set_field(err, ERR_FORBIDDEN, "role",
				       "you cannot give a role above your own");
	return true;
}

static bool insert_project(struct ctx *ctx, void *arg, struct error *err)
{
	struct project *project = arg;
	const char *outer = ctx->project_id;
	bool ok;

	if (!projects_insert(ctx, project, err))
		return false;
	if (ctx->actor->kind == ACTOR_USER) {
		ctx->project_id = project->id;
		ok = users_set_role(ctx, ctx->actor->id, "admin", err);
		ctx->project_id = outer;
		if (!ok)
			return false;
	}
	ctx->project_id = project->id;
	ok = audit_write(ctx, "project.create", "project", project->id,
			 json_pack("{s:s}", "name", project->name), err);
	ctx->project_id = outer;
	return ok;
}

bool access_create_project(struct ctx *ctx, const char *name, struct project *out,
			   struct error *err)
{
	struct project project = {
		.id = new_id(ctx->arena),
		.name = name,
		.created_at = ctx->now,
		.role = "admin",
	};

	if (!id_valid_name(name))
		return error_set_field(
			err, ERR_INVALID, "name",
			"a name is 1 to 63 of a-z 0-9 . _ - and begins with a-z 0-9");
	if (!db_transaction(ctx, insert_project, &project, err))
		return false;
	*out = project;
	return true;
}

struct insertion {
	struct user user;
	const char *hash;
};

static bool insert_user(struct ctx *ctx, void *arg, struct error *err)
{
	struct insertion *insertion = arg;
	const struct user *user = &insertion->user;

	if (!users_insert(ctx, user, insertion->hash, err))
		return false;
	if (user->role != NULL && !users_set_role(ctx, user->id, user->role, err))
		return false;
	return audit_write(ctx, "user.create", "user", user->id,
			   json_pack("{s:s, s:s?}", "login", user->login, "role", user->role), err);
}

bool access_create_user(struct ctx *ctx, const struct user_draft *draft, struct user *out,
			struct error *err)
{
	struct insertion insertion = {
		.user = {.id = new_id(ctx->arena),
			 .login = draft->login,
			 .name = draft->name != NULL ? draft->name : draft->login,
			 .system_admin = draft->system_admin,
			 .role = draft->role,
			 .created_at = ctx->now},
	};
	size_t length = strlen(draft->login);

	if (length == 0 || length > ACCESS_LOGIN_MAX || strpbrk(draft->login, " \t\r\n") != NULL)
		return error_set_field(err, ERR_INVALID, "login",
				       "a login is 1 to %d characters without blanks",
				       ACCESS_LOGIN_MAX);
	if (draft->role != NULL && !check_role(ctx, draft->role, err))
		return false;
	if (!check_password(draft->password, err) ||
	    !password_hash(draft->password, ctx->arena, &insertion.hash, err) ||
	    !db_transaction(ctx, insert_user, &insertion, err))
		return false;
	*out = insertion.user;
	return true;
}

struct update {
	const char *id;
	const struct user_patch *patch;
	const char *hash;
	struct user user;
};

/* A project must not lose its last administrator by accident. */
static bool check_last_admin(struct ctx *ctx, const struct update *update, struct error *err)
{
	const struct user_patch *patch = update->patch;
	bool loses = (patch->role != NULL && strcmp(patch->role, "admin") != 0) ||
		     (patch->set_disabled && patch->disabled);
	int64_t others;

	if (!loses || update->user.role == NULL || strcmp(update->user.role, "admin") != 0)
		return true;
	if (!users_count_admins(ctx, update->id, &others, err))
		return false;
	return others > 0 ||
	       error_set(err, ERR_CONFLICT, "this is the last administrator of the project");
}

/*
 * Password, name and the right to sign in belong to the person: the administrator of one project must
 * not get into another through somebody who works in both.
 */
static bool check_reach(struct ctx *ctx, const struct update *update, struct error *err)
{
	const struct user_patch *patch = update->patch;
	bool personal = patch->name != NULL || patch->password != NULL || patch->set_disabled;
	const struct actor *actor = ctx->actor;
	bool elsewhere;

	if (actor->kind == ACTOR_SYSTEM || actor->system_admin)
		return true;
	if (update->user.role == NULL)
		return error_set(err, ERR_NOT_FOUND, "there is no user %.64s in this project",
				 update->id);
	if (!personal || (actor->kind == ACTOR_USER && strcmp(actor->id, update->id) == 0))
		return true;
	if (!users_elsewhere(ctx, update->id, &elsewhere, err))
		return false;
	if (update->user.system_admin || elsewhere)
		return error_set(err, ERR_FORBIDDEN,
				 "only an administrator of the installation can change this user");
	return true;
}

static bool apply_patch(struct ctx *ctx, void *arg, struct error *err)
{
	struct update *update = arg;
	const struct user_patch *patch = update->patch;
	bool ends = patch->password != NULL || (patch->set_disabled && patch->disabled);

	if (!users_get(ctx, update->id, &update->user, err) || !check_reach(ctx, update, err) ||
	    !check_last_admin(ctx, update, err))
		return false;
	if ((patch->name != NULL || update->hash != NULL) &&
	    !users_update(ctx, update->id, patch->name, update->hash, err))
		return false;
	if (patch->set_disabled && !users_set_disabled(ctx, update->id, patch->disabled, err))
		return false;
	if (patch->role != NULL &&
	    !users_set_role(ctx, update->id, *patch->role == '\0' ? NULL : patch->role, err))
		return false;
	if (ends && !sessions_delete_user(ctx, update->id, err))
		return false;
	return users_get(ctx, update->id, &update->user, err) &&
	       audit_write(ctx,
			   patch->role != NULL && *patch->role == '\0' ? "user.remove"
								       : "user.update",
			   "user", update->id,
			   json_pack("{s:s, s:s?, s:b, s:b}", "login", update->user.login, "role",
				     update->user.role, "password", patch->password != NULL,
				     "disabled", update->user.disabled_at != 0),
			   err);
}

bool access_update_user(struct ctx *ctx, const char *user_id, const struct user_patch *patch,
			struct user *out, struct error *err)
{
	struct update update = {.id = user_id, .patch = patch};

	if (patch->role != NULL && *patch->role != '\0' && !check_role(ctx, patch->role, err))
		return false;
	if (patch->password != NULL &&
	    (!check_password(patch->password, err) ||
	     !password_hash(patch->password, ctx->arena, &update.hash, err)))
		return false;
	if (!db_transaction(ctx, apply_patch, &update, err))
		return false;
	*out = update.user;
	return true;
}

bool access_first_admin(struct ctx *ctx, const char **password, struct error *err)
{
	uint8_t random[FIRST_PASSWORD_BYTES];
	char *text = arena_alloc(ctx->arena, BASE64URL_SIZE(sizeof(random)));
	struct user_draft draft = {
		.login = "admin",
		.name = "Administrator",
		.password = text,
		.role = "admin",
		.system_admin = true,
	};
	struct project project;
	struct user user;
	bool any;
	bool ok;

	*password = NULL;
	if (!users_any(ctx, &any, err))
		return false;
	if (any)
		return true;
	random_bytes(random, sizeof(random));
	base64url_encode(random, sizeof(random), text);
	if (!access_create_project(ctx, "default", &project, err))
		return false;
	ctx->project_id = project.id;
	ok = access_create_user(ctx, &draft, &user, err);
	ctx->project_id = NULL;
	if (ok)
		*password = text;
	return ok;
}
