/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rollout_queue.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"
#include "store/rollout_steps_scan.h"

#define IN_FLIGHT "('queued', 'sent', 'accepted', 'fetching', 'applying', 'verifying')"
#define SET_OF(step, rollout) "(coalesce(" step ".after, " rollout ".resolved) - " step ".lost)"
#define JUST_QUEUED "s.rollout_id = $1 AND s.state = 'queued' AND s.generation IS NULL"

static const char QUEUED[] =
	"SELECT " STEP_COLUMNS " FROM rollout_step s JOIN node n ON n.id = s.node_id"
	" WHERE s.rollout_id = $1 AND s.state = 'queued' ORDER BY s.node_id LIMIT $2";
/*
 * open: whose turn it is; busy: pairs of which one is under way. What a node has now is parsed once per
 * distinct content, not once per node.
 */
static const char QUEUE[] =
	"WITH open AS (SELECT s.node_id, n.labels ->> $8 AS pair, s.wave FROM rollout r"
	"  JOIN rollout_step s ON s.rollout_id = r.id JOIN node n ON n.id = s.node_id"
	"  WHERE r.id = $1 AND CASE WHEN $2 = 0 THEN s.wave <= r.current_wave ELSE s.wave = $2 END"
	"  AND s.state = ANY ($3::text[]) AND n.state <> 'retired'"
	"  AND (s.retry_at IS NULL OR s.retry_at <= clock_timestamp())"
	"  AND (n.online OR NOT $9 AND NOT ($8::text IS NOT NULL AND n.labels ? $8))"
	"  AND ($10::text[] IS NULL OR coalesce(n.labels ->> 'timezone', '') = ANY ($10))"
	"  AND NOT EXISTS (SELECT FROM rollout_step x JOIN rollout o ON o.id = x.rollout_id"
	"   WHERE x.node_id = s.node_id AND x.rollout_id <> r.id AND x.state IN " IN_FLIGHT
	"   AND x.deadline_at IS NOT NULL AND (o.priority > r.priority OR o.priority = r.priority"
	"    AND NOT EXISTS (SELECT FROM jsonb_object_keys(" SET_OF(
		"x",
		"o") ") k"
		     "     WHERE " SET_OF(
			     "s",
			     "r") " ? k)))),"
				  " busy AS (SELECT DISTINCT o.pair FROM open o JOIN node p ON p.project_id = $11"
				  "  AND p.labels @> jsonb_build_object($8::text, o.pair) AND p.id <> o.node_id"
				  "  JOIN rollout_step x ON x.node_id = p.id AND x.state IN " IN_FLIGHT
				  "  WHERE o.pair IS NOT NULL),"
				  " ranked AS (SELECT node_id, pair, row_number() OVER (PARTITION BY pair ORDER BY wave, node_id)"
				  "  AS place FROM open),"
				  " chosen AS (SELECT node_id FROM ranked WHERE pair IS NULL"
				  "  OR place = 1 AND pair NOT IN (SELECT pair FROM busy) ORDER BY node_id LIMIT $4),"
				  " has AS (SELECT c.node_id, n.online, d.digest FROM chosen c JOIN node n ON n.id = c.node_id"
				  "  LEFT JOIN node_desired d ON d.node_id = n.id AND d.generation = n.desired_generation),"
				  " contents AS MATERIALIZED (SELECT g.digest, d.content::jsonb -> 'services' AS services"
				  "  FROM (SELECT digest, min(node_id) AS node_id FROM has WHERE digest IS NOT NULL"
				  "   GROUP BY digest) g JOIN node n ON n.id = g.node_id"
				  "  JOIN node_desired d ON d.node_id = n.id AND d.generation = n.desired_generation)"
				  " UPDATE rollout_step s SET state = $5, generation = NULL, reason = NULL, error = NULL,"
				  " fingerprint = NULL, progress = NULL, attempt = s.attempt + 1, retry_at = NULL, opens_at = NULL,"
				  " deadline_at = CASE WHEN NOT $7 OR h.online THEN $6::timestamptz END,"
				  " state_since = clock_timestamp(), before = ("
				  "  SELECT jsonb_object_agg(k, CASE WHEN ns.desired_driver IS NOT NULL THEN"
				  "   jsonb_build_object('driver', ns.desired_driver, 'run', ns.desired_run,"
				  "    'package_release_id', ns.package_release_id, 'config_id', ns.config_id,"
				  "    'config_version', ns.config_version, 'parameters', ns.parameters,"
				  "    'rollout_id', ns.rollout_id, 'content', t.services -> k)"
				  "   WHEN ns.rollout_id IS NOT NULL THEN jsonb_build_object('remove', true, 'rollout_id',"
				  "    ns.rollout_id) END)"
				  "  FROM jsonb_object_keys(" SET_OF(
					  "s",
					  "r") ") k"
					       "  LEFT JOIN node_service ns ON ns.node_id = s.node_id AND ns.service = k)"
					       " FROM has h LEFT JOIN contents t ON t.digest = h.digest, rollout r"
					       " WHERE s.rollout_id = $1 AND s.node_id = h.node_id AND r.id = $1";
