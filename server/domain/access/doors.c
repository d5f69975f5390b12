/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and tokens. */
#include <string.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "base/id.h"
#include "domain/access/access.h"
#include "domain/access/password.h"
#include "domain/audit/audit.h"
#include "store/audit.h"
#include "store/changes.h"
#include "store/db.h"
#include "store/sessions.h"
#include "store/users.h"

#define TOKEN_PREFIX "mst_"
#define ATTEMPT_WINDOW (10 * USEC_PER_MINUTE)

enum { SECRET_BYTES = 32, CSRF_BYTES = 18, ADDRESS_FACTOR = 10, TOKEN_SCOPES_MAX = 16 };

static const char *const SCOPE_AREAS[] = {"nodes",    "configs", "packages",
					  "rollouts", "alerts",	 "admin"};

static const char *random_text(struct arena *arena, size_t size, const char *prefix)
{
	uint8_t bytes[SECRET_BYTES];
	char text[BASE64URL_SIZE(SECRET_BYTES)];
	const char *out;

	random_bytes(bytes, size);
	base64url_encode(bytes, size, text);
	out = arena_printf(arena, "%s%s", prefix, text);
	secure_wipe(bytes, sizeof(bytes));
	secure_wipe(text, sizeof(text));
	return out;
}

static bool refuse(struct ctx *ctx, const char *login, const char *reason, struct error *err)
{
	/* Outside any transaction: the record stays although the request fails. */
	if (!audit_write(ctx, "session.refuse", "session", NULL,
			 json_pack("{s:s, s:s}", "login", login, "reason", reason), err))
		return false;
	return error_set(err, ERR_UNAUTHENTICATED, "login or password is wrong");
}

static bool check_attempts(struct ctx *ctx, const struct access_limits *limits, const char *login,
			   struct error *err)
{
	int64_t by_login;
	int64_t by_address;

	if (!audit_count_refused(ctx, login, ctx->now - ATTEMPT_WINDOW, &by_login, &by_address,
				 err))
		return false;
	if (by_login >= limits->login_attempts ||
	    by_address >= limits->login_attempts * ADDRESS_FACTOR)
		return error_set(err, ERR_LIMITED,
				 "too many failed sign-ins: try again in 10 minutes");
	return true;
}

struct opening {
	struct session *session;
	uint8_t hash[SHA256_SIZE];
};

static bool open_session(struct ctx *ctx, void *arg, struct error *err)
{
	struct opening *opening = arg;
	struct session *session = opening->session;

	return sessions_insert(ctx, opening->hash, session->user.id, session->csrf,
			       session->expires_at, err) &&
	       audit_write(ctx, "session.create", "user", session->user.id, NULL, err);
}

bool access_sign_in(struct ctx *ctx, const struct access_limits *limits, const char *login,
		    const char *password, struct session *out, struct error *err)
{
	struct session session = {.csrf = NULL};
	struct opening opening = {.session = &session};
	const struct actor *outer = ctx->actor;
	struct actor actor = *outer;
	const char *hash = NULL;
	bool matches;
	bool found;
	bool ok;

	if (!check_attempts(ctx, limits, login, err) ||
	    !users_find_login(ctx, login, &found, &session.user, &hash, err) ||
	    !password_check(password, found ? hash : NULL, &matches, err))
		return false;
	if (!matches)
		return refuse(ctx, login, found ? "password" : "unknown login", err);
	if (session.user.disabled_at != 0)
		return refuse(ctx, login, "disabled", err);
	session.secret = random_text(ctx->arena, SECRET_BYTES, "");
	session.csrf = random_text(ctx->arena, CSRF_BYTES, "");
	session.expires_at = ctx->now + limits->session_max_ms * USEC_PER_MSEC;
	sha256(session.secret, strlen(session.secret), opening.hash);
	actor.kind = ACTOR_USER;
	actor.id = session.user.id;
	actor.name = session.user.login;
	ctx->actor = &actor;
	ok = db_transaction(ctx, open_session, &opening, err);
	ctx->actor = outer;
	if (ok)
		*out = session;
	return ok;
}

bool access_sign_out(struct ctx *ctx, const char *secret, struct error *err)
{
	uint8_t hash[SHA256_SIZE];

	sha256(secret, strlen(secret), hash);
	return sessions_delete(ctx, hash, err);
}

bool access_check_session(struct ctx *ctx, const struct access_limits *limits, const char *secret,
			  struct session *out, struct error *err)
{
	uint8_t hash[SHA256_SIZE];
	bool found;

	sha256(secret, strlen(secret), hash);
	if (!sessions_find(ctx, hash, ctx->now - limits->session_idle_ms * USEC_PER_MSEC, &found,
			   out, err))
		return false;
	return found || error_set(err, ERR_UNAUTHENTICATED, "the session has ended: sign in again");
}

