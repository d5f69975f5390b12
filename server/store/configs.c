/* SPDX-License-Identifier: Apache-2.0 */
#include "store/configs.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/encoding.h"
#include "base/fields.h"
#include "store/blobs.h"
#include "store/db.h"

#define CONFIG_COLUMNS                                                              \
	"c.id, c.name, c.service, c.driver, c.description, c.latest, c.created_at," \
	" c.created_by, (SELECT count(DISTINCT s.node_id) FROM node_service s"      \
	" WHERE s.config_id = c.id) AS used_by"

#define VERSION_COLUMNS                                                                     \
	"v.config_id, c.name AS config, v.no, v.author, v.message, v.digest, v.created_at," \
	" (SELECT count(DISTINCT s.node_id) FROM node_service s"                            \
	" WHERE s.config_id = v.config_id AND s.config_version = v.no) AS nodes"

static const char CONFIGS_GET[] =
	"SELECT " CONFIG_COLUMNS " FROM config c WHERE c.project_id = $1"
	" AND (c.id = $2 OR c.name = $2) ORDER BY c.name = $2 DESC LIMIT 1";

static const char CONFIGS_GET_FOR_UPDATE[] =
	"SELECT " CONFIG_COLUMNS " FROM config c WHERE c.project_id = $1 AND c.id = $2"
	" FOR UPDATE OF c";

static const char CONFIGS_LIST[] =
	"SELECT " CONFIG_COLUMNS " FROM config c WHERE c.project_id = $1"
	" AND ($2::text IS NULL OR c.name > $2) ORDER BY c.name LIMIT $3";

static const char CONFIGS_COUNT[] = "SELECT count(*) FROM config WHERE project_id = $1";

static const char CONFIGS_INSERT[] =
	"INSERT INTO config (id, project_id, name, service, driver, description, created_at,"
	" created_by) VALUES ($1, $2, $3, $4, $5, coalesce($6, ''), $7, $8)";

static const char CONFIGS_DELETE[] = "DELETE FROM config WHERE project_id = $1 AND id = $2";

/* What a rollback would put back, or a rollout that is not over still hands out. */
static const char CONFIGS_NEEDED[] =
	"SELECT EXISTS (SELECT FROM node_service ns JOIN rollout_step s"
	" ON s.rollout_id = ns.rollout_id AND s.node_id = ns.node_id WHERE ns.project_id = $1"
	" AND s.before -> ns.service ->> 'config_id' = $2)"
	" OR EXISTS (SELECT FROM rollout WHERE project_id = $1"
	" AND state IN ('draft', 'awaiting_approval', 'running', 'paused', 'rolling_back')"
	" AND changes @> jsonb_build_array(jsonb_build_object('config',"
	" jsonb_build_object('name', $3::text))))";

static const char CONFIG_VERSIONS_GET[] =
	"SELECT " VERSION_COLUMNS " FROM config_version v JOIN config c ON c.id = v.config_id"
	" WHERE c.project_id = $1 AND v.config_id = $2"
	" AND v.no = CASE WHEN $3 = 0 THEN c.latest ELSE $3 END";

static const char CONFIG_VERSIONS_LIST[] =
	"SELECT " VERSION_COLUMNS " FROM config_version v JOIN config c ON c.id = v.config_id"
	" WHERE c.project_id = $1 AND v.config_id = $2 AND ($3 = 0 OR v.no < $3)"
	" ORDER BY v.no DESC LIMIT $4";

static const char CONFIG_FILES_LIST[] =
	"SELECT f.path, f.mode, encode(f.blob_sha256, 'hex') AS sha256, f.size,"
	" CASE WHEN $4 THEN b.data END AS content FROM config_file f"
	" JOIN config c ON c.id = f.config_id JOIN blob b ON b.sha256 = f.blob_sha256"
	" WHERE c.project_id = $1 AND f.config_id = $2 AND f.no = $3 ORDER BY f.path";

static const char CONFIG_VERSIONS_INSERT[] =
	"INSERT INTO config_version (config_id, no, author, message, digest, created_at)"
	" VALUES ($1, $2, $3, coalesce($4, ''), $5, $6)";

