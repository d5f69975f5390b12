/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sessions.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

static const struct field SESSION_FIELDS[] = {
	FIELD_STRING(struct session, csrf, 0, 64),
	FIELD_TIME(struct session, expires_at, 0),
	FIELD_STRING_AS("id", struct session, user.id, 0, 64),
	FIELD_STRING_AS("login", struct session, user.login, 0, 256),
	FIELD_STRING_AS("name", struct session, user.name, 0, 1024),
	FIELD_BOOL_AS("system_admin", struct session, user.system_admin, 0),
	FIELD_END,
};

static const struct field TOKEN_FIELDS[] = {
	FIELD_STRING(struct api_token, id, 0, 64),
	FIELD_STRING(struct api_token, project_id, 0, 64),
	FIELD_STRING(struct api_token, user_id, 0, 64),
	FIELD_STRING(struct api_token, name, 0, 256),
	FIELD_STRING(struct api_token, role, 0, 32),
	FIELD_TIME(struct api_token, created_at, 0),
	FIELD_TIME(struct api_token, expires_at, 0),
	FIELD_TIME(struct api_token, last_used_at, 0),
	FIELD_END,
};

bool sessions_insert(struct ctx *ctx, const uint8_t hash[SHA256_SIZE], const char *user_id,
		     const char *csrf, usec_t expires_at, struct error *err)
{
	static const char SESSIONS_INSERT[] =
		"INSERT INTO session (token_hash, user_id, csrf, created_at, last_used_at, "
		"expires_at, remote) VALUES ($1, $2, $3, $4, $4, $5, $6)";

	return db_exec(ctx->db, SESSIONS_INSERT,
		       DB_ARGS(db_bytes(hash, SHA256_SIZE), db_text(user_id), db_text(csrf),
			       db_time(ctx->now), db_time(expires_at), db_text(ctx->actor->remote)),
		       NULL, err);
}

bool sessions_find(struct ctx *ctx, const uint8_t hash[SHA256_SIZE], usec_t idle_since, bool *found,
		   struct session *out, struct error *err)
{
	static const char SESSIONS_FIND[] =
		"SELECT s.csrf, s.expires_at, u.id, u.login, u.name, u.system_admin, "
		"s.last_used_at < $2::timestamptz - interval '1 minute' AS stale "
		"FROM session s JOIN app_user u ON u.id = s.user_id WHERE s.token_hash = $1 "
		"AND s.expires_at > $2 AND s.last_used_at > $3 AND u.disabled_at IS NULL";
	static const char SESSIONS_USED[] =
		"UPDATE session SET last_used_at = $2 WHERE token_hash = $1";
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, SESSIONS_FIND,
		      DB_ARGS(db_bytes(hash, SHA256_SIZE), db_time(ctx->now), db_time(idle_since)),
		      &rows, err))
		return false;
	*found = rows.count > 0;
	*out = (struct session){.csrf = NULL};
	if (!*found)
		return true;
	if (!db_scan(&rows, 0, ctx->arena, SESSION_FIELDS, out, err))
		return false;
	return !db_get_bool(&rows, 0, 6) ||
	       db_exec(ctx->db, SESSIONS_USED,
		       DB_ARGS(db_bytes(hash, SHA256_SIZE), db_time(ctx->now)), NULL, err);
}

bool sessions_delete(struct ctx *ctx, const uint8_t hash[SHA256_SIZE], struct error *err)
{
	static const char SESSIONS_DELETE[] = "DELETE FROM session WHERE token_hash = $1";

	return db_exec(ctx->db, SESSIONS_DELETE, DB_ARGS(db_bytes(hash, SHA256_SIZE)), NULL, err);
}

bool sessions_delete_user(struct ctx *ctx, const char *user_id, struct error *err)
{
	static const char SESSIONS_DELETE_USER[] = "DELETE FROM session WHERE user_id = $1";

	return db_exec(ctx->db, SESSIONS_DELETE_USER, DB_ARGS(db_text(user_id)), NULL, err);
}

bool tokens_insert(struct ctx *ctx, const struct api_token *token, const uint8_t hash[SHA256_SIZE],
		   struct error *err)
{
	static const char TOKENS_INSERT[] =
		"INSERT INTO api_token (id, project_id, user_id, name, token_hash, role, scopes, "
		"created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

