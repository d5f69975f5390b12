/* SPDX-License-Identifier: Apache-2.0 */
#include "store/nodes.h"

#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"
#include "store/node_columns.h"

static const char NODES_GET[] = "SELECT " NODE_COLUMNS " FROM node n WHERE n.project_id = $1"
				" AND (n.id = $2 OR (n.name = $2 AND n.state <> 'retired'))"
				" ORDER BY n.id = $2 DESC LIMIT 1";

static const char NODES_GET_FOR_UPDATE[] =
	"SELECT " NODE_COLUMNS " FROM node n WHERE n.project_id = $1 AND n.id = $2"
	" FOR NO KEY UPDATE OF n";

static const char NODES_GET_BRIEF[] =
	"SELECT n.id, n.name, n.labels, n.platform, n.state FROM node n WHERE n.project_id = $1"
	" AND n.id = $2";

/* The lock keeps two that want the same name from choosing the same free one. */
static const char NODES_NAME_LOCK[] =
	"SELECT pg_advisory_xact_lock(hashtextextended('node name ' || $2 || ' of ' || $1, 0))";

/* Recursive, so that it looks no further than the first free name. */
#define NAME_TAKEN                                                                               \
	"EXISTS (SELECT FROM node n WHERE n.project_id = $1 AND n.name = tried.name AND n.state" \
	" <> 'retired')"
static const char NODES_FREE_NAME[] =
	"WITH RECURSIVE tried (no, name) AS (SELECT 1, $2::text UNION ALL"
	" SELECT no + 1, rtrim(left($2, 56), '-._') || '-' || no + 1 FROM tried"
	" WHERE no < 100000 AND " NAME_TAKEN ")"
	" SELECT name FROM tried WHERE no = (SELECT max(no) FROM tried) AND NOT " NAME_TAKEN;

static const char NODES_INSERT[] =
	"INSERT INTO node (id, project_id, name, labels, shard, platform, hostname, agent_version,"
	" cert_serial, cert_not_after, key_sha256, enrolled_at, status_since)"
	" VALUES ($1, $2, $3, coalesce($4::jsonb, '{}'), $5, $6, $7, $8, $9, $10, $11, $12, $12)";

static const char NODES_UPDATE[] =
	"UPDATE node SET name = coalesce($3, name), labels = coalesce($4::jsonb, labels),"
	" revision = revision + 1, updated_at = $5 WHERE project_id = $1 AND id = $2";

static const char NODES_RETIRE[] =
	"UPDATE node SET state = 'retired', online = false, trouble = NULL, retired_at = $3,"
	" revision = revision + 1, updated_at = $3 WHERE project_id = $1 AND id = $2";

static const char NODES_RETIRE_SERVICES[] =
	"UPDATE node_service SET desired_driver = NULL, desired_run = NULL,"
	" package_release_id = NULL, config_id = NULL, config_version = NULL, parameters = NULL,"
	" desired_at = $3 WHERE project_id = $1 AND node_id = $2";

static const char NODES_RETIRE_OUTBOX[] = "DELETE FROM outbox WHERE node_id = $1";

static const char NODES_DESIRED_FIND[] =
	"SELECT d.generation, d.digest, d.content, d.rollout_id, d.created_at"
	" FROM node_desired d JOIN node n ON n.id = d.node_id"
	" WHERE n.project_id = $1 AND d.node_id = $2 ORDER BY d.generation DESC LIMIT 1";

static const char NODES_COMMAND_INSERT[] =
	"INSERT INTO outbox (kind, node_id, payload) SELECT 'command', id, $3::jsonb FROM node"
	" WHERE project_id = $1 AND id = $2 AND state <> 'retired'";

const struct field NODE_FIELDS[] = {
	FIELD_STRING(struct node, id, 0, 64),
	FIELD_STRING(struct node, name, 0, 64),
	FIELD_JSON(struct node, labels, 0),
	FIELD_INT(struct node, shard, 0, 0, 63),
	FIELD_STRING(struct node, state, 0, 16),
	FIELD_STRING(struct node, status, 0, 16),
	FIELD_STRING(struct node, trouble, 0, 2048),
	FIELD_TIME(struct node, status_since, 0),
	FIELD_TIME(struct node, last_seen_at, 0),
	FIELD_STRING(struct node, seen_rank, 0, 40),
	FIELD_TIME(struct node, enrolled_at, 0),
	FIELD_TIME(struct node, retired_at, 0),
	FIELD_STRING(struct node, agent_version, 0, 256),
	FIELD_STRING(struct node, platform, 0, 256),
	FIELD_STRING(struct node, hostname, 0, 256),
	FIELD_STRING(struct node, boot_id, 0, 256),
	FIELD_STRING(struct node, cert_serial, 0, 256),
	FIELD_TIME(struct node, cert_not_after, 0),
	FIELD_INT64(struct node, desired_generation, 0, 0, INT64_MAX),
	FIELD_STRING(struct node, desired_digest, 0, 128),
	FIELD_INT64(struct node, reported_generation, 0, 0, INT64_MAX),
	FIELD_STRING(struct node, reported_digest, 0, 128),
	FIELD_BOOL(struct node, drift, 0),
	FIELD_JSON(struct node, services, 0),
	FIELD_JSON(struct node, health, 0),
	FIELD_INT64(struct node, revision, 0, 0, INT64_MAX),
	FIELD_END,
};