static const char CONFIG_FILES_INSERT[] =
	"INSERT INTO config_file (config_id, no, path, mode, blob_sha256, size)"
	" VALUES ($1, $2, $3, $4, $5, $6)";

static const char CONFIGS_SET_LATEST[] =
	"UPDATE config SET latest = $3 WHERE project_id = $1 AND id = $2";

static const struct field CONFIG_FIELDS[] = {
	FIELD_STRING(struct config, id, 0, 64),
	FIELD_STRING(struct config, name, 0, 64),
	FIELD_STRING(struct config, service, 0, 64),
	FIELD_STRING(struct config, driver, 0, 64),
	FIELD_STRING(struct config, description, 0, 4096),
	FIELD_INT64(struct config, latest, 0, 0, INT64_MAX),
	FIELD_TIME(struct config, created_at, 0),
	FIELD_STRING(struct config, created_by, 0, 512),
	FIELD_INT64(struct config, used_by, 0, 0, INT64_MAX),
	FIELD_END,
};

static const struct field VERSION_FIELDS[] = {
	FIELD_STRING(struct config_version, config_id, 0, 64),
	FIELD_STRING(struct config_version, config, 0, 64),
	FIELD_INT64(struct config_version, no, 0, 0, INT64_MAX),
	FIELD_STRING(struct config_version, author, 0, 512),
	FIELD_STRING(struct config_version, message, 0, 16384),
	FIELD_STRING(struct config_version, digest, 0, 128),
	FIELD_TIME(struct config_version, created_at, 0),
	FIELD_INT64(struct config_version, nodes, 0, 0, INT64_MAX),
	FIELD_END,
};

static bool get(struct ctx *ctx, const char *sql, const char *id, struct config *out,
		struct error *err)
{
	struct config config = {0};
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, sql, DB_ARGS(db_text(ctx->project_id), db_text(id)),
		      &rows, err))
		return false;
	if (!rows.count)
		return error_set(err, ERR_NOT_FOUND, "config \"%.80s\" does not exist", id);
	if (!db_scan(&rows, 0, ctx->arena, CONFIG_FIELDS, &config, err))
		return false;
	*out = config;
	return true;
}

bool configs_get(struct ctx *ctx, const char *id_or_name, struct config *out, struct error *err)
{
	return get(ctx, CONFIGS_GET, id_or_name, out, err);
}

bool configs_get_for_update(struct ctx *ctx, const char *id, struct config *out, struct error *err)
{
	return get(ctx, CONFIGS_GET_FOR_UPDATE, id, out, err);
}

bool configs_list(struct ctx *ctx, const char *after, int64_t limit, struct config **out,
		  size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, CONFIGS_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(after), db_int(limit)), &rows, err))
		return false;
	struct config *configs = arena_array(ctx->arena, rows.count, sizeof(*configs));
	for (size_t i = 0; i < rows.count; i++)
		if (!db_scan(&rows, i, ctx->arena, CONFIG_FIELDS, &configs[i], err))
			return false;
	*out = configs;
	*count = rows.count;
	return true;
}

bool configs_count(struct ctx *ctx, int64_t *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, CONFIGS_COUNT, DB_ARGS(db_text(ctx->project_id)), &rows,
		      err))
		return false;
	*out = db_get_int(&rows, 0, 0);
	return true;
}

bool configs_insert(struct ctx *ctx, const struct config *config, struct error *err)
{
	if (db_exec(ctx->db, CONFIGS_INSERT,
		    DB_ARGS(db_text(config->id), db_text(ctx->project_id), db_text(config->name),
			    db_text(config->service), db_text(config->driver),
			    db_text(config->description), db_time(ctx->now),
			    db_text(config->created_by)),
		    NULL, err))
		return true;
	if (db_violated(ctx->db, "config_project_id_name_key"))
		return error_set_field(err, ERR_CONFLICT, "name",
				       "another config is called \"%s\" already", config->name);
	return false;
}