/* What newer rollouts have set meanwhile stays theirs. */
static const char YIELD[] =
	"WITH taken AS (SELECT s.node_id, array_agg(k) FILTER (WHERE o.id IS NOT NULL) AS services,"
	"  bool_or(o.id IS NULL) AS rest, max(o.number) AS number FROM rollout_step s"
	"  JOIN rollout r ON r.id = s.rollout_id"
	"  CROSS JOIN LATERAL jsonb_object_keys(" SET_OF(
		"s",
		"r") ") k"
		     "  LEFT JOIN node_service ns ON ns.node_id = s.node_id AND ns.service = k"
		     "  LEFT JOIN rollout o ON o.id = ns.rollout_id AND o.number > r.number"
		     "  WHERE " JUST_QUEUED " GROUP BY s.node_id HAVING bool_or(o.id IS NOT NULL))"
		     " UPDATE rollout_step s SET lost = s.lost || t.services, before = s.before - t.services,"
		     " state = CASE WHEN t.rest THEN s.state ELSE $2 END,"
		     " superseded_by = CASE WHEN t.rest THEN s.superseded_by ELSE o.id END,"
		     " reason = CASE WHEN t.rest THEN s.reason"
		     "  ELSE 'superseded by rollout ' || o.number || ' (' || o.name || ')' END"
		     " FROM taken t, rollout o WHERE s.rollout_id = $1 AND s.node_id = t.node_id"
		     " AND o.project_id = $3 AND o.number = t.number AND s.state = ANY ($4::text[])";
static const char UNFIT[] =
	"UPDATE rollout_step s SET state = $2, state_since = clock_timestamp(),"
	" reason = u.reason, error = jsonb_build_object('phase', 'build', 'code', 'invalid', 'text',"
	"  u.reason)"
	" FROM (SELECT s.node_id, 'package ' || (c.value #>> '{package,name}') || ' '"
	"  || (c.value #>> '{package,version}') || ' is not there for platform '"
	"  || coalesce(n.platform, '(unknown until the node is heard)') AS reason"
	"  FROM rollout_step s JOIN rollout r ON r.id = s.rollout_id JOIN node n ON n.id = s.node_id"
	"  CROSS JOIN LATERAL jsonb_each(" SET_OF(
		"s",
		"r") ") c"
		     "  WHERE " JUST_QUEUED
		     " AND jsonb_typeof(c.value) = 'object' AND c.value ? 'package'"
		     "  AND NOT c.value ? 'package_release_id' AND NOT EXISTS (SELECT FROM package_release p"
		     "   WHERE p.project_id = s.project_id AND p.name = c.value #>> '{package,name}'"
		     "   AND p.version = c.value #>> '{package,version}' AND p.platform IN (n.platform, 'any'))) u"
		     " WHERE s.rollout_id = $1 AND s.node_id = u.node_id AND s.state = ANY ($3::text[])";
static const char SUPERSEDE[] =
	"WITH hit AS (SELECT old.rollout_id, old.node_id, r.id AS by,"
	"  'superseded by rollout ' || r.number || ' (' || r.name || ')' AS reason,"
	"  array_agg(k) FILTER (WHERE " SET_OF(
		"s",
		"r") " ? k) AS services,"
		     "  bool_or(NOT " SET_OF(
			     "s",
			     "r") " ? k) AS rest"
				  "  FROM rollout_step s JOIN rollout r ON r.id = s.rollout_id"
				  "  JOIN rollout_step old ON old.node_id = s.node_id AND old.rollout_id <> s.rollout_id"
				  "  JOIN rollout o ON o.id = old.rollout_id AND o.number < r.number"
				  "  CROSS JOIN LATERAL jsonb_object_keys(" SET_OF(
					  "old",
					  "o") ") k"
					       "  WHERE " JUST_QUEUED
					       " AND old.state = ANY ($3::text[])"
					       "  GROUP BY old.rollout_id, old.node_id, r.id, r.number, r.name)"
					       " UPDATE rollout_step s SET lost = s.lost || h.services,"
					       " state = CASE WHEN h.rest THEN s.state ELSE $2 END,"
					       " superseded_by = CASE WHEN h.rest THEN s.superseded_by ELSE h.by END,"
					       " state_since = CASE WHEN h.rest THEN s.state_since ELSE clock_timestamp() END,"
					       " reason = CASE WHEN h.rest THEN s.reason ELSE h.reason END"
					       " FROM hit h WHERE s.rollout_id = h.rollout_id AND s.node_id = h.node_id"
					       " AND h.services IS NOT NULL";
