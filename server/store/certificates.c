/* SPDX-License-Identifier: Apache-2.0 */
#include "store/certificates.h"

#include "base/arena.h"
#include "store/db.h"

static const char CERTIFICATES_INSERT[] =
	"INSERT INTO node_certificate (serial, node_id, key_sha256, certificate, issued_at, not_after)"
	" VALUES ($1, $2, $3, $4, $5, $6)";

static const char CERTIFICATES_SHOW[] =
	"UPDATE node SET cert_serial = $2, cert_not_after = $3, key_sha256 = $4 WHERE id = $1";

#define RECORD_COLUMNS                                                                  \
	"c.node_id, n.name, n.project_id, n.state = 'retired', EXISTS (SELECT FROM"     \
	" node_certificate w WHERE w.node_id = c.node_id AND w.issued_at > c.issued_at" \
	" AND w.used_at IS NOT NULL), c.certificate, c.issued_at, c.not_after"

static const char CERTIFICATES_FIND[] =
	"SELECT " RECORD_COLUMNS " FROM node_certificate c JOIN node n ON n.id = c.node_id"
	" WHERE c.serial = $1";

static const char CERTIFICATES_FIND_KEY[] =
	"SELECT " RECORD_COLUMNS " FROM node_certificate c JOIN node n ON n.id = c.node_id"
	" WHERE c.node_id = $1 AND c.key_sha256 = $2 ORDER BY c.issued_at DESC LIMIT 1";

static const char CERTIFICATES_COUNT[] =
	"SELECT count(*) FROM node_certificate WHERE node_id = $1 AND issued_at >= $2";

static const char CERTIFICATES_USED[] =
	"UPDATE node_certificate c SET used_at = $2"
	" FROM json_to_recordset($1::json) AS r (id text, serial text)"
	" WHERE c.serial = r.serial AND c.node_id = r.id AND c.used_at IS NULL";

static const char CERTIFICATES_REVOKED[] =
	"SELECT c.serial FROM node_certificate c JOIN node n ON n.id = c.node_id"
	" WHERE n.state = 'retired' AND c.not_after > $1 ORDER BY c.serial";

bool certificates_insert(struct ctx *ctx, const char *node_id,
			 const struct certificate *certificate,
			 const uint8_t key_sha256[SHA256_SIZE], struct error *err)
{
	return db_exec(ctx->db, CERTIFICATES_INSERT,
		       DB_ARGS(db_text(certificate->serial), db_text(node_id),
			       db_bytes(key_sha256, SHA256_SIZE), db_text(certificate->pem),
			       db_time(ctx->now), db_time(certificate->not_after)),
		       NULL, err) &&
	       db_exec(ctx->db, CERTIFICATES_SHOW,
		       DB_ARGS(db_text(node_id), db_text(certificate->serial),
			       db_time(certificate->not_after), db_bytes(key_sha256, SHA256_SIZE)),
		       NULL, err);
}

static bool find(struct ctx *ctx, const char *sql, const struct db_args *args,
		 struct certificate_record *out, bool *found, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, sql, args, &rows, err))
		return false;
	*found = rows.count > 0;
	if (*found)
		*out = (struct certificate_record){
			.node_id = db_get_text(&rows, 0, 0),
			.node_name = db_get_text(&rows, 0, 1),
			.project_id = db_get_text(&rows, 0, 2),
			.retired = db_get_bool(&rows, 0, 3),
			.superseded = db_get_bool(&rows, 0, 4),
			.certificate = db_get_text(&rows, 0, 5),
			.issued_at = db_get_time(&rows, 0, 6),
			.not_after = db_get_time(&rows, 0, 7),
		};
	return true;
}

bool certificates_find(struct ctx *ctx, const char *serial, struct certificate_record *out,
		       bool *found, struct error *err)
{
	return find(ctx, CERTIFICATES_FIND, DB_ARGS(db_text(serial)), out, found, err);
}

bool certificates_find_key(struct ctx *ctx, const char *node_id,
			   const uint8_t key_sha256[SHA256_SIZE], struct certificate_record *out,
			   bool *found, struct error *err)
{
	return find(ctx, CERTIFICATES_FIND_KEY,
		    DB_ARGS(db_text(node_id), db_bytes(key_sha256, SHA256_SIZE)), out, found, err);
}

bool certificates_count(struct ctx *ctx, const char *node_id, usec_t since, int64_t *count,
			struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, CERTIFICATES_COUNT,
		      DB_ARGS(db_text(node_id), db_time(since)), &rows, err))
		return false;
	*count = db_get_int(&rows, 0, 0);
	return true;
}

bool certificates_used(struct ctx *ctx, const json_t *rows, struct error *err)
{
	return json_array_size(rows) == 0 ||
	       db_exec(ctx->db, CERTIFICATES_USED, DB_ARGS(db_json(rows), db_time(ctx->now)), NULL,
		       err);
}

bool certificates_revoked(struct ctx *ctx, const char *const **serials, size_t *count,
			  struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, CERTIFICATES_REVOKED, DB_ARGS(db_time(ctx->now)), &rows,
		      err))
		return false;
	const char **list = arena_array(ctx->arena, rows.count + 1, sizeof(*list));
	for (size_t i = 0; i < rows.count; i++)
		list[i] = db_get_text(&rows, i, 0);
	*serials = list;
	*count = rows.count;
	return true;
}