static bool get(struct ctx *ctx, const char *sql, const char *id, struct node *out,
		struct error *err)
{
	struct node node = {0};
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, sql, DB_ARGS(db_text(ctx->project_id), db_text(id)),
		      &rows, err))
		return false;
	if (!rows.count)
		return error_set(err, ERR_NOT_FOUND, "node \"%.80s\" does not exist", id);
	if (!db_scan(&rows, 0, ctx->arena, NODE_FIELDS, &node, err))
		return false;
	*out = node;
	return true;
}

bool nodes_get(struct ctx *ctx, const char *id_or_name, struct node *out, struct error *err)
{
	return get(ctx, NODES_GET, id_or_name, out, err);
}

bool nodes_get_for_update(struct ctx *ctx, const char *id, struct node *out, struct error *err)
{
	return get(ctx, NODES_GET_FOR_UPDATE, id, out, err);
}

bool nodes_get_brief(struct ctx *ctx, const char *id, struct node *out, struct error *err)
{
	return get(ctx, NODES_GET_BRIEF, id, out, err);
}

bool nodes_free_name(struct ctx *ctx, const char *wanted, const char **out, struct error *err)
{
	struct db_rows rows;

	if (!db_exec(ctx->db, NODES_NAME_LOCK, DB_ARGS(db_text(ctx->project_id), db_text(wanted)),
		     NULL, err) ||
	    !db_query(ctx->db, ctx->arena, NODES_FREE_NAME,
		      DB_ARGS(db_text(ctx->project_id), db_text(wanted)), &rows, err))
		return false;
	if (!rows.count)
		return error_set(err, ERR_CONFLICT, "no free name like \"%s\"", wanted);
	*out = db_get_text(&rows, 0, 0);
	return true;
}

bool nodes_insert(struct ctx *ctx, const struct node_new *node, struct error *err)
{
	return db_exec(ctx->db, NODES_INSERT,
		       DB_ARGS(db_text(node->id), db_text(ctx->project_id), db_text(node->name),
			       db_json(node->labels), db_int(node->shard), db_text(node->platform),
			       db_text(node->hostname), db_text(node->agent_version),
			       db_text(node->cert_serial), db_time(node->cert_not_after),
			       db_bytes(node->key_sha256, 32), db_time(ctx->now)),
		       NULL, err);
}

bool nodes_update(struct ctx *ctx, const char *id, const char *name, const json_t *labels,
		  struct error *err)
{
	if (db_exec(ctx->db, NODES_UPDATE,
		    DB_ARGS(db_text(ctx->project_id), db_text(id), db_text(name), db_json(labels),
			    db_time(ctx->now)),
		    NULL, err))
		return true;
	if (db_violated(ctx->db, "node_name"))
		return error_set_field(err, ERR_CONFLICT, "name",
				       "another node is called \"%s\" already", name);
	return false;
}

bool nodes_retire(struct ctx *ctx, const char *id, struct error *err)
{
	const struct db_args *args =
		DB_ARGS(db_text(ctx->project_id), db_text(id), db_time(ctx->now));

	return db_exec(ctx->db, NODES_RETIRE, args, NULL, err) &&
	       db_exec(ctx->db, NODES_RETIRE_SERVICES, args, NULL, err) &&
	       db_exec(ctx->db, NODES_RETIRE_OUTBOX, DB_ARGS(db_text(id)), NULL, err);
}

bool nodes_desired_find(struct ctx *ctx, const char *id, struct node_desired *out, bool *found,
			struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, NODES_DESIRED_FIND,
		      DB_ARGS(db_text(ctx->project_id), db_text(id)), &rows, err))
		return false;
	*found = rows.count > 0;
	if (!*found)
		return true;
	json_t *content = db_get_json(&rows, 0, 2);
	*out = (struct node_desired){
		.generation = db_get_int(&rows, 0, 0),
		.digest = db_get_text(&rows, 0, 1),
		.content = content ? json_keep(content, ctx->arena) : NULL,
		.rollout_id = db_get_text(&rows, 0, 3),
		.created_at = db_get_time(&rows, 0, 4),
	};
	return true;
}

bool nodes_command_insert(struct ctx *ctx, const char *id, const json_t *payload, struct error *err)
{
	int64_t inserted = 0;

	if (!db_exec(ctx->db, NODES_COMMAND_INSERT,
		     DB_ARGS(db_text(ctx->project_id), db_text(id), db_json(payload)), &inserted,
		     err))
		return false;
	if (!inserted)
		return error_set(err, ERR_CONFLICT, "node is retired");
	return db_notify(ctx->db, DB_CHANNEL_OUTBOX, err);
}
