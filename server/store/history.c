/* SPDX-License-Identifier: Apache-2.0 */
#include "store/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/fields.h"
#include "store/db.h"

/* Bounds the size of one statement: a service has at most LIMIT_DESIRED_CONTENT bytes. */
enum { CONTENTS_AT_ONCE = 16 };

/* The clock and not the begin of the transaction: two generations of one tick are two moments. */
static const char TELL[] =
	"WITH t AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])"
	" u (node_id, generation, service, digest))"
	" INSERT INTO node_service_history (node_id, service, valid_from, project_id, generation,"
	" digest, driver, run, package_release_id, config_id, config_version, parameters,"
	" rollout_id)"
	" SELECT t.node_id, t.service, clock_timestamp(), $5, t.generation::bigint,"
	" decode(t.digest, 'hex'),"
	" ns.desired_driver, ns.desired_run, ns.package_release_id, ns.config_id,"
	" ns.config_version, ns.parameters, ns.rollout_id"
	" FROM t JOIN node_service ns ON ns.node_id = t.node_id AND ns.service = t.service"
	" LEFT JOIN LATERAL (SELECT h.digest, h.rollout_id, h.package_release_id, h.config_version"
	"  FROM node_service_history h WHERE h.node_id = t.node_id AND h.service = t.service"
	"  ORDER BY h.valid_from DESC LIMIT 1) last ON true"
	" WHERE (decode(t.digest, 'hex'), ns.rollout_id, ns.package_release_id, ns.config_version)"
	"  IS DISTINCT FROM (last.digest, last.rollout_id, last.package_release_id,"
	"  last.config_version)"
	" UNION ALL SELECT g.node_id, gone.service, clock_timestamp(), $5, g.generation::bigint,"
	" NULL::bytea, NULL, NULL::boolean, NULL, NULL, NULL::integer, NULL::jsonb, ns.rollout_id"
	" FROM unnest($6::text[], $7::text[]) g (node_id, generation)"
	" CROSS JOIN LATERAL (SELECT DISTINCT ON (h.service) h.service, h.digest"
	"  FROM node_service_history h WHERE h.node_id = g.node_id"
	"  ORDER BY h.service, h.valid_from DESC) gone"
	" LEFT JOIN node_service ns ON ns.node_id = g.node_id AND ns.service = gone.service"
	" WHERE gone.digest IS NOT NULL AND NOT EXISTS (SELECT FROM t"
	"  WHERE t.node_id = g.node_id AND t.service = gone.service)";
static const char CONTENT[] = "INSERT INTO service_content (digest, content)"
			      " SELECT DISTINCT ON (1) decode(t.digest, 'hex'), t.content"
			      " FROM unnest($1::text[], $2::text[]) t (digest, content)"
			      " ON CONFLICT (digest) DO UPDATE SET used_at = now()";

#define ROW_COLUMNS                                                                            \
	"h.node_id, h.service, h.valid_from, h.generation, h.digest IS NULL, h.driver, h.run," \
	" p.name, p.version, h.config_id, c.name, h.config_version, h.rollout_id, r.number,"   \
	" r.name, r.kind, r.created_by, r.approved_by"
#define ROW_JOINS                                                     \
	" LEFT JOIN package_release p ON p.id = h.package_release_id" \
	" LEFT JOIN config c ON c.id = h.config_id LEFT JOIN rollout r ON r.id = h.rollout_id"

static const char NOW[] =
	"SELECT " ROW_COLUMNS " FROM (SELECT DISTINCT ON (service) * FROM node_service_history"
	" WHERE node_id = $1 AND project_id = $2"
	" ORDER BY service, valid_from DESC) h" ROW_JOINS
	" WHERE h.digest IS NOT NULL ORDER BY h.service";
static const char LIST[] = "SELECT " ROW_COLUMNS " FROM node_service_history h" ROW_JOINS
			   " WHERE h.node_id = $1 AND h.project_id = $2"
			   " AND ($3::timestamptz IS NULL OR h.valid_from < $3)"
			   " ORDER BY h.valid_from DESC LIMIT $4";
static const char START[] = "SELECT valid_from FROM node_service_history WHERE project_id = $1"
			    " ORDER BY valid_from LIMIT 1";
static const char FORGET[] =
	"DELETE FROM node_service_history h WHERE (h.node_id, h.service, h.valid_from) IN ("
	" SELECT o.node_id, o.service, o.valid_from FROM node_service_history o"
	" WHERE o.valid_from < $1 AND EXISTS (SELECT FROM node_service_history n"
	"  WHERE n.node_id = o.node_id AND n.service = o.service AND n.valid_from > o.valid_from"
	"  AND n.valid_from < $1) ORDER BY o.valid_from LIMIT $2)";
static const char FORGET_CONTENT[] =
	"DELETE FROM service_content WHERE digest IN (SELECT c.digest FROM service_content c"
	" WHERE c.used_at < now() - interval '1 day' AND NOT EXISTS ("
	"  SELECT FROM node_service_history h WHERE h.digest = c.digest) LIMIT $1)"
	" AND used_at < now() - interval '1 day'";

