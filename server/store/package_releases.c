/* SPDX-License-Identifier: Apache-2.0 */
#include "store/package_releases.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/fields.h"
#include "store/db.h"

#define RELEASE_COLUMNS                                                                         \
	"r.id, r.name, r.version, r.platform, r.sha256, r.size, r.format,"                      \
	" coalesce(r.release, -1) AS release, r.manifest, r.envelope, r.key_id, r.uploaded_by," \
	" r.uploaded_at, (SELECT count(DISTINCT s.node_id) FROM node_service s"                 \
	" WHERE s.package_release_id = r.id) AS nodes"

static const char PACKAGE_RELEASES_LIST[] =
	"SELECT " RELEASE_COLUMNS " FROM package_release r WHERE r.project_id = $1"
	" AND ($2::text IS NULL OR r.name = $2)"
	" AND ($3::timestamptz IS NULL OR (r.uploaded_at, r.id) < ($3, $4))"
	" ORDER BY r.uploaded_at DESC, r.id DESC LIMIT $5";

static const char PACKAGE_RELEASES_COUNT[] =
	"SELECT count(*) FROM package_release WHERE project_id = $1"
	" AND ($2::text IS NULL OR name = $2)";

static const char PACKAGE_RELEASES_FIND[] =
	"SELECT " RELEASE_COLUMNS " FROM package_release r WHERE r.project_id = $1 AND r.name = $2"
	" AND r.version = $3 AND ($4::text IS NULL OR r.platform = $4)"
	" ORDER BY r.uploaded_at DESC LIMIT 1";

static const char PACKAGE_RELEASES_INSERT[] =
	"INSERT INTO package_release (id, project_id, name, version, platform, sha256, size, format,"
	" release, manifest, envelope, key_id, uploaded_by, uploaded_at) VALUES ($1, $2, $3, $4, $5,"
	" $6, $7, $8, nullif($9::bigint, -1), $10::jsonb, $11, $12, $13, $14)";

static const char PACKAGE_RELEASES_DELETE[] =
	"DELETE FROM package_release WHERE project_id = $1 AND id = $2";

/* What a rollback would put back, or a rollout that is not over still hands out. */
static const char PACKAGE_RELEASES_NEEDED[] =
	"SELECT EXISTS (SELECT FROM node_service ns JOIN rollout_step s"
	" ON s.rollout_id = ns.rollout_id AND s.node_id = ns.node_id WHERE ns.project_id = $1"
	" AND s.before -> ns.service ->> 'package_release_id' = $2)"
	" OR EXISTS (SELECT FROM rollout WHERE project_id = $1"
	" AND state IN ('draft', 'awaiting_approval', 'running', 'paused', 'rolling_back')"
	" AND changes @> jsonb_build_array(jsonb_build_object('package',"
	" jsonb_build_object('name', $3::text, 'version', $4::text))))";

static const char PACKAGE_ARCHIVES_LOCK[] =
	"SELECT pg_advisory_xact_lock(hashtextextended('archive ' || $1, 0))";

static const char PACKAGE_ARCHIVES_USED[] =
	"SELECT EXISTS (SELECT FROM package_release WHERE sha256 = $1)";

static const char PACKAGE_ARCHIVES_RELATED[] =
	"SELECT EXISTS (SELECT FROM package_release a JOIN package_release b"
	" ON b.project_id = a.project_id AND b.name = a.name WHERE a.sha256 = $1 AND b.sha256 = $2)";

static const char RELEASE_KEYS_LIST[] =
	"SELECT id, name, key_id, encode(public_key, 'base64') AS public_key, created_at"
	" FROM release_key WHERE project_id = $1 AND revoked_at IS NULL ORDER BY created_at, id";

static const char RELEASE_KEYS_INSERT[] =
	"INSERT INTO release_key (id, project_id, name, key_id, public_key, created_at)"
	" VALUES ($1, $2, $3, $4, $5, $6)";

