/* SPDX-License-Identifier: Apache-2.0 */
#include "store/undo.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

/* Every service that the node ever had, as it was told last: now_. */
#define SERVICES_NOW                                                               \
	" CROSS JOIN LATERAL (SELECT DISTINCT ON (h.service) h.service, h.digest," \
	" h.package_release_id FROM node_service_history h WHERE h.node_id = n.id" \
	" ORDER BY h.service, h.valid_from DESC) now_"
/* And as it had been told at $2: then_. */
#define SERVICES_THEN                                                                              \
	" LEFT JOIN LATERAL (SELECT h.* FROM node_service_history h WHERE h.node_id = n.id"        \
	" AND h.service = now_.service AND h.valid_from <= $2 ORDER BY h.valid_from DESC LIMIT 1)" \
	" then_ ON true"
#define LOST(release, config)                                                              \
	" CASE WHEN " release " IS NOT NULL AND NOT EXISTS (SELECT FROM package_release p" \
	" WHERE p.id = " release ") THEN 'package' WHEN " config " IS NOT NULL"            \
	" AND NOT EXISTS (SELECT FROM config c WHERE c.id = " config ") THEN 'config' END"
/* Services that the rollout $2 changed on its nodes and that still are as it left them: k. */
#define SERVICES_LEFT                                                                            \
	" FROM unnest($1::text[]) n (id) JOIN rollout_step s ON s.rollout_id = $2"               \
	" AND s.node_id = n.id CROSS JOIN LATERAL jsonb_each(s.before) k (service, was)"         \
	" JOIN node_service ns ON ns.node_id = s.node_id AND ns.service = k.service"             \
	" AND ns.rollout_id = $2 LEFT JOIN LATERAL (SELECT h.digest FROM node_service_history h" \
	" WHERE h.node_id = n.id AND h.service = k.service ORDER BY h.valid_from DESC LIMIT 1)"  \
	" now_ ON true"

static const char TARGETS[] =
	"SELECT n.id, n.name, n.platform, n.status, n.online, n.labels FROM rollout_step s"
	" JOIN node n ON n.id = s.node_id AND n.state <> 'retired'"
	" WHERE s.project_id = $1 AND s.rollout_id = $2 AND s.before IS NOT NULL"
	" AND ($3 = 0 OR s.wave = $3) AND (NOT $4 OR s.state = ANY ($5::text[]))"
	" AND (cardinality($6::text[]) = 0 OR n.id = ANY ($6::text[]) OR n.name = ANY ($6::text[]))"
	" ORDER BY n.name";
static const char PAIRS_AT[] =
	"SELECT n.id, now_.service, encode(then_.digest, 'hex'), encode(now_.digest, 'hex')," LOST(
		"then_.package_release_id",
		"then_.config_id") " FROM unnest($1::text[]) n (id)" SERVICES_NOW SERVICES_THEN
				   " WHERE then_.digest IS DISTINCT FROM now_.digest ORDER BY 1, 2";
static const char CONTENTS_AT[] =
	"SELECT n.id, now_.service, encode(then_.digest, 'hex'), encode(now_.digest, 'hex')," LOST(
		"then_.package_release_id",
		"then_.config_id") ", t.content::json, o.content::json, p.manifest, coalesce(b.size, 0)"
				   " FROM unnest($1::text[]) n (id)" SERVICES_NOW SERVICES_THEN
				   " LEFT JOIN service_content t ON t.digest = then_.digest"
				   " LEFT JOIN service_content o ON o.digest = now_.digest"
				   " LEFT JOIN package_release p ON p.id = now_.package_release_id"
				   " LEFT JOIN package_release b ON b.id = then_.package_release_id"
				   " WHERE then_.digest IS DISTINCT FROM now_.digest ORDER BY 1, 2";
static const char PAIRS_OF[] =
	"SELECT n.id, k.service, CASE WHEN jsonb_typeof(k.was) = 'object' THEN md5(k.was::text) END,"
	" encode(now_.digest, 'hex')," LOST("k.was ->> 'package_release_id'",
					    "k.was ->> 'config_id'") SERVICES_LEFT " ORDER BY 1, 2";
static const char CONTENTS_OF[] =
	"SELECT n.id, k.service, CASE WHEN jsonb_typeof(k.was) = 'object' THEN md5(k.was::text) END,"
	" encode(now_.digest, 'hex')," LOST(
		"k.was ->> 'package_release_id'",
		"k.was ->> 'config_id'") ", k.was -> 'content', (SELECT o.content::json FROM service_content o"
					 " WHERE o.digest = now_.digest), (SELECT p.manifest FROM package_release p"
					 " WHERE p.id = ns.package_release_id), coalesce((SELECT b.size FROM package_release b"
					 " WHERE b.id = k.was ->> 'package_release_id'), 0)" SERVICES_LEFT
					 " ORDER BY 1, 2";
