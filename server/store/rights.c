/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rights.h"

#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "store/db.h"

/* A right is "session:<sha256 of the secret>:<project>" or "token:<id>:<project>". */
static const char RIGHTS_ENDED[] =
	"SELECT r FROM unnest($1::text[]) AS r WHERE NOT EXISTS ("
	"SELECT 1 FROM session s JOIN app_user u ON u.id = s.user_id "
	"LEFT JOIN membership m ON m.user_id = u.id AND m.project_id = split_part(r, ':', 3) "
	"WHERE s.token_hash = CASE WHEN split_part(r, ':', 1) = 'session' "
	"THEN decode(split_part(r, ':', 2), 'hex') END AND s.expires_at > $2 "
	"AND u.disabled_at IS NULL AND (u.system_admin OR m.role IS NOT NULL)) "
	"AND NOT EXISTS (SELECT 1 FROM api_token t LEFT JOIN app_user u ON u.id = t.user_id "
	"LEFT JOIN membership m ON m.user_id = t.user_id AND m.project_id = t.project_id "
	"WHERE t.id = CASE WHEN split_part(r, ':', 1) = 'token' THEN split_part(r, ':', 2) END "
	"AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2) "
	"AND u.disabled_at IS NULL "
	"AND (t.user_id IS NULL OR u.system_admin OR m.role IS NOT NULL))";

const char *right_of_session(struct ctx *ctx, const char *secret)
{
	char hash[SHA256_HEX_SIZE];

	sha256_hex(secret, strlen(secret), hash);
	return arena_printf(ctx->arena, "session:%s:%s", hash, ctx->project_id);
}

const char *right_of_token(struct ctx *ctx, const char *token_id)
{
	return arena_printf(ctx->arena, "token:%s:%s", token_id, ctx->project_id);
}

bool rights_ended(struct ctx *ctx, const char *const *rights, size_t count,
		  const char *const **ended, size_t *ended_count, struct error *err)
{
	struct db_rows rows;
	const char **list;

	if (!db_query(ctx->db, ctx->arena, RIGHTS_ENDED,
		      DB_ARGS(db_texts(rights, count), db_time(ctx->now)), &rows, err))
		return false;
	list = arena_array(ctx->arena, rows.count + 1, sizeof(*list));
	for (size_t i = 0; i < rows.count; i++)
		list[i] = db_get_text(&rows, i, 0);
	*ended = list;
	*ended_count = rows.count;
	return true;
}
