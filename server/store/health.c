/* SPDX-License-Identifier: Apache-2.0 */
#include "store/health.h"

#include "base/arena.h"
#include "store/db.h"

#define NODE_COLUMNS                                                        \
	"n.id, n.project_id, n.name, n.state, n.status, n.shard, n.online," \
	" n.desired_generation, n.reported_generation, n.reported_digest, b.mark, n.broker"

static const char HEALTH_NODES_LOAD[] =
	"SELECT " NODE_COLUMNS " FROM node n JOIN node_beat b ON b.node_id = n.id"
	" WHERE n.id = ANY ($1::text[]) ORDER BY n.id COLLATE \"C\"";

#define PLACE_MOVED "(n.boot_id, n.hostname) IS DISTINCT FROM (r.boot_id, r.hostname)"
#define PLACE_BACK                                                                    \
	PLACE_MOVED " AND r.boot_id IS NOT NULL"                                      \
		    " AND (n.former_boot_id, n.former_hostname) IS NOT DISTINCT FROM" \
		    " (r.boot_id, r.hostname)"

static const char HEALTH_HELLO[] =
	"UPDATE node n SET agent_version = r.agent_version, platform = r.platform,"
	" hostname = r.hostname, boot_id = r.boot_id, protocol = r.protocol, epoch = r.epoch,"
	" trust = r.trust, updated_at = $2,"
	" former_boot_id = CASE WHEN " PLACE_MOVED " THEN n.boot_id ELSE n.former_boot_id END,"
	" former_hostname = CASE WHEN " PLACE_MOVED " THEN n.hostname ELSE n.former_hostname END,"
	" returns = CASE WHEN NOT (" PLACE_BACK ") THEN n.returns"
	"  WHEN n.returned_at > $2::timestamptz - interval '1 hour' THEN n.returns + 1 ELSE 1 END,"
	" returned_at = CASE WHEN " PLACE_BACK " THEN $2 ELSE n.returned_at END"
	" FROM json_to_recordset($1::json) AS r (id text, agent_version text, platform text,"
	" hostname text, boot_id text, protocol integer, epoch text, trust integer)"
	" WHERE n.id = r.id";

/* The broker may give a hello again after its successor, so once is no proof. */
static const char HEALTH_COPIED[] =
	"UPDATE node SET copied = left('its certificate is used in two places at once: by '"
	" || coalesce(hostname, '?') || ' (boot ' || left(boot_id, 8) || ') and by '"
	" || coalesce(former_hostname, '?') || ' (boot ' || left(former_boot_id, 8)"
	" || '); stop the copy, then retire this node and enrol each gateway with a key of its own',"
	" 512)"
	" WHERE id = ANY ($1::text[]) AND copied IS NULL AND returns >= 3 AND returned_at = $2"
	" RETURNING id, copied";

static const char HEALTH_COPIED_OVER[] =
	"UPDATE node n SET copied = NULL, returns = 0 FROM node_beat b"
	" WHERE b.node_id = n.id AND n.copied IS NOT NULL"
	" AND n.returned_at < $1::timestamptz - interval '1 hour' RETURNING " NODE_COLUMNS;

/* Touches no indexed column and no trigger, so that the row stays in its page. */
static const char HEALTH_TOLD[] =
	"UPDATE node n SET health = r.health"
	" FROM json_to_recordset($1::json) AS r (id text, health jsonb) WHERE n.id = r.id";

static const char HEALTH_PRESENCE[] =
	"UPDATE node n SET online = r.online,"
	" state = CASE WHEN n.state = 'pending' AND r.online THEN 'active' ELSE n.state END"
	" FROM json_to_recordset($1::json) AS r (id text, online boolean)"
	" WHERE n.id = r.id AND n.state <> 'retired'";

static const char HEALTH_BROKER[] =
	"UPDATE node n SET broker = r.broker"
	" FROM json_to_recordset($1::json) AS r (id text, broker smallint) WHERE n.id = r.id";

static const char HEALTH_GENERATION[] =
	"UPDATE node n SET reported_generation = r.generation, reported_digest = r.digest"
	" FROM json_to_recordset($1::json) AS r (id text, generation bigint, digest text)"
	" WHERE n.id = r.id";

static const char HEALTH_SILENCE[] =
	"WITH gone AS (UPDATE node n SET online = false FROM node_beat b"
	" WHERE b.node_id = n.id AND n.online AND n.state <> 'retired'"
	" AND (b.last_seen_at IS NULL OR b.last_seen_at < $1)"
	" AND EXISTS (SELECT FROM shard_lease l WHERE l.shard = n.shard"
	"  AND l.lease_until > now() AND l.listening_since < $1) RETURNING " NODE_COLUMNS ")"
	" SELECT id, project_id, name, state, status, shard, online, desired_generation,"
	" reported_generation, reported_digest, mark, broker FROM gone ORDER BY id COLLATE \"C\"";

