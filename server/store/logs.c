/* SPDX-License-Identifier: Apache-2.0 */
#include "store/logs.h"

#include <endian.h>
#include <string.h>

#include "base/arena.h"
#include "store/db.h"

static const char LOGS_COPY[] = "COPY log_line (project_id, node_id, service, at, stream, text,"
				" corrected) FROM STDIN (FORMAT binary)";

enum { COLUMNS = 7 };

/* PostgreSQL counts microseconds from 2000-01-01. */
static const usec_t POSTGRES_EPOCH = 946684800 * USEC_PER_SEC;

/* Two statements, since the end from which to read decides the plan. */
#define LOGS_SELECT                                                              \
	"SELECT id, node_id, service, at, stream, text, corrected FROM log_line" \
	" WHERE project_id = $1 AND ($2::text IS NULL OR node_id = $2)"          \
	" AND ($3::text IS NULL OR service = $3)"                                \
	" AND ($4::text IS NULL OR position(lower($4) IN lower(text)) > 0)"      \
	" AND id > $5 AND ($6 = 0 OR id < $6)"

/* Ids are given before commit: who follows the end must not step over lines that a running
 * transaction is still to show below those that he has seen. */
static const char LOGS_LIST_AFTER[] =
	LOGS_SELECT " AND age(xmin) > age(xid(pg_snapshot_xmin(pg_current_snapshot())))"
		    " ORDER BY id LIMIT $7";

static const char LOGS_LIST_NEWEST[] =
	"SELECT * FROM (" LOGS_SELECT " ORDER BY id DESC LIMIT $7) newest ORDER BY id";

/* At least tomorrow's partition must be there before it is needed. */
static const char LOGS_ROTATE[] =
	"SELECT log_line_rotate($1 * interval '1 us', $2, ($3::timestamptz)::date, 3)";

struct writer {
	struct db *db;
	size_t used;
	char bytes[1 << 16];
};

static void put(struct writer *writer, const void *data, size_t size_bytes)
{
	if (writer->used + size_bytes > sizeof(writer->bytes)) {
		db_copy_put(writer->db, writer->bytes, writer->used);
		writer->used = 0;
	}
	if (size_bytes > sizeof(writer->bytes)) {
		db_copy_put(writer->db, data, size_bytes);
		return;
	}
	memcpy(writer->bytes + writer->used, data, size_bytes);
	writer->used += size_bytes;
}

static void put_sized(struct writer *writer, const void *data, size_t size_bytes)
{
	uint32_t size = htobe32((uint32_t)size_bytes);

	put(writer, &size, sizeof(size));
	put(writer, data, size_bytes);
}

static void put_text(struct writer *writer, const char *text)
{
	put_sized(writer, text, strlen(text));
}

static void put_line(struct writer *writer, const struct log_row *row)
{
	uint16_t columns = htobe16(COLUMNS);
	uint64_t at = htobe64((uint64_t)(row->at - POSTGRES_EPOCH));
	char corrected = row->corrected;

	put(writer, &columns, sizeof(columns));
	put_text(writer, row->project_id);
	put_text(writer, row->node_id);
	put_text(writer, row->service);
	put_sized(writer, &at, sizeof(at));
	put_text(writer, row->stream);
	put_text(writer, row->text);
	put_sized(writer, &corrected, sizeof(corrected));
}

bool logs_insert(struct ctx *ctx, const struct log_row *rows, size_t count, struct error *err)
{
	if (count == 0)
		return true;
	struct writer *writer = arena_alloc(ctx->arena, sizeof(*writer));
	writer->db = ctx->db;
	writer->used = 0;
	if (!db_copy_begin(ctx->db, LOGS_COPY, err))
		return false;
	for (size_t i = 0; i < count; i++)
		put_line(writer, &rows[i]);
	db_copy_put(ctx->db, writer->bytes, writer->used);
	return db_copy_end(ctx->db, err);
}

bool logs_list(struct ctx *ctx, const struct log_filter *filter, struct log_line **out,
	       size_t *count, struct error *err)
{
	struct db_rows rows;
	const char *sql = filter->after > 0 ? LOGS_LIST_AFTER : LOGS_LIST_NEWEST;

	if (!db_query(ctx->db, ctx->arena, sql,
		      DB_ARGS(db_text(ctx->project_id), db_text(filter->node_id),
			      db_text(filter->service), db_text(filter->text),
			      db_int(filter->after), db_int(filter->before), db_int(filter->limit)),
		      &rows, err))
		return false;
	struct log_line *lines = arena_array(ctx->arena, rows.count, sizeof(*lines));
	for (size_t i = 0; i < rows.count; i++)
		lines[i] = (struct log_line){
			.id = db_get_int(&rows, i, 0),
			.node_id = db_get_text(&rows, i, 1),
			.service = db_get_text(&rows, i, 2),
			.at = db_get_time(&rows, i, 3),
			.stream = db_get_text(&rows, i, 4),
			.text = db_get_text(&rows, i, 5),
			.corrected = db_get_bool(&rows, i, 6),
		};
	*out = lines;
	*count = rows.count;
	return true;
}

bool logs_rotate(struct ctx *ctx, usec_t keep, int64_t cap_bytes, int64_t *dropped,
		 struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, LOGS_ROTATE,
		      DB_ARGS(db_int(keep), db_int(cap_bytes), db_time(ctx->now)), &rows, err))
		return false;
	*dropped = db_get_int(&rows, 0, 0);
	return true;
}
