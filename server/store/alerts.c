/* SPDX-License-Identifier: Apache-2.0 */
#include "store/alerts.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

#define ALERT_COLUMNS                                                                      \
	"a.id, a.project_id, a.rule_id AS rule, r.name AS rule_name, r.kind, a.state,"     \
	" a.severity, a.summary, a.node_id AS node, n.name AS node_name, a.service,"       \
	" a.rollout_id AS rollout, o.number AS rollout_number, a.started_at, a.firing_at," \
	" a.acknowledged_at, a.acknowledged_by, a.resolved_at"
#define ALERT_JOINS                                                                                \
	" JOIN alert_rule r ON r.id = a.rule_id"                                                   \
	" LEFT JOIN LATERAL (SELECT k.name FROM node k WHERE k.id = a.node_id OFFSET 0) n ON true" \
	" LEFT JOIN rollout o ON o.id = a.rollout_id"
#define RULE_COLUMNS "id, kind, name, enabled, severity, for_ms, created_at, revision"

static const struct field ALERT_FIELDS[] = {
	FIELD_STRING(struct alert, id, 0, 64),
	FIELD_STRING(struct alert, project_id, 0, 64),
	FIELD_STRING(struct alert, rule, 0, 64),
	FIELD_STRING(struct alert, rule_name, 0, 256),
	FIELD_STRING(struct alert, kind, 0, 64),
	FIELD_STRING(struct alert, state, 0, 64),
	FIELD_STRING(struct alert, severity, 0, 64),
	FIELD_STRING(struct alert, summary, 0, 4096),
	FIELD_STRING(struct alert, node, 0, 64),
	FIELD_STRING(struct alert, node_name, 0, 64),
	FIELD_STRING(struct alert, service, 0, 64),
	FIELD_STRING(struct alert, rollout, 0, 64),
	FIELD_INT64(struct alert, rollout_number, 0, 0, INT64_MAX),
	FIELD_TIME(struct alert, started_at, 0),
	FIELD_TIME(struct alert, firing_at, 0),
	FIELD_TIME(struct alert, acknowledged_at, 0),
	FIELD_STRING(struct alert, acknowledged_by, 0, 256),
	FIELD_TIME(struct alert, resolved_at, 0),
	FIELD_END,
};

static const struct field RULE_FIELDS[] = {
	FIELD_STRING(struct alert_rule, id, 0, 64),
	FIELD_STRING(struct alert_rule, kind, 0, 64),
	FIELD_STRING(struct alert_rule, name, 0, 128),
	FIELD_BOOL(struct alert_rule, enabled, 0),
	FIELD_STRING(struct alert_rule, severity, 0, 64),
	FIELD_INT64(struct alert_rule, for_ms, 0, 0, INT64_MAX),
	FIELD_TIME(struct alert_rule, created_at, 0),
	FIELD_INT64(struct alert_rule, revision, 0, 0, INT64_MAX),
	FIELD_END,
};

static const char OPEN[] =
	"WITH a AS (INSERT INTO alert (id, project_id, rule_id, fingerprint, state, severity,"
	" summary, node_id, service, rollout_id, started_at, firing_at)"
	" SELECT random_id(), c.project_id, c.rule_id, c.fingerprint,"
	" CASE WHEN fires THEN 'firing' ELSE 'pending' END, c.severity, c.summary, c.node_id,"
	" c.service, c.rollout_id, c.since, CASE WHEN fires THEN clock_timestamp() END"
	" FROM (SELECT *, since + for_ms * interval '1 ms' <= clock_timestamp() AS fires"
	" FROM alert_condition) c"
	" WHERE NOT EXISTS (SELECT FROM alert x WHERE x.rule_id = c.rule_id"
	" AND x.fingerprint = c.fingerprint AND x.state <> 'resolved') LIMIT $1"
	" ON CONFLICT DO NOTHING RETURNING *)"
	" SELECT " ALERT_COLUMNS " FROM a" ALERT_JOINS;
static const char FIRE[] =
	"WITH a AS (UPDATE alert SET state = 'firing', firing_at = clock_timestamp(),"
	" summary = due.summary FROM (SELECT x.id, c.summary FROM alert x JOIN alert_condition c"
	" ON c.rule_id = x.rule_id AND c.fingerprint = x.fingerprint"
	" WHERE x.state = 'pending' AND c.since + c.for_ms * interval '1 ms' <= clock_timestamp()"
	" LIMIT $1) due WHERE alert.id = due.id RETURNING alert.*)"
	" SELECT " ALERT_COLUMNS " FROM a" ALERT_JOINS;