static const char HEALTH_SERVICES_PUT[] =
	"INSERT INTO node_service (project_id, node_id, service, reported_state, reported_reason,"
	" reported_since, ready, pid, restarts, reported_run, reported_driver,"
	" reported_package_name, reported_package_version, reported_package_sha256,"
	" reported_config_name, reported_config_version, reported_config_digest, drift,"
	" drift_files, reported_at)"
	" SELECT r.project_id, r.node_id, r.service, r.state, r.reason, r.since, r.ready, r.pid,"
	" r.restarts, r.run, r.driver, r.package_name, r.package_version, r.package_sha256,"
	" r.config_name, r.config_version, r.config_digest, r.drift,"
	" ARRAY(SELECT json_array_elements_text(r.drift_files)), r.reported_at"
	" FROM json_to_recordset($1::json) AS r (project_id text, node_id text, service text,"
	" state text, reason text, since timestamptz, ready boolean, pid bigint, restarts bigint,"
	" run boolean, driver text, package_name text, package_version text, package_sha256 text,"
	" config_name text, config_version integer, config_digest text, drift boolean,"
	" drift_files json, reported_at timestamptz)"
	" ORDER BY r.node_id, r.service"
	" ON CONFLICT (node_id, service) DO UPDATE SET reported_state = excluded.reported_state,"
	" reported_reason = excluded.reported_reason, reported_since = excluded.reported_since,"
	" ready = excluded.ready, pid = excluded.pid, restarts = excluded.restarts,"
	" reported_run = excluded.reported_run, reported_driver = excluded.reported_driver,"
	" reported_package_name = excluded.reported_package_name,"
	" reported_package_version = excluded.reported_package_version,"
	" reported_package_sha256 = excluded.reported_package_sha256,"
	" reported_config_name = excluded.reported_config_name,"
	" reported_config_version = excluded.reported_config_version,"
	" reported_config_digest = excluded.reported_config_digest, drift = excluded.drift,"
	" drift_files = excluded.drift_files, reported_at = excluded.reported_at";

/* A service that a node no longer reports is gone from it, or has not come up yet. */
static const char HEALTH_SERVICES_CLEAR[] =
	"UPDATE node_service s SET reported_state = NULL, reported_reason = NULL,"
	" reported_since = NULL, ready = NULL, pid = NULL, restarts = NULL, reported_run = NULL,"
	" reported_driver = NULL, reported_package_name = NULL, reported_package_version = NULL,"
	" reported_package_sha256 = NULL, reported_config_name = NULL,"
	" reported_config_version = NULL, reported_config_digest = NULL, drift = false,"
	" drift_files = NULL, reported_at = NULL"
	" WHERE s.node_id = ANY ($1::text[]) AND s.reported_state IS NOT NULL"
	" AND NOT EXISTS (SELECT FROM json_to_recordset($2::json) AS r (node_id text, service text)"
	"  WHERE r.node_id = s.node_id AND r.service = s.service)";

static const char HEALTH_SERVICES_DROP[] =
	"DELETE FROM node_service WHERE node_id = ANY ($1::text[]) AND desired_driver IS NULL"
	" AND reported_state IS NULL";

static const char HEALTH_TROUBLE[] =
	"SELECT node_trouble_refresh(id) FROM unnest($1::text[]) AS id";

static const char HEALTH_JUMP[] =
	"WITH ahead AS (SELECT id, reported_generation + 1 AS generation FROM node"
	"  WHERE id = ANY ($1::text[]) AND reported_generation > desired_generation"
	"  AND desired_generation > 0 ORDER BY id FOR UPDATE),"
	" again AS (INSERT INTO node_desired (node_id, generation, content, digest, rollout_id)"
	"  SELECT a.id, a.generation, d.content, d.digest, d.rollout_id FROM ahead a,"
	"  LATERAL (SELECT content, digest, rollout_id FROM node_desired"
	"   WHERE node_id = a.id ORDER BY generation DESC LIMIT 1) d"
	"  RETURNING node_id, generation)"
	" UPDATE node n SET desired_generation = again.generation FROM again"
	" WHERE n.id = again.node_id";

static void read_nodes(const struct db_rows *rows, struct arena *arena, struct health_node **out,
		       size_t *out_count)
{
	struct health_node *nodes = arena_array(arena, rows->count, sizeof(*nodes));

	for (size_t i = 0; i < rows->count; i++)
		nodes[i] = (struct health_node){
			.id = db_get_text(rows, i, 0),
			.project_id = db_get_text(rows, i, 1),
			.name = db_get_text(rows, i, 2),
			.state = db_get_text(rows, i, 3),
			.status = db_get_text(rows, i, 4),
			.shard = (int)db_get_int(rows, i, 5),
			.online = db_get_bool(rows, i, 6),
			.desired_generation = db_get_int(rows, i, 7),
			.reported_generation = db_get_int(rows, i, 8),
			.reported_digest = db_get_text(rows, i, 9),
			.mark = (int)db_get_int(rows, i, 10),
			.broker = db_get_null(rows, i, 11) ? -1 : (int)db_get_int(rows, i, 11),
		};
	*out = nodes;
	*out_count = rows->count;
}

