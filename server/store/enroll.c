/* SPDX-License-Identifier: Apache-2.0 */
#include "store/enroll.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

#define TOKEN_COLUMNS                                                                             \
	"id, project_id, (SELECT p.name FROM project p WHERE p.id = project_id) AS project_name," \
	" name, labels, uses, uses_left, expires_at, revoked_at, created_by, created_at"

static const char ENROLL_TOKENS_INSERT[] =
	"INSERT INTO enroll_token (id, project_id, name, token_hash, labels, uses, uses_left,"
	" expires_at, created_by, created_at)"
	" VALUES ($1, $2, $3, $4, coalesce($5::jsonb, '{}'), $6, $6, $7, $8, $9)";

static const char ENROLL_TOKENS_LIST[] =
	"SELECT " TOKEN_COLUMNS " FROM enroll_token WHERE project_id = $1"
	" AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))"
	" ORDER BY created_at DESC, id DESC LIMIT $4";

static const char ENROLL_TOKENS_COUNT[] = "SELECT count(*) FROM enroll_token WHERE project_id = $1";

static const char ENROLL_TOKENS_REVOKE[] =
	"UPDATE enroll_token SET revoked_at = $3"
	" WHERE project_id = $1 AND id = $2 AND revoked_at IS NULL";

static const char ENROLL_TOKENS_FIND_BY_HASH[] =
	"SELECT " TOKEN_COLUMNS " FROM enroll_token WHERE token_hash = $1";

/* Whoever comes at the same time waits here for the other's commit, so this comes last. */
static const char ENROLL_TOKENS_USE[] =
	"UPDATE enroll_token SET uses_left = uses_left - 1 WHERE project_id = $1 AND id = $2"
	" AND uses_left > 0 AND revoked_at IS NULL";

static const char ENROLLMENTS_FIND[] =
	"SELECT e.node_id, e.certificate FROM enrollment e JOIN enroll_token t ON t.id = e.token_id"
	" WHERE t.project_id = $1 AND e.token_id = $2 AND e.key_sha256 = $3";

static const char ENROLLMENTS_INSERT[] =
	"INSERT INTO enrollment (token_id, key_sha256, node_id, certificate, at)"
	" VALUES ($1, $2, $3, $4, $5)";

static const char ENROLLMENTS_KEY_KNOWN[] =
	"SELECT EXISTS (SELECT FROM node WHERE key_sha256 = $1 AND state <> 'retired')"
	" OR EXISTS (SELECT FROM node_certificate c JOIN node n ON n.id = c.node_id"
	"  WHERE c.key_sha256 = $1 AND n.state <> 'retired')";

static const char ENROLLMENTS_REFUSED_SINCE[] =
	"SELECT count(*) FROM (SELECT action, at FROM audit ORDER BY id DESC LIMIT 200) newest"
	" WHERE action = 'node.enroll_refused' AND at >= $1";

static const struct field TOKEN_FIELDS[] = {
	FIELD_STRING(struct enroll_token, id, 0, 64),
	FIELD_STRING(struct enroll_token, project_id, 0, 64),
	FIELD_STRING(struct enroll_token, project_name, 0, 64),
	FIELD_STRING(struct enroll_token, name, 0, 512),
	FIELD_JSON(struct enroll_token, labels, 0),
	FIELD_INT64(struct enroll_token, uses, 0, 0, INT64_MAX),
	FIELD_INT64(struct enroll_token, uses_left, 0, 0, INT64_MAX),
	FIELD_TIME(struct enroll_token, expires_at, 0),
	FIELD_TIME(struct enroll_token, revoked_at, 0),
	FIELD_STRING(struct enroll_token, created_by, 0, 512),
	FIELD_TIME(struct enroll_token, created_at, 0),
	FIELD_END,
};

bool enroll_tokens_insert(struct ctx *ctx, const struct enroll_token *token,
			  const uint8_t hash[SHA256_SIZE], struct error *err)
{
	return db_exec(ctx->db, ENROLL_TOKENS_INSERT,
		       DB_ARGS(db_text(token->id), db_text(ctx->project_id), db_text(token->name),
			       db_bytes(hash, SHA256_SIZE), db_json(token->labels),
			       db_int(token->uses), db_time(token->expires_at),
			       db_text(token->created_by), db_time(ctx->now)),
		       NULL, err);
}

