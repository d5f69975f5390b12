/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People, projects and what opens the door: passwords (argon2id), sessions of browsers, tokens of the
 * API. Secrets are made here, handed out once and stored as hashes. Changes write their audit row.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "model/access.h"
#include "model/ctx.h"

#define ACCESS_PASSWORD_MIN 10 /* characters of a new password */
#define ACCESS_PASSWORD_MAX 1024
#define ACCESS_LOGIN_MAX 128

/* The administrator of a new installation: makes project "default" and user admin with a random
 * password, unless there is any user already (then *password is NULL). For standalone. */
MUST_CHECK bool access_first_admin(struct ctx *ctx, const char **password, struct error *err);

/* --- projects --- */

MUST_CHECK bool access_create_project(struct ctx *ctx, const char *name, struct project *out,
				      struct error *err);

/* --- users --- */

struct user_draft {
	const char *login;
	const char *name; /* NULL = the login */
	const char *password;
	const char *role; /* in ctx's project; NULL = no membership */
	bool system_admin;
};

MUST_CHECK bool access_create_user(struct ctx *ctx, const struct user_draft *draft,
				   struct user *out, struct error *err);

/* What to change; NULL = leave. A new password or disabling ends all sessions of the user. */
struct user_patch {
	const char *name;
	const char *password;
	const char *role; /* "" = end the membership */
	bool set_disabled;
	bool disabled;
};

MUST_CHECK bool access_update_user(struct ctx *ctx, const char *user_id,
				   const struct user_patch *patch, struct user *out,
				   struct error *err);

/* --- signing in --- */

struct access_limits {
	int64_t session_idle_ms;
	int64_t session_max_ms;
	int64_t login_attempts; /* failed ones in 10 minutes */
};

/* UNAUTHENTICATED for a wrong login or password alike, LIMITED after too many, UNAVAILABLE when too
 * many passwords are being checked. A refusal is audited. */
MUST_CHECK bool access_sign_in(struct ctx *ctx, const struct access_limits *limits,
			       const char *login, const char *password, struct session *out,
			       struct error *err);
MUST_CHECK bool access_sign_out(struct ctx *ctx, const char *secret, struct error *err);

/* The session of a cookie, prolonged. UNAUTHENTICATED when there is none. */
MUST_CHECK bool access_check_session(struct ctx *ctx, const struct access_limits *limits,
				     const char *secret, struct session *out, struct error *err);

/* --- tokens --- */

struct token_draft {
	const char *name;
	const char *role;	   /* NULL = viewer */
	const char *const *scopes; /* none = all ("*") */
	size_t scope_count;
	int64_t expires_in_s; /* 0 = never */
	const char *user_id;  /* NULL = nobody's */
};

/* Not above the role of the actor, nor beyond its end. */
MUST_CHECK bool access_create_token(struct ctx *ctx, const struct token_draft *draft,
				    struct api_token *out, struct error *err);
MUST_CHECK bool access_revoke_token(struct ctx *ctx, const char *token_id, struct error *err);

/* The token that belongs to a secret. UNAUTHENTICATED when unknown, expired or revoked. */
MUST_CHECK bool access_check_token(struct ctx *ctx, const char *secret, struct api_token *out,
				   struct error *err);

/* Does scope ("nodes:write") follow from what a token holds ("nodes:write", "nodes:*", "*")? Write
 * includes read. */
bool scope_allows(const char *const *held, size_t held_count, const char *scope);