bool health_nodes_load(struct ctx *ctx, const char *const *ids, size_t count,
		       struct health_node **out, size_t *out_count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, HEALTH_NODES_LOAD, DB_ARGS(db_texts(ids, count)), &rows,
		      err))
		return false;
	read_nodes(&rows, ctx->arena, out, out_count);
	return true;
}

static bool write_rows(struct ctx *ctx, const char *sql, const json_t *rows, struct error *err)
{
	return json_array_size(rows) == 0 ||
	       db_exec(ctx->db, sql, DB_ARGS(db_json(rows)), NULL, err);
}

bool health_hello(struct ctx *ctx, const json_t *rows, struct error *err)
{
	return json_array_size(rows) == 0 ||
	       db_exec(ctx->db, HEALTH_HELLO, DB_ARGS(db_json(rows), db_time(ctx->now)), NULL, err);
}

static bool refresh_trouble(struct ctx *ctx, const char *const *ids, size_t count,
			    struct error *err)
{
	struct db_rows none;

	return count == 0 || db_query(ctx->db, ctx->arena, HEALTH_TROUBLE,
				      DB_ARGS(db_texts(ids, count)), &none, err);
}

bool health_copied(struct ctx *ctx, const char *const *ids, size_t count, struct health_copy **out,
		   size_t *out_count, struct error *err)
{
	struct db_rows rows;

	*out_count = 0;
	if (count == 0)
		return true;
	if (!db_query(ctx->db, ctx->arena, HEALTH_COPIED,
		      DB_ARGS(db_texts(ids, count), db_time(ctx->now)), &rows, err))
		return false;
	struct health_copy *copies = arena_array(ctx->arena, rows.count, sizeof(*copies));
	const char **found = arena_array(ctx->arena, rows.count, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++) {
		copies[i] =
			(struct health_copy){db_get_text(&rows, i, 0), db_get_text(&rows, i, 1)};
		found[i] = copies[i].node_id;
	}
	*out = copies;
	*out_count = rows.count;
	return refresh_trouble(ctx, found, rows.count, err);
}

bool health_copied_over(struct ctx *ctx, struct health_node **out, size_t *out_count,
			struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, HEALTH_COPIED_OVER, DB_ARGS(db_time(ctx->now)), &rows,
		      err))
		return false;
	read_nodes(&rows, ctx->arena, out, out_count);
	const char **ids = arena_array(ctx->arena, rows.count, sizeof(*ids));
	for (size_t i = 0; i < rows.count; i++)
		ids[i] = (*out)[i].id;
	return refresh_trouble(ctx, ids, rows.count, err);
}

bool health_told(struct ctx *ctx, const json_t *rows, struct error *err)
{
	return write_rows(ctx, HEALTH_TOLD, rows, err);
}

bool health_presence(struct ctx *ctx, const json_t *rows, struct error *err)
{
	return write_rows(ctx, HEALTH_PRESENCE, rows, err);
}

bool health_broker(struct ctx *ctx, const json_t *rows, struct error *err)
{
	return write_rows(ctx, HEALTH_BROKER, rows, err);
}

bool health_generation(struct ctx *ctx, const json_t *rows, struct error *err)
{
	return write_rows(ctx, HEALTH_GENERATION, rows, err);
}

bool health_silence(struct ctx *ctx, usec_t before, struct health_node **out, size_t *out_count,
		    struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, HEALTH_SILENCE, DB_ARGS(db_time(before)), &rows, err))
		return false;
	read_nodes(&rows, ctx->arena, out, out_count);
	return true;
}

bool health_services(struct ctx *ctx, const char *const *nodes, size_t count, const json_t *rows,
		     struct error *err)
{
	struct db_value ids = db_texts(nodes, count);

	if (count == 0)
		return true;
	return write_rows(ctx, HEALTH_SERVICES_PUT, rows, err) &&
	       db_exec(ctx->db, HEALTH_SERVICES_CLEAR, DB_ARGS(ids, db_json(rows)), NULL, err) &&
	       db_exec(ctx->db, HEALTH_SERVICES_DROP, DB_ARGS(ids), NULL, err) &&
	       refresh_trouble(ctx, nodes, count, err);
}

bool health_jump(struct ctx *ctx, const char *const *nodes, size_t count, struct error *err)
{
	return count == 0 ||
	       db_exec(ctx->db, HEALTH_JUMP, DB_ARGS(db_texts(nodes, count)), NULL, err);
}
