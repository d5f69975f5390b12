/* SPDX-License-Identifier: Apache-2.0 */
/* People, projects, sessions and tokens as records. Strings live as long as the unit of work. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "model/ctx.h"

/* "viewer" ... "admin"; NULL and ROLE_NONE for what is none. */
const char *role_name(enum role role);
enum role role_parse(const char *name);

struct project {
	const char *id;
	const char *name;
	usec_t created_at;
	const char *role; /* of the user in question, NULL when not asked for */
};

struct user {
	const char *id;
	const char *login;
	const char *name;
	bool system_admin;
	const char *role; /* in ctx's project; NULL = none */
	usec_t created_at;
	usec_t disabled_at; /* 0 = may sign in */
};

struct session {
	const char *secret; /* for the cookie; only when just made */
	const char *csrf;
	usec_t expires_at;
	struct user user;
};

struct api_token {
	const char *id;
	const char *project_id;
	const char *user_id;
	const char *name;
	const char *role;
	const char *const *scopes;
	size_t scope_count;
	usec_t created_at;
	usec_t expires_at; /* 0 = never */
	usec_t last_used_at;
	const char *secret; /* "mst_...", only when just made */
};
