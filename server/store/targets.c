/* SPDX-License-Identifier: Apache-2.0 */
#include "store/targets.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

#define NODE_COLUMNS "id, name, platform, status, online"

static const char BY_SELECTOR[] =
	"SELECT " NODE_COLUMNS " FROM node WHERE project_id = $1 AND state <> 'retired'"
	" AND node_matches(labels, $2::jsonb) ORDER BY name";
static const char BY_NAME[] =
	"SELECT " NODE_COLUMNS " FROM node WHERE project_id = $1 AND state <> 'retired'"
	" AND (id = ANY ($2::text[]) OR name = ANY ($2::text[])) ORDER BY name";
static const char SERVICES[] =
	"SELECT s.node_id, s.service, s.desired_driver, s.desired_run, s.parameters, p.id, p.name,"
	" p.version, c.id, c.name, s.config_version, d.content::json -> 'services' -> s.service,"
	" p.manifest"
	" FROM node_service s JOIN node n ON n.id = s.node_id"
	" LEFT JOIN package_release p ON p.id = s.package_release_id"
	" LEFT JOIN config c ON c.id = s.config_id"
	" LEFT JOIN node_desired d ON d.node_id = n.id AND d.generation = n.desired_generation"
	" WHERE s.project_id = $1 AND s.node_id = ANY ($2::text[]) AND s.service = ANY ($3::text[])"
	" ORDER BY s.node_id, s.service";
static const char RELEASES[] =
	"SELECT id, name, version, platform, sha256, size, manifest, envelope FROM package_release"
	" WHERE project_id = $1 AND name = $2 AND version = $3 ORDER BY platform";
static const char CONFIG[] =
	"SELECT c.id, v.no FROM config c LEFT JOIN config_version v ON v.config_id = c.id"
	" AND v.no = CASE WHEN $3 = 0 THEN c.latest ELSE $3 END"
	" WHERE c.project_id = $1 AND c.name = $2";

static void scan_nodes(struct ctx *ctx, const struct db_rows *rows, struct target_node **out,
		       size_t *count)
{
	struct target_node *nodes = arena_array(ctx->arena, rows->count + 1, sizeof(*nodes));

	for (size_t i = 0; i < rows->count; i++)
		nodes[i] = (struct target_node){
			.id = db_get_text(rows, i, 0),
			.name = db_get_text(rows, i, 1),
			.platform = db_get_text(rows, i, 2),
			.status = db_get_text(rows, i, 3),
			.online = db_get_bool(rows, i, 4),
		};
	*out = nodes;
	*count = rows->count;
}

bool targets_by_selector(struct ctx *ctx, const json_t *requirements, struct target_node **out,
			 size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, BY_SELECTOR,
		      DB_ARGS(db_text(ctx->project_id), db_json(requirements)), &rows, err))
		return false;
	scan_nodes(ctx, &rows, out, count);
	return true;
}

bool targets_by_name(struct ctx *ctx, const char *const *names, size_t name_count,
		     struct target_node **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, BY_NAME,
		      DB_ARGS(db_text(ctx->project_id), db_texts(names, name_count)), &rows, err))
		return false;
	scan_nodes(ctx, &rows, out, count);
	if (*count >= name_count)
		return true;
	for (size_t i = 0; i < name_count; i++) {
		bool found = false;
		for (size_t n = 0; n < *count && !found; n++)
			found = strcmp((*out)[n].id, names[i]) == 0 ||
				strcmp((*out)[n].name, names[i]) == 0;
		if (!found)
			return error_set_field(err, ERR_INVALID, "targets.nodes",
					       "there is no node %s", names[i]);
	}
	return true; /* some were named twice */
}

bool targets_services(struct ctx *ctx, const char *const *nodes, size_t node_count,
		      const char *const *services, size_t service_count,
		      struct target_service **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, SERVICES,
		      DB_ARGS(db_text(ctx->project_id), db_texts(nodes, node_count),
			      db_texts(services, service_count)),
		      &rows, err))
		return false;

	struct target_service *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = (struct target_service){
			.node_id = db_get_text(&rows, i, 0),
			.service = db_get_text(&rows, i, 1),
			.driver = db_get_text(&rows, i, 2),
			.run = db_get_bool(&rows, i, 3),
			.parameters = json_keep(db_get_json(&rows, i, 4), ctx->arena),
			.package_release_id = db_get_text(&rows, i, 5),
			.package_name = db_get_text(&rows, i, 6),
			.package_version = db_get_text(&rows, i, 7),
			.config_id = db_get_text(&rows, i, 8),
			.config_name = db_get_text(&rows, i, 9),
			.config_version = db_get_int(&rows, i, 10),
			.content = json_keep(db_get_json(&rows, i, 11), ctx->arena),
			.manifest = json_keep(db_get_json(&rows, i, 12), ctx->arena),
		};
	*out = found;
	*count = rows.count;
	return true;
}

bool targets_releases(struct ctx *ctx, const char *name, const char *version,
		      struct target_release **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, RELEASES,
		      DB_ARGS(db_text(ctx->project_id), db_text(name), db_text(version)), &rows,
		      err))
		return false;

	struct target_release *releases =
		arena_array(ctx->arena, rows.count + 1, sizeof(*releases));
	for (size_t i = 0; i < rows.count; i++)
		releases[i] = (struct target_release){
			.id = db_get_text(&rows, i, 0),
			.name = db_get_text(&rows, i, 1),
			.version = db_get_text(&rows, i, 2),
			.platform = db_get_text(&rows, i, 3),
			.sha256 = db_get_text(&rows, i, 4),
			.size = db_get_int(&rows, i, 5),
			.manifest = json_keep(db_get_json(&rows, i, 6), ctx->arena),
			.envelope = db_get_text(&rows, i, 7),
		};
	*out = releases;
	*count = rows.count;
	return true;
}

bool targets_config(struct ctx *ctx, const char *name, int64_t version, const char **id,
		    int64_t *resolved_version, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, CONFIG,
		      DB_ARGS(db_text(ctx->project_id), db_text(name), db_int(version)), &rows,
		      err))
		return false;
	if (rows.count == 0)
		return error_set_field(err, ERR_INVALID, "config.name", "there is no config %s",
				       name);
	if (db_get_null(&rows, 0, 1))
		return error_set_field(err, ERR_INVALID, "config.version",
				       version == 0 ? "config %s has no version yet"
						    : "config %s has no such version",
				       name);
	*id = db_get_text(&rows, 0, 0);
	*resolved_version = db_get_int(&rows, 0, 1);
	return true;
}
