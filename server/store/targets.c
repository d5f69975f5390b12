/* SPDX-License-Identifier: Apache-2.0 */
#include "store/targets.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

#define NODE_COLUMNS "id, name, platform, status, online, labels"

static const char BY_SELECTOR[] =
	"SELECT " NODE_COLUMNS " FROM node WHERE project_id = $1 AND state <> 'retired'"
	" AND node_matches(labels, $2::jsonb) ORDER BY name";
static const char BY_NAME[] =
	"SELECT " NODE_COLUMNS " FROM node WHERE project_id = $1 AND state <> 'retired'"
	" AND (id = ANY ($2::text[]) OR name = ANY ($2::text[])) ORDER BY name";
static const char COUNT_ALL[] =
	"SELECT count(*) FROM node WHERE project_id = $1 AND state <> 'retired'";
static const char RETIRED[] =
	"SELECT name FROM node WHERE project_id = $1 AND state = 'retired' AND (id = $2 OR name = $2)"
	" LIMIT 1";
#define LAST_TOLD                                                         \
	" LEFT JOIN LATERAL (SELECT h.digest FROM node_service_history h" \
	" WHERE h.node_id = s.node_id AND h.service = s.service"          \
	" ORDER BY h.valid_from DESC LIMIT 1) told ON true"
static const char SERVICES_BRIEF[] =
	"SELECT s.node_id, s.service, md5(ROW(s.desired_driver, s.desired_run,"
	" s.package_release_id, s.config_id, s.config_version, s.parameters, told.digest)::text)"
	" FROM node_service s" LAST_TOLD
	" WHERE s.project_id = $1 AND s.node_id = ANY ($2::text[]) AND s.service = ANY ($3::text[])";
static const char SERVICES[] =
	"SELECT s.node_id, s.service, s.desired_driver, s.desired_run, s.parameters, p.id, p.name,"
	" p.version, p.sha256, c.id, c.name, s.config_version, t.content::json, p.manifest"
	" FROM node_service s"
	" LEFT JOIN package_release p ON p.id = s.package_release_id"
	" LEFT JOIN config c ON c.id = s.config_id" LAST_TOLD
	" LEFT JOIN service_content t ON t.digest = told.digest"
	" WHERE s.project_id = $1 AND s.node_id = ANY ($2::text[]) AND s.service = ANY ($3::text[])";
static const char KEPT[] =
	"SELECT DISTINCT config_id, config_version,"
	" CASE WHEN parameters::text LIKE '%${%' THEN parameters END FROM node_service"
	" WHERE project_id = $1 AND service = $2 AND desired_driver IS NOT NULL";
/* Of the last twenty rollouts of each service, two hundred steps of each. */
static const char DURATIONS[] =
	"SELECT k.service, r.package,"
	" percentile_cont(0.5) WITHIN GROUP (ORDER BY s.ms)::bigint,"
	" percentile_cont(0.9) WITHIN GROUP (ORDER BY s.ms)::bigint, count(*)"
	" FROM unnest($2::text[]) k (service)"
	" CROSS JOIN LATERAL (SELECT o.id, o.resolved -> k.service ? 'package' AS package"
	"  FROM rollout o WHERE o.project_id = $1 AND o.kind = 'change'"
	"  AND o.resolved ? k.service ORDER BY o.number DESC LIMIT 20) r"
	" CROSS JOIN LATERAL (SELECT extract(epoch FROM t.state_since - d.created_at) * 1000 AS ms"
	"  FROM rollout_step t JOIN node_desired d ON d.node_id = t.node_id"
	"  AND d.generation = t.generation"
	"  WHERE t.rollout_id = r.id AND t.state = 'succeeded' AND t.state_since > d.created_at"
	"  LIMIT 200) s GROUP BY 1, 2";
static const char HELD[] =
	"SELECT r.id, r.number, r.name, r.state, count(*),"
	" to_json((array_agg(n.name ORDER BY n.name))[1:10]), to_json(array_agg(n.id ORDER BY n.name))"
	" FROM rollout r JOIN rollout_step s ON s.rollout_id = r.id JOIN node n ON n.id = s.node_id"
	" WHERE r.project_id = $1"
	" AND r.state IN ('draft', 'awaiting_approval', 'running', 'paused')"
	" AND s.state IN ('pending', 'queued', 'sent', 'accepted', 'fetching', 'applying',"
	" 'verifying')"
	" AND s.node_id = ANY ($2::text[]) AND coalesce(s.after, r.resolved) ?| $3::text[]"
	" GROUP BY r.id, r.number, r.name, r.state ORDER BY r.number";
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
			.labels = db_get_text(rows, i, 5),
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

