/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/crypto.h"
#include "http/server.h"
#include "store/sessions.h"
#include "store/users.h"

enum { IDEMPOTENCY_KEY_MAX = 255, SECRET_MAX = 256 };

const char *api_cookie_name(const struct api *api)
{
	/* The prefix makes browsers insist on Secure, the whole path and this very host. */
	return api->secure_cookies ? "__Host-sid" : "sid";
}

const char *api_session_cookie(struct request *req)
{
	struct ctx *ctx = request_ctx(req);
	const char *name = api_cookie_name(ctx->server->api);
	const char *at = request_header(req, "Cookie");
	size_t length = strlen(name);

	while (at != NULL && *at != '\0') {
		size_t size;

		at += strspn(at, "; ");
		size = strcspn(at, ";");
		if (size > length && strncmp(at, name, length) == 0 && at[length] == '=')
			return arena_strndup(ctx->arena, at + length + 1, size - length - 1);
		at += size;
	}
	return NULL;
}

static bool is_safe(const struct request *req)
{
	return strcmp(request_method(req), "GET") == 0 || strcmp(request_method(req), "HEAD") == 0;
}

/* A browser says where a request comes from; other programs do not, and need not. */
static bool check_origin(struct request *req, struct error *err)
{
	const char *site = request_header(req, "Sec-Fetch-Site");
	const char *origin = request_header(req, "Origin");
	const char *host = request_header(req, "Host");
	const char *authority = origin == NULL ? NULL : strstr(origin, "://");

	if (is_safe(req))
		return true;
	if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
		return error_set(err, ERR_FORBIDDEN, "requests from other sites are refused");
	if (site == NULL && origin != NULL &&
	    (authority == NULL || host == NULL || strcasecmp(authority + 3, host) != 0))
		return error_set(err, ERR_FORBIDDEN, "requests from other sites are refused");
	return true;
}

static bool check_csrf(struct request *req, const struct session *session, struct error *err)
{
	const char *token = request_header(req, "X-CSRF-Token");

	if (is_safe(req))
		return true;
	if (token == NULL || strlen(token) != strlen(session->csrf) ||
	    !constant_time_equal(token, session->csrf, strlen(token)))
		return error_set(err, ERR_FORBIDDEN,
				 "the header X-CSRF-Token of this session is missing or wrong");
	return true;
}

static struct actor *new_actor(struct request *req)
{
	struct ctx *ctx = request_ctx(req);
	struct actor *actor = arena_alloc(ctx->arena, sizeof(*actor));

	actor->kind = ACTOR_ANONYMOUS;
	actor->remote = request_remote(req);
	ctx->actor = actor;
	return actor;
}

/* The secret of "Authorization: Bearer ...". *present says whether there is such a header at all. */
static bool bearer_secret(struct request *req, bool *present, const char **secret,
			  struct error *err)
{
	const char *header = request_header(req, "Authorization");

	*present = header != NULL;
	if (header == NULL)
		return true;
	if (strncasecmp(header, "Bearer ", 7) != 0 || strlen(header) > SECRET_MAX)
		return error_set(err, ERR_UNAUTHENTICATED, "only bearer tokens are supported");
	*secret = header + 7 + strspn(header + 7, " ");
	return true;
}

/* An event stream of a browser cannot carry a header: there the query names the project. */
static const char *wanted_project(struct request *req)
{
	const char *header = request_header(req, "Muster-Project");

	return header != NULL ? header : request_query(req, "project");
}

