/* SPDX-License-Identifier: Apache-2.0 */
#include "store/desired.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

/* The newest twenty answer "what did it run before". */
enum { KEEP_GENERATIONS = 20 };

static const char NODE_LOCK[] =
	"SELECT n.name, p.name, n.platform, n.state = 'retired', n.desired_generation, d.content"
	" FROM node n JOIN project p ON p.id = n.project_id"
	" LEFT JOIN node_desired d ON d.node_id = n.id AND d.generation = n.desired_generation"
	" WHERE n.project_id = $1 AND n.id = $2 FOR UPDATE OF n";
static const char SERVICES[] =
	"SELECT s.service, s.desired_driver, s.desired_run, s.parameters, c.id, c.name,"
	" s.config_version, p.name, p.version, p.platform, p.sha256, p.size, p.envelope"
	" FROM node_service s LEFT JOIN config c ON c.id = s.config_id"
	" LEFT JOIN package_release p ON p.id = s.package_release_id"
	" WHERE s.project_id = $1 AND s.node_id = $2 AND s.desired_driver IS NOT NULL"
	" ORDER BY s.service";
static const char RELEASE_KEYS[] =
	"SELECT key_id, public_key FROM release_key WHERE project_id = $1 AND revoked_at IS NULL"
	" ORDER BY created_at, id LIMIT 32";
static const char INSERT[] =
	"INSERT INTO node_desired (node_id, generation, content, digest, rollout_id)"
	" VALUES ($1, $2, $3, $4, $5)";
static const char POINT[] = "UPDATE node SET desired_generation = $3, desired_digest = $4"
			    " WHERE project_id = $1 AND id = $2";
static const char FORGET[] = "DELETE FROM node_desired WHERE node_id = $1 AND generation <= $2";
static const char OUTBOX_CLEAR[] =
	"DELETE FROM outbox WHERE node_id = $1 AND kind = 'desired' AND lease_until IS NULL";
static const char OUTBOX_INSERT[] = "INSERT INTO outbox (kind, node_id) VALUES ('desired', $1)";

bool desired_node_lock(struct ctx *ctx, const char *node_id, struct desired_node *out,
		       struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, NODE_LOCK,
		      DB_ARGS(db_text(ctx->project_id), db_text(node_id)), &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_NOT_FOUND, "there is no node %s", node_id);
	*out = (struct desired_node){
		.name = db_get_text(&rows, 0, 0),
		.project = db_get_text(&rows, 0, 1),
		.platform = db_get_text(&rows, 0, 2),
		.retired = db_get_bool(&rows, 0, 3),
		.generation = db_get_int(&rows, 0, 4),
		.content = db_get_text(&rows, 0, 5),
	};
	return true;
}

bool desired_services(struct ctx *ctx, const char *node_id, struct desired_service **out,
		      size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, SERVICES,
		      DB_ARGS(db_text(ctx->project_id), db_text(node_id)), &rows, err))
		return false;

	struct desired_service *services =
		arena_array(ctx->arena, rows.count + 1, sizeof(*services));
	for (size_t i = 0; i < rows.count; i++)
		services[i] = (struct desired_service){
			.service = db_get_text(&rows, i, 0),
			.driver = db_get_text(&rows, i, 1),
			.run = db_get_bool(&rows, i, 2),
			.parameters = json_keep(db_get_json(&rows, i, 3), ctx->arena),
			.config_id = db_get_text(&rows, i, 4),
			.config_name = db_get_text(&rows, i, 5),
			.config_version = db_get_int(&rows, i, 6),
			.package_name = db_get_text(&rows, i, 7),
			.package_version = db_get_text(&rows, i, 8),
			.package_platform = db_get_text(&rows, i, 9),
			.package_sha256 = db_get_text(&rows, i, 10),
			.package_size = db_get_int(&rows, i, 11),
			.package_envelope = db_get_text(&rows, i, 12),
		};
	*out = services;
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

bool desired_insert(struct ctx *ctx, const char *node_id, int64_t generation, const char *content,
		    const char *digest, const char *rollout_id, struct error *err)
{
	struct db *db = ctx->db;

	return db_exec(db, INSERT,
		       DB_ARGS(db_text(node_id), db_int(generation), db_text(content),
			       db_text(digest), db_text(rollout_id)),
		       NULL, err) &&
	       db_exec(db, POINT,
		       DB_ARGS(db_text(ctx->project_id), db_text(node_id), db_int(generation),
			       db_text(digest)),
		       NULL, err) &&
	       db_exec(db, FORGET, DB_ARGS(db_text(node_id), db_int(generation - KEEP_GENERATIONS)),
		       NULL, err) &&
	       /* The newest generation is all that a node needs; older messages are not worth sending. */
	       db_exec(db, OUTBOX_CLEAR, DB_ARGS(db_text(node_id)), NULL, err) &&
	       db_exec(db, OUTBOX_INSERT, DB_ARGS(db_text(node_id)), NULL, err) &&
	       db_notify(db, DB_CHANNEL_OUTBOX, err);
}