static bool name_missing(struct ctx *ctx, const char *name, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, RETIRED,
		      DB_ARGS(db_text(ctx->project_id), db_text(name)), &rows, err))
		return false;
	return error_set_field(err, ERR_INVALID, "targets.nodes",
			       rows.count > 0
				       ? "node %s is retired: it takes nothing any more (enrol it "
					 "again, or leave it out)"
				       : "there is no node %s",
			       name);
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
			return name_missing(ctx, names[i], err);
	}
	return true; /* some were named twice */
}

bool targets_count_all(struct ctx *ctx, int64_t *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, COUNT_ALL, DB_ARGS(db_text(ctx->project_id)), &rows,
		      err))
		return false;
	*out = db_get_int(&rows, 0, 0);
	return true;
}

bool targets_services_brief(struct ctx *ctx, const char *const *nodes, size_t node_count,
			    const char *const *services, size_t service_count,
			    struct target_service **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, SERVICES_BRIEF,
		      DB_ARGS(db_text(ctx->project_id), db_texts(nodes, node_count),
			      db_texts(services, service_count)),
		      &rows, err))
		return false;

	struct target_service *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = (struct target_service){
			.node_id = db_get_text(&rows, i, 0),
			.service = db_get_text(&rows, i, 1),
			.fingerprint = db_get_text(&rows, i, 2),
		};
	*out = found;
	*count = rows.count;
	return true;
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
			.package_sha256 = db_get_text(&rows, i, 8),
			.config_id = db_get_text(&rows, i, 9),
			.config_name = db_get_text(&rows, i, 10),
			.config_version = db_get_int(&rows, i, 11),
			.content = json_keep(db_get_json(&rows, i, 12), ctx->arena),
			.manifest = json_keep(db_get_json(&rows, i, 13), ctx->arena),
		};
	*out = found;
	*count = rows.count;
	return true;
}

bool targets_kept(struct ctx *ctx, const char *service, struct target_kept **out, size_t *count,
		  struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, KEPT,
		      DB_ARGS(db_text(ctx->project_id), db_text(service)), &rows, err))
		return false;

	struct target_kept *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = (struct target_kept){
			.config_id = db_get_text(&rows, i, 0),
			.config_version = db_get_int(&rows, i, 1),
			.parameters = json_keep(db_get_json(&rows, i, 2), ctx->arena),
		};
	*out = found;
	*count = rows.count;
	return true;
}

bool targets_durations(struct ctx *ctx, const char *const *services, size_t service_count,
		       struct service_duration **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, DURATIONS,
		      DB_ARGS(db_text(ctx->project_id), db_texts(services, service_count)), &rows,
		      err))
		return false;

	struct service_duration *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = (struct service_duration){
			.service = db_get_text(&rows, i, 0),
			.package = db_get_bool(&rows, i, 1),
			.duration = {.median_ms = db_get_int(&rows, i, 2),
				     .p90_ms = db_get_int(&rows, i, 3),
				     .samples = db_get_int(&rows, i, 4)},
		};
	*out = found;
	*count = rows.count;
	return true;
}

bool targets_held(struct ctx *ctx, const char *const *nodes, size_t node_count,
		  const char *const *services, size_t service_count, struct plan_held **out,
		  size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, HELD,
		      DB_ARGS(db_text(ctx->project_id), db_texts(nodes, node_count),
			      db_texts(services, service_count)),
		      &rows, err))
		return false;

	struct plan_held *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = (struct plan_held){
			.rollout_id = db_get_text(&rows, i, 0),
			.number = db_get_int(&rows, i, 1),
			.name = db_get_text(&rows, i, 2),
			.state = db_get_text(&rows, i, 3),
			.count = db_get_int(&rows, i, 4),
			.nodes = json_keep(db_get_json(&rows, i, 5), ctx->arena),
			.ids = json_keep(db_get_json(&rows, i, 6), ctx->arena),
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