static const char RESOLVE[] =
	"WITH a AS (UPDATE alert SET state = 'resolved', resolved_at = clock_timestamp()"
	" WHERE id IN (SELECT x.id FROM alert x WHERE x.state IN ('firing', 'acknowledged')"
	" AND NOT EXISTS (SELECT FROM alert_condition c WHERE c.rule_id = x.rule_id"
	" AND c.fingerprint = x.fingerprint) LIMIT $1) RETURNING *)"
	" SELECT " ALERT_COLUMNS " FROM a" ALERT_JOINS;
static const char FORGET_PENDING[] =
	"DELETE FROM alert x WHERE x.state = 'pending' AND NOT EXISTS (SELECT FROM alert_condition c"
	" WHERE c.rule_id = x.rule_id AND c.fingerprint = x.fingerprint)";
/* $1 project, $2 state, $3 node, $4 and $5 where to go on, $6 limit. A statement for each index. */
#define WANTED(which)                                      \
	" FROM alert x WHERE x.project_id = $1 AND " which \
	" AND ($2::text IS NULL OR x.state = $2 OR ($2 = 'open' AND x.state <> 'resolved'))"
#define PAGE(which)                                                                          \
	"SELECT " ALERT_COLUMNS " FROM (SELECT x.*" WANTED(                                  \
		which) " AND (x.started_at, x.id) < (coalesce($4::timestamptz, 'infinity')," \
		       " coalesce($5, 'zzzzzzzzzzzzzzzzzzzzz'))"                             \
		       " ORDER BY x.started_at DESC, x.id DESC LIMIT $6) a" ALERT_JOINS      \
		       " ORDER BY a.started_at DESC, a.id DESC"
#define TOTAL(which) "SELECT count(*) FROM (SELECT" WANTED(which) " LIMIT 2001) m"
#define ALL "$3::text IS NULL"
#define OPEN_ONES "$3::text IS NULL AND x.state <> 'resolved'"
#define OF_NODE                                                         \
	"x.node_id IN (SELECT k.id FROM node k WHERE k.project_id = $1" \
	" AND (k.id = $3 OR k.name = $3))"

static const char LIST_ALL[] = PAGE(ALL);
static const char LIST_OPEN[] = PAGE(OPEN_ONES);
static const char LIST_OF_NODE[] = PAGE(OF_NODE);
static const char COUNT_ALL[] = TOTAL(ALL);
static const char COUNT_OPEN[] = TOTAL(OPEN_ONES);
static const char COUNT_OF_NODE[] = TOTAL(OF_NODE);
static const char GET[] = "SELECT " ALERT_COLUMNS " FROM alert a" ALERT_JOINS
			  " WHERE a.project_id = $1 AND a.id = $2";
static const char ACKNOWLEDGE[] =
	"UPDATE alert SET state = 'acknowledged', acknowledged_at = clock_timestamp(),"
	" acknowledged_by = $3 WHERE project_id = $1 AND id = $2 AND state = 'firing'";
static const char RULES_LIST[] =
	"SELECT " RULE_COLUMNS " FROM alert_rule WHERE project_id = $1 ORDER BY name";
static const char RULES_GET[] =
	"SELECT " RULE_COLUMNS " FROM alert_rule WHERE project_id = $1 AND id = $2";
static const char RULES_INSERT[] =
	"INSERT INTO alert_rule (id, project_id, kind, name, enabled, severity, for_ms)"
	" VALUES ($1, $2, $3, $4, $5, $6, $7)";
static const char RULES_UPDATE[] =
	"UPDATE alert_rule SET name = $3, enabled = $4, severity = $5, for_ms = $6,"
	" revision = revision + 1 WHERE project_id = $1 AND id = $2";
static const char RULES_DELETE[] = "DELETE FROM alert_rule WHERE project_id = $1 AND id = $2";

static bool scan_alerts(struct ctx *ctx, const struct db_rows *rows, struct alert **out,
			size_t *count, struct error *err)
{
	struct alert *alerts = arena_array(ctx->arena, rows->count + 1, sizeof(*alerts));

	for (size_t i = 0; i < rows->count; i++)
		if (!db_scan(rows, i, ctx->arena, ALERT_FIELDS, &alerts[i], err))
			return false;
	*out = alerts;
	*count = rows->count;
	return true;
}

static bool change(struct ctx *ctx, const char *sql, int64_t limit, struct alert **out,
		   size_t *count, struct error *err)
{
	struct db_rows rows;

	return db_query(ctx->db, ctx->arena, sql, DB_ARGS(db_int(limit)), &rows, err) &&
	       scan_alerts(ctx, &rows, out, count, err);
}