static bool enter_by_token(struct request *req, const char *secret, struct actor *actor,
			   struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *wanted = wanted_project(req);
	struct project project;
	struct api_token token;
	bool found;

	if (!access_check_token(ctx, secret, &token, err))
		return false;
	actor->kind = ACTOR_TOKEN;
	actor->id = token.id;
	actor->name = token.name;
	actor->user_id = token.user_id;
	actor->until = token.expires_at;
	actor->role = role_parse(token.role);
	actor->scopes = token.scopes;
	actor->scope_count = token.scope_count;
	ctx->project_id = token.project_id;
	if (wanted == NULL || strcmp(wanted, token.project_id) == 0)
		return true;
	if (!projects_find(ctx, wanted, NULL, &found, &project, err))
		return false;
	if (!found || strcmp(project.id, token.project_id) != 0)
		return error_set(err, ERR_FORBIDDEN, "the token is for another project");
	return true;
}

static bool choose_project(struct request *req, const struct user *user, struct project *out,
			   bool *found, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	const char *wanted = wanted_project(req);
	struct project *projects;
	size_t count;

	if (wanted != NULL) {
		if (!projects_find(ctx, wanted, user->id, found, out, err))
			return false;
		/* Whether a project exists is nobody's business who has no part in it. */
		if (!*found || (out->role == NULL && !user->system_admin))
			return error_set(err, ERR_FORBIDDEN, "you have no part in project %.64s",
					 wanted);
		return true;
	}
	if (!projects_list(ctx, user->id, user->system_admin, &projects, &count, err))
		return false;
	*found = count > 0;
	if (*found)
		*out = projects[0];
	return true;
}

static bool enter_by_session(struct request *req, const char *secret, struct actor *actor,
			     struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	struct session session;
	struct project project;
	bool found;

	if (!access_check_session(ctx, &ctx->server->api->limits, secret, &session, err) ||
	    !check_csrf(req, &session, err) ||
	    !choose_project(req, &session.user, &project, &found, err))
		return false;
	actor->kind = ACTOR_USER;
	actor->id = actor->user_id = session.user.id;
	actor->name = session.user.login;
	actor->system_admin = session.user.system_admin;
	if (found) {
		ctx->project_id = project.id;
		actor->role = session.user.system_admin ? ROLE_ADMIN : role_parse(project.role);
	}
	return true;
}

static bool authenticate(struct request *req, struct actor *actor, struct error *err)
{
	const char *secret = NULL;
	bool bearer;

	if (!bearer_secret(req, &bearer, &secret, err))
		return false;
	if (bearer)
		return enter_by_token(req, secret, actor, err);
	secret = api_session_cookie(req);
	if (secret == NULL || strlen(secret) > SECRET_MAX)
		return error_set(err, ERR_UNAUTHENTICATED, "sign in, or send a token");
	return enter_by_session(req, secret, actor, err);
}

static bool authorize(const struct request *req, const struct ctx *ctx, struct error *err)
{
	const struct route *route = request_route(req);
	const struct actor *actor = ctx->actor;

	if ((route->flags & ROUTE_SYSTEM_ADMIN) != 0 && !actor->system_admin)
		return error_set(err, ERR_FORBIDDEN,
				 "this needs an administrator of the installation");
	if ((route->flags & ROUTE_NO_PROJECT) == 0) {
		if (ctx->project_id == NULL)
			return error_set(err, ERR_FORBIDDEN, "you have no part in any project");
		if (actor->role < route->role)
			return error_set(err, ERR_FORBIDDEN, "this needs the role %s",
					 role_name(route->role));
	}
	if (actor->kind == ACTOR_TOKEN && route->scope != NULL &&
	    !scope_allows(actor->scopes, actor->scope_count, route->scope))
		return error_set(err, ERR_FORBIDDEN, "the token lacks the scope %s", route->scope);
	return true;
}

bool api_admit(struct request *req, struct error *err)
{
	const struct route *route = request_route(req);
	struct ctx *ctx = request_ctx(req);
	struct actor *actor;

	if (request_checked(req))
		return true;
	actor = new_actor(req);
	if (!check_origin(req, err))
		return false;
	if ((route->flags & ROUTE_NO_DB) == 0 &&
	    (ctx->db == NULL || !atomic_load(&ctx->server->api->serving)))
		return error_set(err, ERR_UNAVAILABLE, "the database cannot be reached");
	if ((route->flags & ROUTE_PUBLIC) == 0 &&
	    (!authenticate(req, actor, err) || !authorize(req, ctx, err)))
		return false;
	request_set_checked(req);
	return true;
}

