/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables app_user, membership and project. Users belong to the installation; functions whose comment
 * says so look at the project of ctx.
 */
#pragma once

#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "model/access.h"
#include "model/ctx.h"

MUST_CHECK bool users_any(struct ctx *ctx, bool *any, struct error *err);

/* CONFLICT when the login is taken. */
MUST_CHECK bool users_insert(struct ctx *ctx, const struct user *user, const char *password_hash,
			     struct error *err);

/* With the role in ctx's project (NULL project: no role). NOT_FOUND. */
MUST_CHECK bool users_get(struct ctx *ctx, const char *id, struct user *out, struct error *err);

/* By login, with the stored hash; *found is false when there is none. */
MUST_CHECK bool users_find_login(struct ctx *ctx, const char *login, bool *found, struct user *out,
				 const char **password_hash, struct error *err);

/* Those with a role in ctx's project, by login from after (NULL = the first). total counts all. */
MUST_CHECK bool users_list(struct ctx *ctx, const char *after, int64_t limit, struct user **out,
			   size_t *count, int64_t *total, struct error *err);

/* NULL = leave as it is. */
MUST_CHECK bool users_update(struct ctx *ctx, const char *id, const char *name,
			     const char *password_hash, struct error *err);
MUST_CHECK bool users_set_disabled(struct ctx *ctx, const char *id, bool disabled,
				   struct error *err);

/* In ctx's project; role NULL ends the membership. */
MUST_CHECK bool users_set_role(struct ctx *ctx, const char *id, const char *role,
			       struct error *err);

/* How many enabled users are admin in ctx's project, not counting except. */
MUST_CHECK bool users_count_admins(struct ctx *ctx, const char *except, int64_t *out,
				   struct error *err);

/* Whether the user has a role in another project than ctx's. */
MUST_CHECK bool users_elsewhere(struct ctx *ctx, const char *id, bool *out, struct error *err);

MUST_CHECK bool projects_insert(struct ctx *ctx, const struct project *project, struct error *err);

/* By id or name, with the user's role (role NULL: none, or user_id NULL). *found false: none. */
MUST_CHECK bool projects_find(struct ctx *ctx, const char *id_or_name, const char *user_id,
			      bool *found, struct project *out, struct error *err);

/* Those of a user with his role in each, oldest first; all of them when everyone is set. */
MUST_CHECK bool projects_list(struct ctx *ctx, const char *user_id, bool everyone,
			      struct project **out, size_t *count, struct error *err);