static const char RELEASE_KEYS_REVOKE[] =
	"UPDATE release_key SET revoked_at = $3"
	" WHERE project_id = $1 AND id = $2 AND revoked_at IS NULL";

static const struct field RELEASE_FIELDS[] = {
	FIELD_STRING(struct package_release, id, 0, 64),
	FIELD_STRING(struct package_release, name, 0, 64),
	FIELD_STRING(struct package_release, version, 0, 64),
	FIELD_STRING(struct package_release, platform, 0, 64),
	FIELD_STRING(struct package_release, sha256, 0, 64),
	FIELD_INT64(struct package_release, size, 0, 0, INT64_MAX),
	FIELD_STRING(struct package_release, format, 0, 16),
	FIELD_INT64(struct package_release, release, 0, -1, INT64_MAX),
	FIELD_JSON(struct package_release, manifest, 0),
	FIELD_STRING(struct package_release, envelope, 0, 1 << 20),
	FIELD_STRING(struct package_release, key_id, 0, 64),
	FIELD_STRING(struct package_release, uploaded_by, 0, 512),
	FIELD_TIME(struct package_release, uploaded_at, 0),
	FIELD_INT64(struct package_release, nodes, 0, 0, INT64_MAX),
	FIELD_END,
};

static const struct field KEY_FIELDS[] = {
	FIELD_STRING(struct release_key, id, 0, 64),
	FIELD_STRING(struct release_key, name, 0, 512),
	FIELD_STRING(struct release_key, key_id, 0, 64),
	FIELD_STRING(struct release_key, public_key, 0, 64),
	FIELD_TIME(struct release_key, created_at, 0),
	FIELD_END,
};

static bool scan_all(struct ctx *ctx, const struct db_rows *rows, struct package_release **out,
		     struct error *err)
{
	struct package_release *releases = arena_array(ctx->arena, rows->count, sizeof(*releases));

	for (size_t i = 0; i < rows->count; i++)
		if (!db_scan(rows, i, ctx->arena, RELEASE_FIELDS, &releases[i], err))
			return false;
	*out = releases;
	return true;
}

bool package_releases_list(struct ctx *ctx, const char *name, const char *after_at,
			   const char *after_id, int64_t limit, struct package_release **out,
			   size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, PACKAGE_RELEASES_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(name), db_text(after_at),
			      db_text(after_id), db_int(limit)),
		      &rows, err) ||
	    !scan_all(ctx, &rows, out, err))
		return false;
	*count = rows.count;
	return true;
}

bool package_releases_count(struct ctx *ctx, const char *name, int64_t *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, PACKAGE_RELEASES_COUNT,
		      DB_ARGS(db_text(ctx->project_id), db_text(name)), &rows, err))
		return false;
	*out = db_get_int(&rows, 0, 0);
	return true;
}

bool package_releases_find(struct ctx *ctx, const char *name, const char *version,
			   const char *platform, struct package_release *out, bool *found,
			   struct error *err)
{
	struct package_release *releases;
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, PACKAGE_RELEASES_FIND,
		      DB_ARGS(db_text(ctx->project_id), db_text(name), db_text(version),
			      db_text(platform)),
		      &rows, err) ||
	    !scan_all(ctx, &rows, &releases, err))
		return false;
	*found = rows.count > 0;
	if (*found)
		*out = releases[0];
	return true;
}

bool package_releases_insert(struct ctx *ctx, const struct package_release *release,
			     struct error *err)
{
	if (db_exec(ctx->db, PACKAGE_RELEASES_INSERT,
		    DB_ARGS(db_text(release->id), db_text(ctx->project_id), db_text(release->name),
			    db_text(release->version), db_text(release->platform),
			    db_text(release->sha256), db_int(release->size),
			    db_text(release->format), db_int(release->release),
			    db_json(release->manifest), db_text(release->envelope),
			    db_text(release->key_id), db_text(release->uploaded_by),
			    db_time(ctx->now)),
		    NULL, err))
		return true;
	if (db_violated(ctx->db, "package_release_project_id_name_version_platform_key"))
		return error_set_field(err, ERR_CONFLICT, "manifest.version",
				       "%s %s for %s exists already", release->name,
				       release->version, release->platform);
	return false;
}

