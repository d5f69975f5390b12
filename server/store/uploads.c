/* SPDX-License-Identifier: Apache-2.0 */
#include "store/uploads.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

static const char UPLOADS_INSERT[] =
	"INSERT INTO upload (id, project_id, size, sha256, created_by, created_at, expires_at)"
	" SELECT $1, $2, $3, $4, $5, $6, $7"
	" WHERE (SELECT count(*) FROM upload WHERE project_id = $2) < $8";

#define UPLOAD_OPEN                                                 \
	"SELECT id, size, sha256, received, expires_at FROM upload" \
	" WHERE project_id = $1 AND id = $2 AND expires_at > $3"

static const char UPLOADS_GET[] = UPLOAD_OPEN;
static const char UPLOADS_GET_FOR_UPDATE[] = UPLOAD_OPEN " FOR UPDATE";

static const char UPLOADS_SET_RECEIVED[] =
	"UPDATE upload SET received = $3 WHERE project_id = $1 AND id = $2";

static const char UPLOADS_DELETE[] = "DELETE FROM upload WHERE project_id = $1 AND id = $2";

static const char UPLOADS_DELETE_EXPIRED[] =
	"DELETE FROM upload WHERE expires_at <= $1 RETURNING id";

static const struct field UPLOAD_FIELDS[] = {
	FIELD_STRING(struct upload, id, 0, 64),
	FIELD_INT64(struct upload, size, 0, 0, INT64_MAX),
	FIELD_STRING(struct upload, sha256, 0, 64),
	FIELD_INT64(struct upload, received, 0, 0, INT64_MAX),
	FIELD_TIME(struct upload, expires_at, 0),
	FIELD_END,
};

bool uploads_insert(struct ctx *ctx, const struct upload *upload, int64_t limit, struct error *err)
{
	int64_t inserted = 0;

	if (!db_exec(ctx->db, UPLOADS_INSERT,
		     DB_ARGS(db_text(upload->id), db_text(ctx->project_id), db_int(upload->size),
			     db_text(upload->sha256), db_text(ctx->actor->name), db_time(ctx->now),
			     db_time(upload->expires_at), db_int(limit)),
		     &inserted, err))
		return false;
	if (!inserted)
		return error_set(err, ERR_LIMITED,
				 "%" PRId64 " uploads are under way already: finish one, or wait "
				 "until it expires",
				 limit);
	return true;
}

static bool get(struct ctx *ctx, const char *sql, const char *id, struct upload *out,
		struct error *err)
{
	struct upload upload = {0};
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, sql,
		      DB_ARGS(db_text(ctx->project_id), db_text(id), db_time(ctx->now)), &rows,
		      err))
		return false;
	if (!rows.count)
		return error_set(err, ERR_NOT_FOUND, "upload \"%.40s\" does not exist", id);
	if (!db_scan(&rows, 0, ctx->arena, UPLOAD_FIELDS, &upload, err))
		return false;
	*out = upload;
	return true;
}

bool uploads_get(struct ctx *ctx, const char *id, struct upload *out, struct error *err)
{
	return get(ctx, UPLOADS_GET, id, out, err);
}

bool uploads_get_for_update(struct ctx *ctx, const char *id, struct upload *out, struct error *err)
{
	return get(ctx, UPLOADS_GET_FOR_UPDATE, id, out, err);
}

bool uploads_set_received(struct ctx *ctx, const char *id, int64_t received, struct error *err)
{
	return db_exec(ctx->db, UPLOADS_SET_RECEIVED,
		       DB_ARGS(db_text(ctx->project_id), db_text(id), db_int(received)), NULL, err);
}

bool uploads_delete(struct ctx *ctx, const char *id, struct error *err)
{
	return db_exec(ctx->db, UPLOADS_DELETE, DB_ARGS(db_text(ctx->project_id), db_text(id)),
		       NULL, err);
}

bool uploads_delete_expired(struct ctx *ctx, const char *const **ids, size_t *count,
			    struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, UPLOADS_DELETE_EXPIRED, DB_ARGS(db_time(ctx->now)),
		      &rows, err))
		return false;
	const char **list = arena_array(ctx->arena, rows.count, sizeof(*list));
	for (size_t i = 0; i < rows.count; i++)
		list[i] = db_get_text(&rows, i, 0);
	*ids = list;
	*count = rows.count;
	return true;
}