/* The text of a service with its keys in order: one that went through jsonb is the same again. */
static char *text_of(json_t *service, struct arena *arena)
{
	char *dump = json_dumps(service, JSON_COMPACT | JSON_SORT_KEYS);
	char *text = arena_strdup(arena, dump);

	free(dump);
	return text;
}

const char *history_digest(struct ctx *ctx, json_t *service)
{
	const char *text = text_of(service, ctx->arena);
	char *digest = arena_alloc(ctx->arena, SHA256_HEX_SIZE);

	sha256_hex(text, strlen(text), digest);
	return digest;
}

static bool tell_contents(struct ctx *ctx, const struct history_batch *batch, struct error *err)
{
	const char **digests = arena_array(ctx->arena, CONTENTS_AT_ONCE, sizeof(*digests));
	const char **texts = arena_array(ctx->arena, CONTENTS_AT_ONCE, sizeof(*texts));
	size_t count = 0;

	for (size_t i = 0; i < batch->service_count; i++) {
		digests[count] = batch->services[i].digest;
		texts[count++] = text_of(batch->services[i].json, ctx->arena);
		if (count < CONTENTS_AT_ONCE && i + 1 < batch->service_count)
			continue;
		if (!db_exec(ctx->db, CONTENT,
			     DB_ARGS(db_texts(digests, count), db_texts(texts, count)), NULL, err))
			return false;
		count = 0;
	}
	return true;
}

bool history_tell(struct ctx *ctx, const struct history_batch *batch, struct error *err)
{
	size_t count = batch->told_count;
	const char **columns[4];

	for (size_t c = 0; c < ARRAY_SIZE(columns); c++)
		columns[c] = arena_array(ctx->arena, count + 1, sizeof(char *));
	for (size_t i = 0; i < count; i++) {
		columns[0][i] = batch->told[i].node_id;
		columns[1][i] = batch->told[i].generation;
		columns[2][i] = batch->told[i].service;
		columns[3][i] = batch->told[i].digest;
	}
	return db_exec(ctx->db, TELL,
		       DB_ARGS(db_texts(columns[0], count), db_texts(columns[1], count),
			       db_texts(columns[2], count), db_texts(columns[3], count),
			       db_text(ctx->project_id), db_texts(batch->nodes, batch->node_count),
			       db_texts(batch->generations, batch->node_count)),
		       NULL, err) &&
	       tell_contents(ctx, batch, err);
}

static void scan(struct ctx *ctx, const struct db_rows *rows, struct history_row **out,
		 size_t *count)
{
	struct history_row *found = arena_array(ctx->arena, rows->count + 1, sizeof(*found));

	for (size_t i = 0; i < rows->count; i++)
		found[i] = (struct history_row){
			.node_id = db_get_text(rows, i, 0),
			.service = db_get_text(rows, i, 1),
			.valid_from = db_get_time(rows, i, 2),
			.generation = db_get_int(rows, i, 3),
			.removed = db_get_bool(rows, i, 4),
			.driver = db_get_text(rows, i, 5),
			.run = db_get_bool(rows, i, 6),
			.package_name = db_get_text(rows, i, 7),
			.package_version = db_get_text(rows, i, 8),
			.config_id = db_get_text(rows, i, 9),
			.config_name = db_get_text(rows, i, 10),
			.config_version = db_get_int(rows, i, 11),
			.rollout_id = db_get_text(rows, i, 12),
			.rollout_number = db_get_int(rows, i, 13),
			.rollout_name = db_get_text(rows, i, 14),
			.rollout_kind = db_get_text(rows, i, 15),
			.created_by = db_get_text(rows, i, 16),
			.approved_by = db_get_text(rows, i, 17),
		};
	*out = found;
	*count = rows->count;
}

bool history_now(struct ctx *ctx, const char *node_id, struct history_row **out, size_t *count,
		 struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, NOW, DB_ARGS(db_text(node_id), db_text(ctx->project_id)),
		      &rows, err))
		return false;
	scan(ctx, &rows, out, count);
	return true;
}

bool history_list(struct ctx *ctx, const char *node_id, usec_t before, int64_t limit,
		  struct history_row **out, size_t *count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, LIST,
		      DB_ARGS(db_text(node_id), db_text(ctx->project_id),
			      before > 0 ? db_time(before) : db_null(), db_int(limit)),
		      &rows, err))
		return false;
	scan(ctx, &rows, out, count);
	return true;
}

bool history_start(struct ctx *ctx, usec_t *out, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, START, DB_ARGS(db_text(ctx->project_id)), &rows, err))
		return false;
	*out = rows.count > 0 ? db_get_time(&rows, 0, 0) : 0;
	return true;
}

bool history_forget(struct ctx *ctx, usec_t before, int64_t limit, int64_t *deleted,
		    struct error *err)
{
	int64_t rows, contents;

	if (!db_exec(ctx->db, FORGET, DB_ARGS(db_time(before), db_int(limit)), &rows, err) ||
	    !db_exec(ctx->db, FORGET_CONTENT, DB_ARGS(db_int(limit)), &contents, err))
		return false;
	*deleted = rows > contents ? rows : contents;
	return true;
}
