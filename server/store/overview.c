/* SPDX-License-Identifier: Apache-2.0 */
#include "store/overview.h"

#include "base/arena.h"
#include "store/db.h"

#define CONNECTED "status IN ('online', 'warning', 'updating')"
#define IN_STATUS(status) "coalesce(sum(nodes) FILTER (WHERE status = '" status "'), 0)"

/* Kept, not counted: see counts.h. */
static const char OVERVIEW_NODES[] =
	"SELECT jsonb_build_object('total', coalesce(sum(nodes), 0),"
	" 'online', " IN_STATUS("online") ", 'offline', " IN_STATUS(
		"offline") ","
			   " 'warning', " IN_STATUS("warning") ", 'updating', " IN_STATUS(
				   "updating") ","
					       " 'pending', " IN_STATUS(
						       "pending") ")"
								  " FROM node_count WHERE project_id = $1 AND status <> 'retired'";

static const char OVERVIEW_SERVICES[] =
	"SELECT jsonb_build_object('total', coalesce(sum(services), 0),"
	" 'running', coalesce(sum(running) FILTER (WHERE " CONNECTED "), 0))"
	" FROM node_count WHERE project_id = $1 AND status <> 'retired'";

static const char OVERVIEW_ROLLOUTS[] =
	"SELECT jsonb_build_object("
	"'running', count(*) FILTER (WHERE state IN ('running', 'rolling_back')),"
	" 'paused', count(*) FILTER (WHERE state = 'paused'))"
	" FROM rollout WHERE project_id = $1 AND state IN ('running', 'rolling_back', 'paused')";

static const char OVERVIEW_ALERTS[] = "SELECT jsonb_build_object('firing', count(*)) FROM alert"
				      " WHERE project_id = $1 AND state = 'firing'";

static const char OVERVIEW_VERSIONS[] =
	"SELECT coalesce(jsonb_agg(jsonb_build_object('package', name, 'version', version,"
	" 'count', count) ORDER BY name, count DESC, version), '[]') FROM ("
	"SELECT name, version, sum(services) AS count FROM package_count WHERE project_id = $1"
	" GROUP BY 1, 2 HAVING sum(services) > 0 ORDER BY count DESC LIMIT 100) v";

static const char OVERVIEW_MAP[] =
	"SELECT coalesce(json_agg(json_build_object('id', id, 'name', name, 'status', status,"
	" 'labels', labels)), '[]') FROM (SELECT id, name, status, labels FROM node"
	" WHERE project_id = $1 AND state <> 'retired' ORDER BY name LIMIT 5000) m";

static const char OVERVIEW_ATTENTION[] =
	"SELECT coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'text', text, 'object_kind',"
	" object_kind, 'object_id', object_id, 'since', time_text(since))"
	" ORDER BY rank, since DESC), '[]') FROM (SELECT * FROM ("
	"(SELECT 1 AS rank, 'alert' AS kind, summary AS text, 'alert' AS object_kind,"
	" id AS object_id, coalesce(firing_at, started_at) AS since FROM alert"
	" WHERE project_id = $1 AND state = 'firing' ORDER BY coalesce(firing_at, started_at) DESC"
	" LIMIT 20)"
	" UNION ALL SELECT 2, 'rollout', 'rollout ' || number || ' \"' || name || '\" is paused'"
	" || coalesce(': ' || reason, ''), 'rollout', id, state_since FROM rollout"
	" WHERE project_id = $1 AND state = 'paused'"
	" UNION ALL SELECT 2, 'rollout', 'rollout ' || number || ' \"' || name"
	" || '\" waits for approval', 'rollout', id, state_since FROM rollout"
	" WHERE project_id = $1 AND state = 'awaiting_approval'"
	" UNION ALL (SELECT 3, 'node', name || ': ' || trouble, 'node', id, status_since FROM node"
	" WHERE project_id = $1 AND status = 'warning' ORDER BY status_since DESC LIMIT 20)"
	" UNION ALL SELECT 4, 'node', name || ' is offline', 'node', id, status_since FROM"
	" (SELECT * FROM node WHERE project_id = $1 AND status = 'offline'"
	" ORDER BY status_since DESC LIMIT 200) n WHERE NOT EXISTS (SELECT FROM alert a"
	" WHERE a.node_id = n.id AND a.state = 'firing' AND a.service IS NULL)"
	") everything ORDER BY rank, since DESC LIMIT 20) a";

static const char OVERVIEW_ACTIVITY[] =
	"SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'at', time_text(at), 'actor_kind',"
	" actor_kind, 'actor_id', actor_id, 'actor_name', actor_name, 'action', action,"
	" 'object_kind', object_kind, 'object_id', object_id, 'object_name', object_name)"
	" ORDER BY id DESC), '[]') FROM (SELECT a.*, CASE a.object_kind"
	" WHEN 'node' THEN (SELECT name FROM node n WHERE n.id = a.object_id)"
	" WHEN 'rollout' THEN (SELECT r.name FROM rollout r WHERE r.id = a.object_id)"
	" WHEN 'config' THEN (SELECT c.name FROM config c WHERE c.id = a.object_id)"
	" WHEN 'package' THEN (SELECT p.name || ' ' || p.version FROM package_release p"
	" WHERE p.id = a.object_id) END AS object_name FROM audit a"
	" WHERE a.project_id = $1 ORDER BY a.id DESC LIMIT 20) l";

static const struct part {
	const char *name;
	const char *sql;
} PARTS[] = {
	{"nodes", OVERVIEW_NODES},	   {"services", OVERVIEW_SERVICES},
	{"rollouts", OVERVIEW_ROLLOUTS},   {"alerts", OVERVIEW_ALERTS},
	{"versions", OVERVIEW_VERSIONS},   {"map", OVERVIEW_MAP},
	{"attention", OVERVIEW_ATTENTION}, {"activity", OVERVIEW_ACTIVITY},
};

bool overview_load(struct ctx *ctx, json_t **out, struct error *err)
{
	json_auto_t *overview = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(PARTS); i++) {
		struct db_rows rows;

		if (!db_query(ctx->db, ctx->arena, PARTS[i].sql, DB_ARGS(db_text(ctx->project_id)),
			      &rows, err))
			return false;
		json_object_set_new(overview, PARTS[i].name, db_get_json(&rows, 0, 0));
	}
	*out = json_incref(overview);
	return true;
}