/* Rows that appear or change. jsonb_typeof tells a removed service (null) from a set one. */
static const char APPLY[] =
	"INSERT INTO node_service AS target (project_id, node_id, service, desired_driver,"
	" desired_run, package_release_id, config_id, config_version, parameters, rollout_id,"
	" desired_at)"
	" SELECT s.project_id, s.node_id, c.key,"
	" coalesce(c.value ->> 'driver', pr.manifest -> 'service' ->> 'driver', old.desired_driver,"
	"  'generic'),"
	" coalesce((c.value ->> 'run')::boolean, old.desired_run, true),"
	" CASE WHEN c.value ? 'package_release_id' THEN c.value ->> 'package_release_id'"
	"  WHEN c.value ? 'package' THEN pr.id ELSE old.package_release_id END,"
	" CASE WHEN c.value ? 'config_id' THEN c.value ->> 'config_id' ELSE old.config_id END,"
	" CASE WHEN c.value ? 'config_id' THEN (c.value ->> 'config_version')::integer"
	"  ELSE old.config_version END,"
	" CASE WHEN jsonb_typeof(c.value -> 'parameters') = 'object' THEN c.value -> 'parameters'"
	"  WHEN c.value ? 'parameters' THEN '{}' ELSE coalesce(old.parameters, '{}') END,"
	" s.rollout_id, clock_timestamp()"
	" FROM rollout_step s JOIN rollout r ON r.id = s.rollout_id JOIN node n ON n.id = s.node_id"
	" CROSS JOIN LATERAL jsonb_each(" SET_OF(
		"s",
		"r") ") c"
		     " LEFT JOIN node_service old ON old.node_id = s.node_id AND old.service = c.key"
		     " LEFT JOIN LATERAL (SELECT p.id, p.manifest FROM package_release p"
		     "  WHERE p.project_id = s.project_id AND p.name = c.value -> 'package' ->> 'name'"
		     "  AND p.version = c.value -> 'package' ->> 'version' AND p.platform IN (n.platform, 'any')"
		     "  ORDER BY p.platform = 'any' LIMIT 1) pr ON true"
		     " WHERE " JUST_QUEUED " AND jsonb_typeof(c.value) = 'object'"
		     " AND NOT coalesce((c.value ->> 'remove')::boolean, false)"
		     " ON CONFLICT (node_id, service) DO UPDATE SET desired_driver = excluded.desired_driver,"
		     " desired_run = excluded.desired_run, package_release_id = excluded.package_release_id,"
		     " config_id = excluded.config_id, config_version = excluded.config_version,"
		     " parameters = excluded.parameters, rollout_id = excluded.rollout_id,"
		     " desired_at = excluded.desired_at";
static const char APPLY_REMOVED[] =
	"UPDATE node_service target SET desired_driver = NULL, desired_run = NULL,"
	" package_release_id = NULL, config_id = NULL, config_version = NULL, parameters = NULL,"
	" rollout_id = $1, desired_at = clock_timestamp()"
	" FROM rollout_step s JOIN rollout r ON r.id = s.rollout_id"
	" CROSS JOIN LATERAL jsonb_each(" SET_OF(
		"s",
		"r") ") c"
		     " WHERE " JUST_QUEUED
		     " AND target.node_id = s.node_id AND target.service = c.key"
		     " AND (jsonb_typeof(c.value) = 'null' OR coalesce((c.value ->> 'remove')::boolean, false))";
static const char SENT[] =
	"UPDATE rollout_step s SET state = $4, generation = t.generation::bigint,"
	" state_since = clock_timestamp(), reason = NULL"
	" FROM unnest($2::text[], $3::text[]) t (node_id, generation)"
	" WHERE s.rollout_id = $1 AND s.node_id = t.node_id AND s.state = ANY ($5::text[])";
static const char ZONES[] =
	"SELECT DISTINCT coalesce(n.labels ->> 'timezone', '') FROM rollout r"
	" JOIN rollout_step s ON s.rollout_id = r.id JOIN node n ON n.id = s.node_id"
	" WHERE r.id = $1 AND CASE WHEN $2 = 0 THEN s.wave <= r.current_wave ELSE s.wave = $2 END"
	" AND s.state = 'pending' AND n.online";