bool api_check_bearer(struct request *req, struct error *err)
{
	struct api_token token;
	const char *secret = NULL;
	bool present;

	if (!bearer_secret(req, &present, &secret, err))
		return false;
	if (!present || request_ctx(req)->db == NULL)
		return error_set(err, ERR_UNAUTHENTICATED, "send a token");
	return access_check_token(request_ctx(req), secret, &token, err);
}

/* What makes two requests with one key the same request. */
static void hash_request(struct request *req, uint8_t out[SHA256_SIZE])
{
	const struct request_upload *upload = request_upload(req);
	struct sha256 *hash = sha256_new();
	size_t size;
	const char *body = request_body(req, &size);

	sha256_update(hash, request_path(req), strlen(request_path(req)) + 1);
	if (upload != NULL)
		sha256_update(hash, upload->sha256, SHA256_HEX_SIZE);
	sha256_update(hash, body, size);
	sha256_final(hash, out);
	sha256_free(hash);
}

static bool run_handler(struct request *req, struct error *err)
{
	if (!request_route(req)->handler(req, err))
		return false;
	return request_answered(req) || error_set(err, ERR_INTERNAL, "the handler gave no answer");
}

static bool replay(struct request *req, unsigned int status, const char *body, struct error *err)
{
	if (body == NULL)
		return error_set(err, ERR_CONFLICT,
				 "this request was carried out before; its answer was not kept");
	request_reply_header(req, "Idempotency-Replayed", "true");
	return *body == '\0' ? request_reply_empty(req, status)
			     : request_reply_text(req, status, "application/json", body);
}

/* A POST that is repeated with its key, because the answer got lost, is carried out once. */
static bool run_once(struct request *req, const char *key, struct error *err)
{
	struct ctx *ctx = request_ctx(req);
	bool secret = (request_route(req)->flags & ROUTE_SECRET) != 0;
	struct error ignored = {.code = ERR_NONE};
	uint8_t hash[SHA256_SIZE];
	enum idempotency_state state;
	const char *body = NULL;
	unsigned int status = 0;

	if (*key == '\0' || strlen(key) > IDEMPOTENCY_KEY_MAX)
		return error_set_field(err, ERR_INVALID, "Idempotency-Key",
				       "Idempotency-Key must have 1 to %d characters",
				       IDEMPOTENCY_KEY_MAX);
	hash_request(req, hash);
	if (!idempotency_begin(ctx, key, hash, &state, &status, &body, err))
		return false;
	if (state == IDEMPOTENCY_DONE)
		return replay(req, status, body, err);
	if (state == IDEMPOTENCY_RUNNING)
		return error_set(err, ERR_CONFLICT, "a request with this key is under way");
	if (state == IDEMPOTENCY_OTHER)
		return error_set_field(err, ERR_CONFLICT, "Idempotency-Key",
				       "the key was used for another request");
	if (!run_handler(req, err)) {
		/* Should this fail as well, the reservation falls after a minute. */
		(void)!idempotency_forget(ctx, key, &ignored);
		return false;
	}
	/* The change is made; that its answer could not be kept must not make it look failed. */
	(void)!idempotency_finish(ctx, key, request_status(req),
				  secret ? NULL : request_reply_body(req), &ignored);
	return true;
}

bool api_handle(struct request *req, struct error *err)
{
	const char *key = request_header(req, "Idempotency-Key");

	if (!api_admit(req, err) || !request_parse_json(req, err))
		return false;
	if (key != NULL && strcmp(request_method(req), "POST") == 0 &&
	    (request_route(req)->flags & ROUTE_PUBLIC) == 0)
		return run_once(req, key, err);
	return run_handler(req, err);
}