bool alerts_open(struct ctx *ctx, int64_t limit, struct alert **out, size_t *count,
		 struct error *err)
{
	return change(ctx, OPEN, limit, out, count, err);
}

bool alerts_fire(struct ctx *ctx, int64_t limit, struct alert **out, size_t *count,
		 struct error *err)
{
	return change(ctx, FIRE, limit, out, count, err);
}

bool alerts_resolve(struct ctx *ctx, int64_t limit, struct alert **out, size_t *count,
		    struct error *err)
{
	return change(ctx, RESOLVE, limit, out, count, err);
}

bool alerts_forget_pending(struct ctx *ctx, struct error *err)
{
	return db_exec(ctx->db, FORGET_PENDING, DB_NO_ARGS, NULL, err);
}

bool alerts_list(struct ctx *ctx, const char *state, const char *node, usec_t before,
		 const char *before_id, int64_t limit, struct alert **out, size_t *count,
		 int64_t *total, struct error *err)
{
	bool open = state && strcmp(state, "resolved") != 0;
	struct db_rows rows, counted;

	if (!db_query(ctx->db, ctx->arena,
		      node   ? LIST_OF_NODE
		      : open ? LIST_OPEN
			     : LIST_ALL,
		      DB_ARGS(db_text(ctx->project_id), db_text(state), db_text(node),
			      db_time(before), db_text(before_id), db_int(limit)),
		      &rows, err) ||
	    !db_query(ctx->db, ctx->arena,
		      node   ? COUNT_OF_NODE
		      : open ? COUNT_OPEN
			     : COUNT_ALL,
		      DB_ARGS(db_text(ctx->project_id), db_text(state), db_text(node)), &counted,
		      err))
		return false;
	*total = db_get_int(&counted, 0, 0);
	return scan_alerts(ctx, &rows, out, count, err);
}

bool alerts_get(struct ctx *ctx, const char *id, struct alert *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, GET, DB_ARGS(db_text(ctx->project_id), db_text(id)),
		      &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_NOT_FOUND, "there is no alert %s", id);
	memset(out, 0, sizeof(*out));
	return db_scan(&rows, 0, ctx->arena, ALERT_FIELDS, out, err);
}

bool alerts_acknowledge(struct ctx *ctx, const char *id, const char *by, struct error *err)
{
	int64_t changed;

	if (!db_exec(ctx->db, ACKNOWLEDGE,
		     DB_ARGS(db_text(ctx->project_id), db_text(id), db_text(by)), &changed, err))
		return false;
	return changed > 0 || error_set(err, ERR_CONFLICT, "only a firing alert is acknowledged");
}

bool alert_rules_list(struct ctx *ctx, struct alert_rule **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, RULES_LIST, DB_ARGS(db_text(ctx->project_id)), &rows,
		      err))
		return false;

	struct alert_rule *rules = arena_array(ctx->arena, rows.count + 1, sizeof(*rules));
	for (size_t i = 0; i < rows.count; i++)
		if (!db_scan(&rows, i, ctx->arena, RULE_FIELDS, &rules[i], err))
			return false;
	*out = rules;
	*count = rows.count;
	return true;
}

bool alert_rules_get(struct ctx *ctx, const char *id, struct alert_rule *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, RULES_GET,
		      DB_ARGS(db_text(ctx->project_id), db_text(id)), &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_NOT_FOUND, "there is no rule %s", id);
	memset(out, 0, sizeof(*out));
	return db_scan(&rows, 0, ctx->arena, RULE_FIELDS, out, err);
}

bool alert_rules_insert(struct ctx *ctx, const struct alert_rule *rule, struct error *err)
{
	return db_exec(ctx->db, RULES_INSERT,
		       DB_ARGS(db_text(rule->id), db_text(ctx->project_id), db_text(rule->kind),
			       db_text(rule->name), db_bool(rule->enabled), db_text(rule->severity),
			       db_int(rule->for_ms)),
		       NULL, err);
}

bool alert_rules_update(struct ctx *ctx, const struct alert_rule *rule, struct error *err)
{
	return db_exec(ctx->db, RULES_UPDATE,
		       DB_ARGS(db_text(ctx->project_id), db_text(rule->id), db_text(rule->name),
			       db_bool(rule->enabled), db_text(rule->severity),
			       db_int(rule->for_ms)),
		       NULL, err);
}

bool alert_rules_delete(struct ctx *ctx, const char *id, struct error *err)
{
	int64_t deleted;

	if (!db_exec(ctx->db, RULES_DELETE, DB_ARGS(db_text(ctx->project_id), db_text(id)),
		     &deleted, err))
		return false;
	return deleted > 0 || error_set(err, ERR_NOT_FOUND, "there is no rule %s", id);
}