static const char SET_OPENING[] =
	"UPDATE rollout_step s SET opens_at = $4, reason = $5 FROM node n, rollout r"
	" WHERE n.id = s.node_id AND r.id = $1 AND s.rollout_id = $1 AND s.state = 'pending'"
	" AND CASE WHEN $2 = 0 THEN s.wave <= r.current_wave ELSE s.wave = $2 END"
	" AND coalesce(n.labels ->> 'timezone', '') = $3 AND s.opens_at IS DISTINCT FROM $4";
static const char FOLLOW[] =
	"INSERT INTO rollout_step (rollout_id, node_id, project_id, wave)"
	" SELECT $1, n.id, n.project_id, $2 FROM node n WHERE n.project_id = $3"
	" AND n.state = 'active' AND n.platform IS NOT NULL AND NOT EXISTS ("
	"  SELECT FROM rollout_step s WHERE s.rollout_id = $1 AND s.node_id = n.id)"
	" AND node_matches(n.labels, $4::jsonb) ON CONFLICT DO NOTHING";

static struct db_value sources_of(const struct step_move *move)
{
	return db_texts(move->sources, move->source_count);
}

static bool choose(struct ctx *ctx, const struct step_queue *what, int64_t *queued,
		   struct error *err)
{
	return db_exec(ctx->db, QUEUE,
		       DB_ARGS(db_text(what->rollout_id), db_int(what->wave),
			       sources_of(&what->queue), db_int(what->limit),
			       db_text(what->queue.target), db_time(what->deadline_at),
			       db_bool(what->later), db_text(what->apart),
			       db_bool(what->only_online),
			       what->windows ? db_texts(what->zones, what->zone_count) : db_null(),
			       db_text(ctx->project_id)),
		       queued, err);
}

bool rollout_queue(struct ctx *ctx, const struct step_queue *what, int64_t *queued,
		   struct error *err)
{
	struct db_value id = db_text(what->rollout_id);

	if (!choose(ctx, what, queued, err))
		return false;
	if (*queued == 0)
		return true;
	return db_exec(ctx->db, YIELD,
		       DB_ARGS(id, db_text(what->supersede.target), db_text(ctx->project_id),
			       sources_of(&what->supersede)),
		       NULL, err) &&
	       db_exec(ctx->db, UNFIT,
		       DB_ARGS(id, db_text(what->unfit.target), sources_of(&what->unfit)), NULL,
		       err) &&
	       db_exec(ctx->db, SUPERSEDE,
		       DB_ARGS(id, db_text(what->supersede.target), sources_of(&what->supersede)),
		       NULL, err) &&
	       db_exec(ctx->db, APPLY, DB_ARGS(id), NULL, err) &&
	       db_exec(ctx->db, APPLY_REMOVED, DB_ARGS(id), NULL, err);
}

bool rollout_queue_list(struct ctx *ctx, const char *rollout_id, int64_t limit,
			struct rollout_step **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, QUEUED, DB_ARGS(db_text(rollout_id), db_int(limit)),
		      &rows, err))
		return false;
	rollout_steps_scan(ctx, &rows, out, count);
	return true;
}

bool rollout_queue_sent(struct ctx *ctx, const char *rollout_id, const char *const *nodes,
			const char *const *generations, size_t count, const struct step_move *move,
			struct error *err)
{
	return db_exec(ctx->db, SENT,
		       DB_ARGS(db_text(rollout_id), db_texts(nodes, count),
			       db_texts(generations, count), db_text(move->target),
			       sources_of(move)),
		       NULL, err);
}

bool rollout_queue_zones(struct ctx *ctx, const char *rollout_id, int64_t wave,
			 const char *const **zones, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ZONES, DB_ARGS(db_text(rollout_id), db_int(wave)), &rows,
		      err))
		return false;
	*zones = rollout_steps_texts(ctx, &rows);
	*count = rows.count;
	return true;
}

bool rollout_queue_set_opening(struct ctx *ctx, const char *rollout_id, int64_t wave,
			       const char *zone, usec_t opens_at, const char *reason,
			       struct error *err)
{
	return db_exec(ctx->db, SET_OPENING,
		       DB_ARGS(db_text(rollout_id), db_int(wave), db_text(zone), db_time(opens_at),
			       db_text(reason)),
		       NULL, err);
}

bool rollout_queue_follow(struct ctx *ctx, const char *rollout_id, int64_t wave,
			  const json_t *requirements, int64_t *added, struct error *err)
{
	return db_exec(ctx->db, FOLLOW,
		       DB_ARGS(db_text(rollout_id), db_int(wave), db_text(ctx->project_id),
			       db_json(requirements)),
		       added, err);
}