bool package_releases_delete(struct ctx *ctx, const struct package_release *release,
			     struct error *err)
{
	if (release->nodes)
		return error_set(err, ERR_CONFLICT, "%s %s is what %" PRId64 " nodes should run",
				 release->name, release->version, release->nodes);
	struct db_rows rows;
	if (!db_query(ctx->db, ctx->arena, PACKAGE_RELEASES_NEEDED,
		      DB_ARGS(db_text(ctx->project_id), db_text(release->id),
			      db_text(release->name), db_text(release->version)),
		      &rows, err))
		return false;
	if (db_get_bool(&rows, 0, 0))
		return error_set(err, ERR_CONFLICT,
				 "%s %s is part of a rollout that is not over, or what rolling "
				 "back would restore",
				 release->name, release->version);
	return db_exec(ctx->db, PACKAGE_RELEASES_DELETE,
		       DB_ARGS(db_text(ctx->project_id), db_text(release->id)), NULL, err);
}

bool package_archives_lock(struct ctx *ctx, const char *archive_sha256, struct error *err)
{
	return db_exec(ctx->db, PACKAGE_ARCHIVES_LOCK, DB_ARGS(db_text(archive_sha256)), NULL, err);
}

bool package_archives_used(struct ctx *ctx, const char *archive_sha256, bool *used,
			   struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, PACKAGE_ARCHIVES_USED, DB_ARGS(db_text(archive_sha256)),
		      &rows, err))
		return false;
	*used = db_get_bool(&rows, 0, 0);
	return true;
}

bool package_archives_related(struct ctx *ctx, const char *one, const char *other, bool *related,
			      struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, PACKAGE_ARCHIVES_RELATED,
		      DB_ARGS(db_text(one), db_text(other)), &rows, err))
		return false;
	*related = db_get_bool(&rows, 0, 0);
	return true;
}

bool release_keys_list(struct ctx *ctx, struct release_key **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, RELEASE_KEYS_LIST, DB_ARGS(db_text(ctx->project_id)),
		      &rows, err))
		return false;
	struct release_key *keys = arena_array(ctx->arena, rows.count, sizeof(*keys));
	for (size_t i = 0; i < rows.count; i++)
		if (!db_scan(&rows, i, ctx->arena, KEY_FIELDS, &keys[i], err))
			return false;
	*out = keys;
	*count = rows.count;
	return true;
}

bool release_keys_insert(struct ctx *ctx, const struct release_key *key, const void *public_key,
			 struct error *err)
{
	if (db_exec(ctx->db, RELEASE_KEYS_INSERT,
		    DB_ARGS(db_text(key->id), db_text(ctx->project_id), db_text(key->name),
			    db_text(key->key_id), db_bytes(public_key, ED25519_PUBLIC_SIZE),
			    db_time(ctx->now)),
		    NULL, err))
		return true;
	if (db_violated(ctx->db, "release_key_active"))
		return error_set_field(err, ERR_CONFLICT, "public_key",
				       "release key %s is there already", key->key_id);
	return false;
}

bool release_keys_revoke(struct ctx *ctx, const char *id, struct error *err)
{
	int64_t revoked = 0;

	if (!db_exec(ctx->db, RELEASE_KEYS_REVOKE,
		     DB_ARGS(db_text(ctx->project_id), db_text(id), db_time(ctx->now)), &revoked,
		     err))
		return false;
	if (!revoked)
		return error_set(err, ERR_NOT_FOUND, "release key \"%.40s\" does not exist", id);
	return true;
}