bool enroll_tokens_list(struct ctx *ctx, const char *after_at, const char *after_id, int64_t limit,
			struct enroll_token **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ENROLL_TOKENS_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(after_at), db_text(after_id),
			      db_int(limit)),
		      &rows, err))
		return false;
	struct enroll_token *tokens = arena_array(ctx->arena, rows.count, sizeof(*tokens));
	for (size_t i = 0; i < rows.count; i++)
		if (!db_scan(&rows, i, ctx->arena, TOKEN_FIELDS, &tokens[i], err))
			return false;
	*out = tokens;
	*count = rows.count;
	return true;
}

bool enroll_tokens_count(struct ctx *ctx, int64_t *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ENROLL_TOKENS_COUNT, DB_ARGS(db_text(ctx->project_id)),
		      &rows, err))
		return false;
	*out = db_get_int(&rows, 0, 0);
	return true;
}

bool enroll_tokens_revoke(struct ctx *ctx, const char *id, struct error *err)
{
	int64_t revoked = 0;

	if (!db_exec(ctx->db, ENROLL_TOKENS_REVOKE,
		     DB_ARGS(db_text(ctx->project_id), db_text(id), db_time(ctx->now)), &revoked,
		     err))
		return false;
	if (!revoked)
		return error_set(err, ERR_NOT_FOUND, "enrolment token \"%.40s\" does not exist",
				 id);
	return true;
}

bool enroll_tokens_find_by_hash(struct ctx *ctx, const uint8_t hash[SHA256_SIZE],
				struct enroll_token *out, bool *found, struct error *err)
{
	struct enroll_token token = {0};
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ENROLL_TOKENS_FIND_BY_HASH,
		      DB_ARGS(db_bytes(hash, SHA256_SIZE)), &rows, err))
		return false;
	*found = rows.count > 0;
	if (*found && !db_scan(&rows, 0, ctx->arena, TOKEN_FIELDS, &token, err))
		return false;
	*out = token;
	return true;
}

bool enroll_tokens_use(struct ctx *ctx, const char *id, struct error *err)
{
	int64_t used;

	if (!db_exec(ctx->db, ENROLL_TOKENS_USE, DB_ARGS(db_text(ctx->project_id), db_text(id)),
		     &used, err))
		return false;
	return used > 0 ||
	       error_set(err, ERR_UNAUTHENTICATED, "enrolment token is used up or revoked");
}

bool enrollments_find(struct ctx *ctx, const char *token_id, const uint8_t key_sha256[SHA256_SIZE],
		      struct enrollment *out, bool *found, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ENROLLMENTS_FIND,
		      DB_ARGS(db_text(ctx->project_id), db_text(token_id),
			      db_bytes(key_sha256, SHA256_SIZE)),
		      &rows, err))
		return false;
	*found = rows.count > 0;
	if (*found)
		*out = (struct enrollment){db_get_text(&rows, 0, 0), db_get_text(&rows, 0, 1)};
	return true;
}

bool enrollments_insert(struct ctx *ctx, const char *token_id,
			const uint8_t key_sha256[SHA256_SIZE], const struct enrollment *enrollment,
			struct error *err)
{
	return db_exec(ctx->db, ENROLLMENTS_INSERT,
		       DB_ARGS(db_text(token_id), db_bytes(key_sha256, SHA256_SIZE),
			       db_text(enrollment->node_id), db_text(enrollment->certificate),
			       db_time(ctx->now)),
		       NULL, err);
}

bool enrollments_key_known(struct ctx *ctx, const uint8_t key_sha256[SHA256_SIZE], bool *known,
			   struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ENROLLMENTS_KEY_KNOWN,
		      DB_ARGS(db_bytes(key_sha256, SHA256_SIZE)), &rows, err))
		return false;
	*known = db_get_bool(&rows, 0, 0);
	return true;
}

bool enrollments_refused_since(struct ctx *ctx, usec_t since, int64_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ENROLLMENTS_REFUSED_SINCE, DB_ARGS(db_time(since)),
		      &rows, err))
		return false;
	*count = db_get_int(&rows, 0, 0);
	return true;
}