bool scope_allows(const char *const *held, size_t held_count, const char *scope)
{
	size_t area = strcspn(scope, ":");

	for (size_t i = 0; i < held_count; i++) {
		const char *have = held[i];

		if (strcmp(have, "*") == 0 || strcmp(have, scope) == 0)
			return true;
		if (strncmp(have, scope, area + 1) == 0 &&
		    (strcmp(have + area + 1, "*") == 0 || strcmp(have + area + 1, "write") == 0))
			return true;
	}
	return false;
}

static bool scope_valid(const char *scope)
{
	size_t area = strcspn(scope, ":");

	if (strcmp(scope, "*") == 0)
		return true;
	if (strcmp(scope + area, ":read") != 0 && strcmp(scope + area, ":write") != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(SCOPE_AREAS); i++)
		if (strlen(SCOPE_AREAS[i]) == area && strncmp(scope, SCOPE_AREAS[i], area) == 0)
			return true;
	return false;
}

/* Also with the scopes of the actor, if it is a token itself. */
static bool check_scopes(const struct ctx *ctx, const struct token_draft *draft, struct error *err)
{
	const struct actor *actor = ctx->actor;

	if (draft->scope_count > TOKEN_SCOPES_MAX)
		return error_set_field(err, ERR_INVALID, "scopes", "too many scopes");
	for (size_t i = 0; i < draft->scope_count; i++) {
		const char *scope = draft->scopes[i];

		if (!scope_valid(scope))
			return error_set_field(
				err, ERR_INVALID, "scopes",
				"\"%.32s\" is no scope: use *, or nodes, configs, packages, "
				"rollouts, alerts or admin with :read or :write",
				scope);
		if (actor->kind == ACTOR_TOKEN &&
		    !scope_allows(actor->scopes, actor->scope_count, scope))
			return error_set_field(err, ERR_FORBIDDEN, "scopes",
					       "a token cannot give scopes that it lacks");
	}
	return true;
}

struct making {
	struct api_token *token;
	uint8_t hash[SHA256_SIZE];
};

static bool make_token(struct ctx *ctx, void *arg, struct error *err)
{
	struct making *making = arg;
	const struct api_token *token = making->token;

	return tokens_insert(ctx, token, making->hash, err) &&
	       audit_write(ctx, "token.create", "token", token->id,
			   json_pack("{s:s, s:s}", "name", token->name, "role", token->role),
			   err) &&
	       changes_insert(ctx, "token", token->id, err);
}

bool access_create_token(struct ctx *ctx, const struct token_draft *draft, struct api_token *out,
			 struct error *err)
{
	static const char *const EVERYTHING[] = {"*"};
	const struct actor *actor = ctx->actor;
	struct making making;
	char id[ID_SIZE];
	struct api_token token = {
		.project_id = ctx->project_id,
		.user_id = draft->user_id,
		.name = draft->name,
		.role = draft->role != NULL ? draft->role : "viewer",
		.scopes = draft->scope_count > 0 ? draft->scopes : EVERYTHING,
		.scope_count = draft->scope_count > 0 ? draft->scope_count : 1,
		.created_at = ctx->now,
	};
	struct token_draft effective = *draft;
	enum role role = role_parse(token.role);

	effective.scopes = token.scopes;
	effective.scope_count = token.scope_count;
	if (role == ROLE_NONE)
		return error_set_field(err, ERR_INVALID, "role",
				       "role must be viewer, operator, approver or admin");
	if (actor->kind != ACTOR_SYSTEM && role > actor->role)
		return error_set_field(err, ERR_FORBIDDEN, "role",
				       "a token cannot have a role above your own");
	if (!check_scopes(ctx, &effective, err))
		return false;
	if (draft->expires_in_s > 0)
		token.expires_at = ctx->now + draft->expires_in_s * USEC_PER_SEC;
	/* A token that makes another one does not live on in it. */
	if (actor->until > 0 && (token.expires_at == 0 || token.expires_at > actor->until))
		token.expires_at = actor->until;
	id_random(id, "");
	token.id = arena_strdup(ctx->arena, id);
	token.secret = random_text(ctx->arena, SECRET_BYTES, TOKEN_PREFIX);
	sha256(token.secret, strlen(token.secret), making.hash);
	making.token = &token;
	if (!db_transaction(ctx, make_token, &making, err))
		return false;
	*out = token;
	return true;
}

static bool revoke_token(struct ctx *ctx, void *arg, struct error *err)
{
	const char *const *id = arg;

	return tokens_revoke(ctx, *id, err) &&
	       audit_write(ctx, "token.revoke", "token", *id, NULL, err) &&
	       changes_insert(ctx, "token", *id, err);
}

bool access_revoke_token(struct ctx *ctx, const char *token_id, struct error *err)
{
	return db_transaction(ctx, revoke_token, &token_id, err);
}

bool access_check_token(struct ctx *ctx, const char *secret, struct api_token *out,
			struct error *err)
{
	uint8_t hash[SHA256_SIZE];
	bool found = false;

	if (strncmp(secret, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0) {
		sha256(secret, strlen(secret), hash);
		if (!tokens_find(ctx, hash, &found, out, err))
			return false;
	}
	return found ||
	       error_set(err, ERR_UNAUTHENTICATED, "the token is unknown, expired or revoked");
}
