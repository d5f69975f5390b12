/* SPDX-License-Identifier: Apache-2.0 */
#include "store/streams.h"

#include <jansson.h>

#include "base/arena.h"
#include "store/db.h"

enum { EPOCHS_KEPT = 8 };

static const char STREAMS_LOAD[] =
	"SELECT node_id, stream, epoch, last_seq FROM node_stream WHERE node_id = ANY ($1::text[])"
	" ORDER BY node_id COLLATE \"C\"";

static const char STREAMS_SAVE[] =
	"INSERT INTO node_stream AS s (node_id, stream, epoch, last_seq, updated_at)"
	" SELECT node_id, stream, epoch, last_seq, $2"
	" FROM json_to_recordset($1::json)"
	" AS r (node_id text, stream text, epoch text, last_seq bigint)"
	" ORDER BY node_id, stream, epoch"
	" ON CONFLICT (node_id, stream, epoch)"
	" DO UPDATE SET last_seq = greatest(s.last_seq, excluded.last_seq),"
	" updated_at = excluded.updated_at";

static const char STREAMS_PRUNE[] =
	"DELETE FROM node_stream s USING ("
	" SELECT node_id, stream, epoch, row_number() OVER"
	" (PARTITION BY node_id, stream ORDER BY updated_at DESC) AS age"
	" FROM node_stream WHERE node_id = ANY ($1::text[])) old"
	" WHERE s.node_id = old.node_id AND s.stream = old.stream AND s.epoch = old.epoch"
	" AND old.age > $2";

bool streams_load(struct ctx *ctx, const char *const *node_ids, size_t count,
		  struct stream_place **out, size_t *out_count, struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, STREAMS_LOAD, DB_ARGS(db_texts(node_ids, count)), &rows,
		      err))
		return false;
	struct stream_place *places = arena_array(ctx->arena, rows.count, sizeof(*places));
	for (size_t i = 0; i < rows.count; i++)
		places[i] = (struct stream_place){
			.node_id = db_get_text(&rows, i, 0),
			.stream = db_get_text(&rows, i, 1),
			.epoch = db_get_text(&rows, i, 2),
			.last_seq = db_get_int(&rows, i, 3),
		};
	*out = places;
	*out_count = rows.count;
	return true;
}

bool streams_save(struct ctx *ctx, const struct stream_place *places, size_t count,
		  struct error *err)
{
	json_auto_t *rows = json_array();

	for (size_t i = 0; i < count; i++)
		if (places[i].changed)
			json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:I}", "node_id",
							      places[i].node_id, "stream",
							      places[i].stream, "epoch",
							      places[i].epoch, "last_seq",
							      (json_int_t)places[i].last_seq));
	if (json_array_size(rows) == 0)
		return true;
	return db_exec(ctx->db, STREAMS_SAVE, DB_ARGS(db_json(rows), db_time(ctx->now)), NULL, err);
}

bool streams_prune(struct ctx *ctx, const char *const *node_ids, size_t count, struct error *err)
{
	return db_exec(ctx->db, STREAMS_PRUNE,
		       DB_ARGS(db_texts(node_ids, count), db_int(EPOCHS_KEPT)), NULL, err);
}