	return db_exec(ctx->db, TOKENS_INSERT,
		       DB_ARGS(db_text(token->id), db_text(ctx->project_id),
			       db_text(token->user_id), db_text(token->name),
			       db_bytes(hash, SHA256_SIZE), db_text(token->role),
			       db_texts(token->scopes, token->scope_count),
			       db_time(token->created_at), db_time(token->expires_at)),
		       NULL, err);
}

/* Scopes travel as JSON, for which there is a reader. */
static void read_scopes(struct arena *arena, json_t *list, struct api_token *token)
{
	size_t count = json_array_size(list);
	const char **scopes = arena_array(arena, count + 1, sizeof(*scopes));

	list = json_keep(list, arena);
	for (size_t i = 0; i < count; i++)
		scopes[i] = json_string_value(json_array_get(list, i));
	token->scopes = scopes;
	token->scope_count = count;
}

bool tokens_find(struct ctx *ctx, const uint8_t hash[SHA256_SIZE], bool *found,
		 struct api_token *out, struct error *err)
{
	static const char TOKENS_FIND[] =
		"SELECT array_to_json(t.scopes) AS scopes_json, "
		"coalesce(t.last_used_at < $2::timestamptz - interval '1 minute', true) AS stale, "
		"t.id, t.project_id, t.user_id, t.name, t.created_at, t.expires_at, t.last_used_at, "
		"CASE WHEN t.user_id IS NULL OR u.system_admin THEN t.role "
		"ELSE o.names[least(array_position(o.names, t.role), "
		"array_position(o.names, m.role))] END AS role FROM api_token t "
		"CROSS JOIN (SELECT '{viewer,operator,approver,admin}'::text[] AS names) o "
		"LEFT JOIN app_user u ON u.id = t.user_id "
		"LEFT JOIN membership m ON m.user_id = t.user_id AND m.project_id = t.project_id "
		"WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND u.disabled_at IS NULL "
		"AND (t.user_id IS NULL OR u.system_admin OR m.role IS NOT NULL) "
		"AND (t.expires_at IS NULL OR t.expires_at > $2)";
	static const char TOKENS_USED[] =
		"UPDATE api_token SET last_used_at = $2 WHERE token_hash = $1";
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, TOKENS_FIND,
		      DB_ARGS(db_bytes(hash, SHA256_SIZE), db_time(ctx->now)), &rows, err))
		return false;
	*found = rows.count > 0;
	*out = (struct api_token){.id = NULL};
	if (!*found)
		return true;
	if (!db_scan(&rows, 0, ctx->arena, TOKEN_FIELDS, out, err))
		return false;
	read_scopes(ctx->arena, db_get_json(&rows, 0, 0), out);
	return !db_get_bool(&rows, 0, 1) ||
	       db_exec(ctx->db, TOKENS_USED,
		       DB_ARGS(db_bytes(hash, SHA256_SIZE), db_time(ctx->now)), NULL, err);
}

bool tokens_list(struct ctx *ctx, usec_t before, const char *before_id, int64_t limit,
		 struct api_token **out, size_t *count, int64_t *total, struct error *err)
{
	static const char TOKENS_LIST[] =
		"SELECT (SELECT count(*) FROM api_token WHERE project_id = $1 "
		"AND revoked_at IS NULL) AS total, array_to_json(scopes) AS scopes_json, id, "
		"project_id, user_id, name, role, created_at, expires_at, last_used_at "
		"FROM api_token WHERE project_id = $1 AND revoked_at IS NULL "
		"AND ($2::timestamptz IS NULL OR created_at < $2 OR (created_at = $2 AND id > $3)) "
		"ORDER BY created_at DESC, id LIMIT $4";
	struct api_token *tokens;
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, TOKENS_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_time(before), db_text(before_id),
			      db_int(limit)),
		      &rows, err))
		return false;
	tokens = arena_array(ctx->arena, rows.count + 1, sizeof(*tokens));
	for (size_t i = 0; i < rows.count; i++) {
		if (!db_scan(&rows, i, ctx->arena, TOKEN_FIELDS, &tokens[i], err))
			return false;
		read_scopes(ctx->arena, db_get_json(&rows, i, 1), &tokens[i]);
	}
	*total = rows.count > 0 ? db_get_int(&rows, 0, 0) : 0;
	*out = tokens;
	*count = rows.count;
	return true;
}

