/* SPDX-License-Identifier: Apache-2.0 */
#include "store/desired.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

/* The newest twenty answer "what did it run before". */
enum { KEEP_GENERATIONS = 20 };

static const char NODES_LOCK[] =
	"SELECT n.id, n.name, p.name, n.state = 'retired', n.desired_generation, d.digest, n.labels"
	" FROM node n JOIN project p ON p.id = n.project_id"
	" LEFT JOIN node_desired d ON d.node_id = n.id AND d.generation = n.desired_generation"
	" WHERE n.project_id = $1 AND n.id = ANY ($2::text[]) ORDER BY n.id FOR UPDATE OF n";
static const char ROWS[] =
	"SELECT s.node_id, s.service, s.desired_driver, s.desired_run, s.parameters, c.id, c.name,"
	" s.config_version, s.package_release_id"
	" FROM node_service s LEFT JOIN config c ON c.id = s.config_id"
	" WHERE s.project_id = $1 AND s.node_id = ANY ($2::text[]) AND s.desired_driver IS NOT NULL"
	" ORDER BY s.node_id COLLATE \"C\", s.service COLLATE \"C\"";
static const char CONTENTS[] =
	"SELECT d.digest, d.content FROM (SELECT e.digest, min(n.id) AS node_id FROM node n"
	"  JOIN node_desired e ON e.node_id = n.id AND e.generation = n.desired_generation"
	"  WHERE n.project_id = $1 AND n.id = ANY ($2::text[]) GROUP BY e.digest) g"
	" JOIN node n ON n.id = g.node_id"
	" JOIN node_desired d ON d.node_id = n.id AND d.generation = n.desired_generation"
	" ORDER BY d.digest COLLATE \"C\"";
static const char PACKAGES[] =
	"SELECT id, name, version, platform, sha256, size, envelope FROM package_release"
	" WHERE project_id = $1 AND id = ANY ($2::text[]) ORDER BY id COLLATE \"C\"";
static const char VALUES_OF[] =
	"SELECT node_id, name, value FROM variable WHERE project_id = $1"
	" AND node_id = ANY ($2::text[]) ORDER BY node_id COLLATE \"C\", name COLLATE \"C\"";
static const char RELEASE_KEYS[] =
	"SELECT key_id, public_key FROM release_key WHERE project_id = $1 AND revoked_at IS NULL"
	" ORDER BY created_at, id LIMIT 32";
static const char INSERT[] =
	"INSERT INTO node_desired (node_id, generation, content, digest, rollout_id)"
	" SELECT u.node_id, u.generation::bigint, c.content, c.digest, $6"
	" FROM unnest($1::text[], $2::text[], $3::text[]) u (node_id, generation, place)"
	" JOIN unnest($4::text[], $5::text[]) WITH ORDINALITY c (content, digest, place)"
	" ON c.place = u.place::bigint";
static const char POINT[] =
	"UPDATE node n SET desired_generation = u.generation::bigint, desired_digest = c.digest"
	" FROM unnest($1::text[], $2::text[], $3::text[]) u (node_id, generation, place)"
	" JOIN unnest($4::text[]) WITH ORDINALITY c (digest, place) ON c.place = u.place::bigint"
	" WHERE n.id = u.node_id AND n.project_id = $5";
static const char FORGET[] =
	"DELETE FROM node_desired d USING unnest($1::text[], $2::text[]) u (node_id, generation)"
	" WHERE d.node_id = u.node_id AND d.generation <= u.generation::bigint - $3";
static const char OUTBOX_CLEAR[] = "DELETE FROM outbox WHERE node_id = ANY ($1::text[])"
				   " AND kind = 'desired' AND lease_until IS NULL";
static const char OUTBOX_INSERT[] =
	"INSERT INTO outbox (kind, node_id) SELECT 'desired', u.id"
	" FROM unnest($1::text[]) WITH ORDINALITY u (id, place) ORDER BY u.place";

static bool ask(struct ctx *ctx, const char *sql, const char *const *ids, size_t id_count,
		struct db_rows *rows, struct error *err)
{
	return db_query(ctx->db, ctx->arena, sql,
			DB_ARGS(db_text(ctx->project_id), db_texts(ids, id_count)), rows, err);
}

bool desired_nodes_lock(struct ctx *ctx, const char *const *ids, size_t id_count,
			struct desired_node **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!ask(ctx, NODES_LOCK, ids, id_count, &rows, err))
		return false;
	struct desired_node *nodes = arena_array(ctx->arena, rows.count + 1, sizeof(*nodes));
	for (size_t i = 0; i < rows.count; i++)
		nodes[i] = (struct desired_node){
			.id = db_get_text(&rows, i, 0),
			.name = db_get_text(&rows, i, 1),
			.project = db_get_text(&rows, i, 2),
			.retired = db_get_bool(&rows, i, 3),
			.generation = db_get_int(&rows, i, 4),
			.digest = db_get_text(&rows, i, 5),
			.labels = db_get_text(&rows, i, 6),
		};
	*out = nodes;
	*count = rows.count;
	return true;
}

