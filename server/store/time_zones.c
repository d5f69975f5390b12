/* SPDX-License-Identifier: Apache-2.0 */
#include "store/time_zones.h"

#include "base/arena.h"
#include "store/db.h"

static const char ZONES_NOW[] =
	"SELECT floor(extract(epoch FROM $2::timestamptz AT TIME ZONE zone_known(u.zone)) / 60)::bigint"
	" FROM unnest($1::text[]) WITH ORDINALITY u (zone, place) ORDER BY u.place";
static const char ZONES_MOMENTS[] =
	"SELECT (timestamp 'epoch' + u.minute::integer * interval '1 min') AT TIME ZONE u.zone"
	" FROM unnest($1::text[], $2::text[]) WITH ORDINALITY u (zone, minute, place)"
	" ORDER BY u.place";

bool time_zones_now(struct ctx *ctx, const char *const *zones, size_t count, int64_t minutes[],
		    bool known[], struct error *err)
{
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, ZONES_NOW,
		      DB_ARGS(db_texts(zones, count), db_time(ctx->now)), &rows, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		known[i] = !db_get_null(&rows, i, 0);
		minutes[i] = db_get_int(&rows, i, 0);
	}
	return true;
}

bool time_zones_moments(struct ctx *ctx, const char *const *zones, const int64_t minutes[],
			size_t count, usec_t out[], struct error *err)
{
	const char **texts = arena_array(ctx->arena, count + 1, sizeof(*texts));
	struct db_rows rows;

	for (size_t i = 0; i < count; i++)
		texts[i] = arena_printf(ctx->arena, "%lld", (long long)minutes[i]);
	if (!db_query(ctx->db, ctx->arena, ZONES_MOMENTS,
		      DB_ARGS(db_texts(zones, count), db_texts(texts, count)), &rows, err))
		return false;
	for (size_t i = 0; i < count; i++)
		out[i] = db_get_time(&rows, i, 0);
	return true;
}
