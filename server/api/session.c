/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/api.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "base/arena.h"
#include "base/fields.h"
#include "domain/audit/audit.h"
#include "http/request.h"
#include "store/users.h"

struct sign_in {
	const char *login;
	const char *password;
};

static const struct field SIGN_IN_FIELDS[] = {
	FIELD_STRING(struct sign_in, login, FIELD_REQUIRED, ACCESS_LOGIN_MAX),
	FIELD_STRING(struct sign_in, password, FIELD_REQUIRED | FIELD_SECRET, ACCESS_PASSWORD_MAX),
	FIELD_END,
};

static void set_cookie(struct request *req, const char *secret, int64_t max_age_s)
{
	struct ctx *ctx = request_ctx(req);
	const struct api *api = ctx->server->api;

	request_reply_header(
		req, "Set-Cookie",
		arena_printf(ctx->arena, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s",
			     api_cookie_name(api), secret, (long long)max_age_s,
			     api->secure_cookies ? "; Secure" : ""));
}

static json_t *encode_membership(const struct project *project, bool system_admin)
{
	return json_pack("{s:s, s:s, s:s}", "id", project->id, "name", project->name, "role",
			 system_admin ? "admin" : project->role);
}

/* What the dashboard needs to begin: who, where, with which rights. */
static bool reply_session(struct request *req, unsigned int status, const struct session *session,
			  struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	bool all = session->user.system_admin;
	json_t *chosen = json_null();
	struct project *projects;
	json_t *list;
	json_t *body;
	size_t count;

	if (!projects_list(ctx, session->user.id, all, &projects, &count, err))
		return false;
	list = json_array();
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(list, encode_membership(&projects[i], all));
		if (ctx->project_id == NULL ? i == 0 : strcmp(projects[i].id, ctx->project_id) == 0)
			chosen = encode_membership(&projects[i], all);
	}
	body = json_pack("{s:{s:s, s:s, s:s, s:b}, s:o, s:o, s:s, s:o}", "user", "id",
			 session->user.id, "login", session->user.login, "name", session->user.name,
			 "system_admin", session->user.system_admin, "project", chosen, "projects",
			 list, "csrf", session->csrf, "expires_at",
			 encode_time(session->expires_at));
	return request_reply_json(req, status, body);
}

bool session_post_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const struct access_limits *limits = &ctx->server->api->limits;
	struct sign_in input = {.login = NULL};
	struct session session;

	if (!fields_decode(SIGN_IN_FIELDS, request_json(req), FIELDS_STRICT, ctx->arena, &input,
			   err) ||
	    !access_sign_in(ctx, limits, input.login, input.password, &session, err))
		return false;
	set_cookie(req, session.secret, limits->session_max_ms / 1000);
	return reply_session(req, 200, &session, err);
}

bool session_get_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *secret = api_session_cookie(req);
	struct session session;

	if (ctx->actor->kind != ACTOR_USER || secret == NULL)
		return error_set(err, ERR_UNAUTHENTICATED, "a token has no session");
	return access_check_session(ctx, &ctx->server->api->limits, secret, &session, err) &&
	       reply_session(req, 200, &session, err);
}

bool session_delete_handler(struct request *req, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *secret = api_session_cookie(req);

	if (secret != NULL && ctx->actor->kind == ACTOR_USER &&
	    (!access_sign_out(ctx, secret, err) ||
	     !audit_write(ctx, "session.delete", "user", ctx->actor->id, NULL, err)))
		return false;
	set_cookie(req, "", 0);
	return request_reply_empty(req, 204);
}