bool desired_rows(struct ctx *ctx, const char *const *ids, size_t id_count,
		  struct desired_row **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!ask(ctx, ROWS, ids, id_count, &rows, err))
		return false;
	struct desired_row *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = (struct desired_row){
			.node_id = db_get_text(&rows, i, 0),
			.service = db_get_text(&rows, i, 1),
			.driver = db_get_text(&rows, i, 2),
			.run = db_get_bool(&rows, i, 3),
			.parameters = db_get_text(&rows, i, 4),
			.config_id = db_get_text(&rows, i, 5),
			.config_name = db_get_text(&rows, i, 6),
			.config_version = db_get_int(&rows, i, 7),
			.package_id = db_get_text(&rows, i, 8),
		};
	*out = found;
	*count = rows.count;
	return true;
}

bool desired_contents(struct ctx *ctx, const char *const *ids, size_t id_count,
		      struct desired_content **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!ask(ctx, CONTENTS, ids, id_count, &rows, err))
		return false;
	struct desired_content *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = (struct desired_content){.digest = db_get_text(&rows, i, 0),
						    .text = db_get_text(&rows, i, 1)};
	*out = found;
	*count = rows.count;
	return true;
}

bool desired_packages(struct ctx *ctx, const char *const *ids, size_t id_count,
		      struct desired_package **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!ask(ctx, PACKAGES, ids, id_count, &rows, err))
		return false;
	struct desired_package *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = (struct desired_package){
			.id = db_get_text(&rows, i, 0),
			.name = db_get_text(&rows, i, 1),
			.version = db_get_text(&rows, i, 2),
			.platform = db_get_text(&rows, i, 3),
			.sha256 = db_get_text(&rows, i, 4),
			.size = db_get_int(&rows, i, 5),
			.envelope = db_get_text(&rows, i, 6),
		};
	*out = found;
	*count = rows.count;
	return true;
}

bool desired_values(struct ctx *ctx, const char *const *ids, size_t id_count,
		    struct desired_value **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!ask(ctx, VALUES_OF, ids, id_count, &rows, err))
		return false;
	struct desired_value *found = arena_array(ctx->arena, rows.count + 1, sizeof(*found));
	for (size_t i = 0; i < rows.count; i++)
		found[i] = (struct desired_value){
			.node_id = db_get_text(&rows, i, 0),
			.name = db_get_text(&rows, i, 1),
			.value = db_get_text(&rows, i, 2),
		};
	*out = found;
	*count = rows.count;
	return true;
}

bool desired_release_keys(struct ctx *ctx, struct desired_key **out, size_t *count,
			  struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, RELEASE_KEYS, DB_ARGS(db_text(ctx->project_id)), &rows,
		      err))
		return false;

	struct desired_key *keys = arena_array(ctx->arena, rows.count + 1, sizeof(*keys));
	for (size_t i = 0; i < rows.count; i++) {
		keys[i].id = db_get_text(&rows, i, 0);
		keys[i].public_key = db_get_bytes(&rows, i, 1, &keys[i].size);
	}
	*out = keys;
	*count = rows.count;
	return true;
}

bool desired_insert(struct ctx *ctx, const struct desired_batch *batch, struct error *err)
{
	struct db *db = ctx->db;
	struct db_value nodes = db_texts(batch->nodes, batch->node_count);
	struct db_value generations = db_texts(batch->generations, batch->node_count);
	struct db_value places = db_texts(batch->places, batch->node_count);
	struct db_value digests = db_texts(batch->digests, batch->content_count);

	return db_exec(db, INSERT,
		       DB_ARGS(nodes, generations, places,
			       db_texts(batch->contents, batch->content_count), digests,
			       db_text(batch->rollout_id)),
		       NULL, err) &&
	       db_exec(db, POINT,
		       DB_ARGS(nodes, generations, places, digests, db_text(ctx->project_id)), NULL,
		       err) &&
	       db_exec(db, FORGET, DB_ARGS(nodes, generations, db_int(KEEP_GENERATIONS)), NULL,
		       err) &&
	       /* The newest generation is all that a node needs; older messages are not worth sending. */
	       db_exec(db, OUTBOX_CLEAR, DB_ARGS(nodes), NULL, err) &&
	       db_exec(db, OUTBOX_INSERT, DB_ARGS(nodes), NULL, err) &&
	       db_notify(db, DB_CHANNEL_OUTBOX, err);
}
