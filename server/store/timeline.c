/* SPDX-License-Identifier: Apache-2.0 */
#include "store/timeline.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

/* Each branch reads at most a page by its own index. */
#define BEFORE(at, key) " AND ($3::timestamptz IS NULL OR (" at ", " key ") < ($3, $4))"
#define NEWEST " ORDER BY at DESC, key DESC LIMIT $5)"

static const char TIMELINE_LIST[] =
	"SELECT * FROM ("
	"(SELECT e.at AS at, 'e' || lpad(e.id::text, 19, '0') AS key, 'event' AS source, e.kind,"
	" e.severity, e.service, e.text, e.data FROM node_event e"
	" WHERE e.project_id = $1 AND e.node_id = $2" BEFORE(
		"e.at", "'e' || lpad(e.id::text, 19, '0')") NEWEST
	" UNION ALL "
	"(SELECT s.state_since AS at, 'r' || s.rollout_id AS key, 'rollout', 'rollout.' || s.state,"
	" CASE WHEN s.state IN ('failed', 'rollback_failed', 'timed_out') THEN 'error'"
	" WHEN s.state IN ('rolled_back', 'superseded') THEN 'warning' ELSE 'info' END, NULL,"
	" 'rollout ' || r.number || ' \"' || r.name || '\": ' || s.state"
	" || coalesce(', ' || s.reason, ''),"
	" jsonb_build_object('rollout', r.id, 'number', r.number, 'error', s.error)"
	" FROM rollout_step s JOIN rollout r ON r.id = s.rollout_id"
	" WHERE s.project_id = $1 AND s.node_id = $2 AND s.state <> 'pending'" BEFORE(
		"s.state_since", "'r' || s.rollout_id") NEWEST
	" UNION ALL "
	"(SELECT a.at AS at, 'a' || lpad(a.id::text, 19, '0') AS key, 'audit', a.action, 'info',"
	" NULL, coalesce(a.actor_name, a.actor_kind) || ': ' || a.action, a.detail FROM audit a"
	" WHERE a.project_id = $1 AND a.object_kind = 'node' AND a.object_id = $2" BEFORE(
		"a.at", "'a' || lpad(a.id::text, 19, '0')") NEWEST
	" UNION ALL "
	"(SELECT l.started_at AS at, 'l' || l.id AS key, 'alert', 'alert.' || l.state,"
	" CASE l.severity WHEN 'critical' THEN 'error' ELSE l.severity END, l.service, l.summary,"
	" jsonb_build_object('alert', l.id, 'resolved_at', time_text(l.resolved_at))"
	" FROM alert l WHERE l.project_id = $1 AND l.node_id = $2 AND l.state <> 'pending'" BEFORE(
		"l.started_at", "'l' || l.id") NEWEST ") t ORDER BY at DESC, key DESC LIMIT $5";

static const struct field ITEM_FIELDS[] = {
	FIELD_TIME(struct timeline_item, at, 0),
	FIELD_STRING(struct timeline_item, key, 0, 64),
	FIELD_STRING(struct timeline_item, source, 0, 16),
	FIELD_STRING(struct timeline_item, kind, 0, 128),
	FIELD_STRING(struct timeline_item, severity, 0, 16),
	FIELD_STRING(struct timeline_item, service, 0, 64),
	FIELD_STRING(struct timeline_item, text, 0, 1 << 16),
	FIELD_JSON(struct timeline_item, data, 0),
	FIELD_END,
};

bool timeline_list(struct ctx *ctx, const char *node_id, const char *after_at,
		   const char *after_key, int64_t limit, struct timeline_item **out, size_t *count,
		   struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, TIMELINE_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(node_id), db_text(after_at),
			      db_text(after_key), db_int(limit)),
		      &rows, err))
		return false;
	struct timeline_item *items = arena_array(ctx->arena, rows.count, sizeof(*items));
	for (size_t i = 0; i < rows.count; i++)
		if (!db_scan(&rows, i, ctx->arena, ITEM_FIELDS, &items[i], err))
			return false;
	*out = items;
	*count = rows.count;
	return true;
}