bool tokens_revoke(struct ctx *ctx, const char *id, struct error *err)
{
	static const char TOKENS_REVOKE[] =
		"UPDATE api_token SET revoked_at = $3 WHERE id = $1 AND project_id = $2 "
		"AND revoked_at IS NULL";
	int64_t revoked;

	if (!db_exec(ctx->db, TOKENS_REVOKE,
		     DB_ARGS(db_text(id), db_text(ctx->project_id), db_time(ctx->now)), &revoked,
		     err))
		return false;
	return revoked > 0 || error_set(err, ERR_NOT_FOUND, "there is no token %.64s", id);
}

static bool idempotency_look(struct ctx *ctx, const char *key,
			     const uint8_t request_hash[SHA256_SIZE], enum idempotency_state *state,
			     unsigned int *status, const char **body, struct error *err)
{
	static const char IDEMPOTENCY_LOOK[] =
		"SELECT request_hash = $4, coalesce(status, 0), body FROM idempotency "
		"WHERE project_id = $1 AND actor_id = $2 AND key = $3";
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, IDEMPOTENCY_LOOK,
		      DB_ARGS(db_text(ctx->project_id), db_text(ctx->actor->id), db_text(key),
			      db_bytes(request_hash, SHA256_SIZE)),
		      &rows, err))
		return false;
	/* Gone meanwhile: its owner failed, and this one may be sent again. */
	*state = IDEMPOTENCY_RUNNING;
	if (rows.count == 0)
		return true;
	*status = (unsigned int)db_get_int(&rows, 0, 1);
	*body = db_get_text(&rows, 0, 2);
	if (!db_get_bool(&rows, 0, 0))
		*state = IDEMPOTENCY_OTHER;
	else if (*status != 0)
		*state = IDEMPOTENCY_DONE;
	return true;
}

bool idempotency_begin(struct ctx *ctx, const char *key, const uint8_t request_hash[SHA256_SIZE],
		       enum idempotency_state *state, unsigned int *status, const char **body,
		       struct error *err)
{
	static const char IDEMPOTENCY_BEGIN[] =
		"INSERT INTO idempotency AS i (project_id, actor_id, key, request_hash, created_at) "
		"VALUES ($1, $2, $3, $4, $5) ON CONFLICT (project_id, actor_id, key) "
		"DO UPDATE SET created_at = excluded.created_at WHERE i.status IS NULL "
		"AND i.request_hash = excluded.request_hash "
		"AND i.created_at < excluded.created_at - interval '1 minute'";
	int64_t reserved;

	if (!db_exec(ctx->db, IDEMPOTENCY_BEGIN,
		     DB_ARGS(db_text(ctx->project_id), db_text(ctx->actor->id), db_text(key),
			     db_bytes(request_hash, SHA256_SIZE), db_time(ctx->now)),
		     &reserved, err))
		return false;
	if (reserved > 0) {
		*state = IDEMPOTENCY_NEW;
		return true;
	}
	return idempotency_look(ctx, key, request_hash, state, status, body, err);
}

bool idempotency_finish(struct ctx *ctx, const char *key, unsigned int status, const char *body,
			struct error *err)
{
	static const char IDEMPOTENCY_FINISH[] =
		"UPDATE idempotency SET status = $4, body = $5 WHERE project_id = $1 "
		"AND actor_id = $2 AND key = $3";

	return db_exec(ctx->db, IDEMPOTENCY_FINISH,
		       DB_ARGS(db_text(ctx->project_id), db_text(ctx->actor->id), db_text(key),
			       db_int(status), db_text(body)),
		       NULL, err);
}

bool idempotency_forget(struct ctx *ctx, const char *key, struct error *err)
{
	static const char IDEMPOTENCY_FORGET[] =
		"DELETE FROM idempotency WHERE project_id = $1 AND actor_id = $2 AND key = $3 "
		"AND status IS NULL";

	return db_exec(ctx->db, IDEMPOTENCY_FORGET,
		       DB_ARGS(db_text(ctx->project_id), db_text(ctx->actor->id), db_text(key)),
		       NULL, err);
}