/* The form that store/rollout_steps.h describes, with the very content. */
static const char INSERT_AT[] =
	"INSERT INTO rollout_step (rollout_id, node_id, project_id, wave, after)"
	" SELECT $3, n.id, $4, n.wave::integer, (SELECT jsonb_object_agg(now_.service,"
	"  CASE WHEN then_.digest IS NOT NULL THEN jsonb_build_object('driver', then_.driver,"
	"   'run', then_.run, 'package_release_id', then_.package_release_id, 'config_id',"
	"   then_.config_id, 'config_version', then_.config_version, 'parameters',"
	"   then_.parameters, 'rollout_id', then_.rollout_id, 'content', t.content::jsonb) END)"
	"  FROM (SELECT 1) one" SERVICES_NOW SERVICES_THEN
	"  LEFT JOIN service_content t ON t.digest = then_.digest"
	"  WHERE then_.digest IS DISTINCT FROM now_.digest)"
	" FROM unnest($1::text[], $5::text[]) n (id, wave)";
static const char INSERT_OF[] =
	"INSERT INTO rollout_step (rollout_id, node_id, project_id, wave, after)"
	" SELECT $3, n.id, $4, n.wave::integer, (SELECT jsonb_object_agg(k.service, k.was)"
	"  FROM rollout_step s CROSS JOIN LATERAL jsonb_each(s.before) k (service, was)"
	"  JOIN node_service ns ON ns.node_id = s.node_id AND ns.service = k.service"
	"  AND ns.rollout_id = $2 WHERE s.rollout_id = $2 AND s.node_id = n.id)"
	" FROM unnest($1::text[], $5::text[]) n (id, wave)";

bool undo_targets(struct ctx *ctx, const struct undo *undo, struct target_node **out, size_t *count,
		  struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, TARGETS,
		      DB_ARGS(db_text(ctx->project_id), db_text(undo->rollout_id),
			      db_int(undo->wave), db_bool(undo->only_failed),
			      db_texts(undo->failed_states, undo->failed_state_count),
			      db_texts(undo->nodes, undo->node_count)),
		      &rows, err))
		return false;

	struct target_node *nodes = arena_array(ctx->arena, rows.count + 1, sizeof(*nodes));
	for (size_t i = 0; i < rows.count; i++)
		nodes[i] = (struct target_node){
			.id = db_get_text(&rows, i, 0),
			.name = db_get_text(&rows, i, 1),
			.platform = db_get_text(&rows, i, 2),
			.status = db_get_text(&rows, i, 3),
			.online = db_get_bool(&rows, i, 4),
			.labels = db_get_text(&rows, i, 5),
		};
	*out = nodes;
	*count = rows.count;
	return true;
}

static bool pairs(struct ctx *ctx, const struct undo *undo, const char *const *nodes,
		  size_t node_count, bool contents, struct undo_pair **out, size_t *count,
		  struct error *err)
{
	const char *sql = undo->rollout_id != NULL ? (contents ? CONTENTS_OF : PAIRS_OF)
						   : (contents ? CONTENTS_AT : PAIRS_AT);
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, sql,
		      DB_ARGS(db_texts(nodes, node_count), undo->rollout_id != NULL
								   ? db_text(undo->rollout_id)
								   : db_time(undo->at)),
		      &rows, err))
		return false;

	struct undo_pair *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++) {
		found[i] = (struct undo_pair){
			.node_id = db_get_text(&rows, i, 0),
			.service = db_get_text(&rows, i, 1),
			.then_key = db_get_text(&rows, i, 2),
			.now_key = db_get_text(&rows, i, 3),
			.lost = db_get_text(&rows, i, 4),
		};
		if (!contents)
			continue;
		found[i].then = json_keep(db_get_json(&rows, i, 5), ctx->arena);
		found[i].now = json_keep(db_get_json(&rows, i, 6), ctx->arena);
		found[i].manifest = json_keep(db_get_json(&rows, i, 7), ctx->arena);
		found[i].package_size = db_get_int(&rows, i, 8);
	}
	*out = found;
	*count = rows.count;
	return true;
}

bool undo_pairs(struct ctx *ctx, const struct undo *undo, const char *const *nodes,
		size_t node_count, struct undo_pair **out, size_t *count, struct error *err)
{
	return pairs(ctx, undo, nodes, node_count, false, out, count, err);
}

bool undo_contents(struct ctx *ctx, const struct undo *undo, const char *const *nodes,
		   size_t node_count, struct undo_pair **out, size_t *count, struct error *err)
{
	return pairs(ctx, undo, nodes, node_count, true, out, count, err);
}

bool undo_insert_steps(struct ctx *ctx, const struct undo *undo, const char *rollout_id,
		       const char *const *nodes, const char *const *waves, size_t count,
		       struct error *err)
{
	bool of = undo->rollout_id != NULL;

	return db_exec(
		ctx->db, of ? INSERT_OF : INSERT_AT,
		DB_ARGS(db_texts(nodes, count), of ? db_text(undo->rollout_id) : db_time(undo->at),
			db_text(rollout_id), db_text(ctx->project_id), db_texts(waves, count)),
		NULL, err);
}