bool configs_delete(struct ctx *ctx, const struct config *config, struct error *err)
{
	if (config->used_by)
		return error_set(err, ERR_CONFLICT,
				 "config \"%s\" is what %" PRId64 " nodes should run", config->name,
				 config->used_by);
	struct db_rows rows;
	if (!db_query(ctx->db, ctx->arena, CONFIGS_NEEDED,
		      DB_ARGS(db_text(ctx->project_id), db_text(config->id), db_text(config->name)),
		      &rows, err))
		return false;
	if (db_get_bool(&rows, 0, 0))
		return error_set(err, ERR_CONFLICT,
				 "config \"%s\" is part of a rollout that is not over, or what "
				 "rolling back would restore",
				 config->name);
	return db_exec(ctx->db, CONFIGS_DELETE,
		       DB_ARGS(db_text(ctx->project_id), db_text(config->id)), NULL, err);
}

static bool load_files(struct ctx *ctx, struct config_version *version, bool with_contents,
		       struct error *err)
{
	struct db_rows rows;
	size_t size;

	if (!db_query(ctx->db, ctx->arena, CONFIG_FILES_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(version->config_id),
			      db_int(version->no), db_bool(with_contents)),
		      &rows, err))
		return false;
	version->files = arena_array(ctx->arena, rows.count, sizeof(*version->files));
	version->file_count = rows.count;
	for (size_t i = 0; i < rows.count; i++)
		version->files[i] = (struct config_file){
			.path = db_get_text(&rows, i, 0),
			.mode = db_get_text(&rows, i, 1),
			.sha256 = db_get_text(&rows, i, 2),
			.size = db_get_int(&rows, i, 3),
			.content = db_get_bytes(&rows, i, 4, &size),
		};
	return true;
}

bool config_versions_get(struct ctx *ctx, const char *config_id, int64_t no, bool with_contents,
			 struct config_version *out, struct error *err)
{
	struct config_version version = {0};
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, CONFIG_VERSIONS_GET,
		      DB_ARGS(db_text(ctx->project_id), db_text(config_id), db_int(no)), &rows,
		      err))
		return false;
	if (!rows.count && no)
		return error_set(err, ERR_NOT_FOUND, "version %" PRId64 " does not exist", no);
	if (!rows.count)
		return error_set(err, ERR_NOT_FOUND, "there is no version yet");
	if (!db_scan(&rows, 0, ctx->arena, VERSION_FIELDS, &version, err) ||
	    !load_files(ctx, &version, with_contents, err))
		return false;
	*out = version;
	return true;
}

bool config_versions_list(struct ctx *ctx, const char *config_id, int64_t below, int64_t limit,
			  struct config_version **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, CONFIG_VERSIONS_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(config_id), db_int(below),
			      db_int(limit)),
		      &rows, err))
		return false;
	struct config_version *versions = arena_array(ctx->arena, rows.count, sizeof(*versions));
	for (size_t i = 0; i < rows.count; i++)
		if (!db_scan(&rows, i, ctx->arena, VERSION_FIELDS, &versions[i], err))
			return false;
	*out = versions;
	*count = rows.count;
	return true;
}

static bool insert_file(struct ctx *ctx, const struct config_version *version,
			const struct config_file *file, struct error *err)
{
	uint8_t digest[SHA256_SIZE];

	return blobs_insert(ctx, file->content, (size_t)file->size, digest, err) &&
	       db_exec(ctx->db, CONFIG_FILES_INSERT,
		       DB_ARGS(db_text(version->config_id), db_int(version->no),
			       db_text(file->path), db_text(file->mode),
			       db_bytes(digest, sizeof(digest)), db_int(file->size)),
		       NULL, err);
}

bool config_versions_insert(struct ctx *ctx, const struct config_version *version,
			    struct error *err)
{
	if (!db_exec(ctx->db, CONFIG_VERSIONS_INSERT,
		     DB_ARGS(db_text(version->config_id), db_int(version->no),
			     db_text(version->author), db_text(version->message),
			     db_text(version->digest), db_time(ctx->now)),
		     NULL, err))
		return false;
	for (size_t i = 0; i < version->file_count; i++)
		if (!insert_file(ctx, version, &version->files[i], err))
			return false;
	return db_exec(
		ctx->db, CONFIGS_SET_LATEST,
		DB_ARGS(db_text(ctx->project_id), db_text(version->config_id), db_int(version->no)),
		NULL, err);
}
