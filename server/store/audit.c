/* SPDX-License-Identifier: Apache-2.0 */
#include "store/audit.h"

#include "base/fields.h"
#include "store/db.h"

static const char *const ACTOR_KINDS[] = {
	[ACTOR_SYSTEM] = "system", [ACTOR_USER] = "user",	    [ACTOR_TOKEN] = "token",
	[ACTOR_NODE] = "node",	   [ACTOR_ANONYMOUS] = "anonymous",
};

static const struct field FIELDS[] = {
	FIELD_INT64(struct audit_entry, id, 0, 0, INT64_MAX),
	FIELD_TIME(struct audit_entry, at, 0),
	FIELD_STRING(struct audit_entry, actor_kind, FIELD_NULLABLE, 1024),
	FIELD_STRING(struct audit_entry, actor_id, FIELD_NULLABLE, 1024),
	FIELD_STRING(struct audit_entry, actor_name, FIELD_NULLABLE, 1024),
	FIELD_STRING(struct audit_entry, action, 0, 1024),
	FIELD_STRING(struct audit_entry, object_kind, FIELD_NULLABLE, 1024),
	FIELD_STRING(struct audit_entry, object_id, FIELD_NULLABLE, 1024),
	FIELD_JSON(struct audit_entry, detail, FIELD_NULLABLE),
	FIELD_STRING(struct audit_entry, remote, FIELD_NULLABLE, 1024),
	FIELD_STRING(struct audit_entry, request_id, FIELD_NULLABLE, 1024),
	FIELD_END,
};

bool audit_insert(struct ctx *ctx, const struct audit_entry *entry, struct error *err)
{
	static const char AUDIT_INSERT[] =
		"INSERT INTO audit (project_id, at, actor_kind, actor_id, actor_name, action, "
		"object_kind, object_id, detail, remote, request_id) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
	const struct actor *actor = ctx->actor;

	return db_exec(ctx->db, AUDIT_INSERT,
		       DB_ARGS(db_text(ctx->project_id), db_time(ctx->now),
			       db_text(ACTOR_KINDS[actor->kind]), db_text(actor->id),
			       db_text(actor->name), db_text(entry->action),
			       db_text(entry->object_kind), db_text(entry->object_id),
			       db_json(entry->detail), db_text(actor->remote),
			       db_text(ctx->request_id)),
		       NULL, err);
}

#define AUDIT_PAGE(projects)                                                                \
	"SELECT id, at, actor_kind, actor_id, actor_name, action, object_kind, object_id, " \
	"detail, remote, request_id FROM audit "                                            \
	"WHERE " projects " AND ($2::text IS NULL OR actor_id = $2) "                       \
	"AND ($3::text IS NULL OR starts_with(action, $3)) "                                \
	"AND ($4::text IS NULL OR object_kind = $4) "                                       \
	"AND ($5::text IS NULL OR object_id = $5) "                                         \
	"AND id < coalesce(nullif($6::bigint, 0), 9223372036854775807) ORDER BY id DESC LIMIT $7"

static const char AUDIT_LIST[] = AUDIT_PAGE("project_id = $1");
static const char AUDIT_LIST_HOMELESS_TOO[] = AUDIT_PAGE("(project_id = $1 OR project_id IS NULL)");

bool audit_list(struct ctx *ctx, const struct audit_filter *filter, struct audit_entry **out,
		size_t *count, struct error *err)
{
	struct audit_entry *entries;
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, filter->homeless ? AUDIT_LIST_HOMELESS_TOO : AUDIT_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(filter->actor_id),
			      db_text(filter->action), db_text(filter->object_kind),
			      db_text(filter->object_id), db_int(filter->before),
			      db_int(filter->limit)),
		      &rows, err))
		return false;
	entries = arena_array(ctx->arena, rows.count + 1, sizeof(*entries));
	for (size_t i = 0; i < rows.count; i++)
		if (!db_scan(&rows, i, ctx->arena, FIELDS, &entries[i], err))
			return false;
	*out = entries;
	*count = rows.count;
	return true;
}

bool audit_count_refused(struct ctx *ctx, const char *login, usec_t since, int64_t *by_login,
			 int64_t *by_address, struct error *err)
{
	/* What belongs to no project is little else than refusals, so the newest rows suffice. */
	static const char AUDIT_COUNT_REFUSED[] =
		"SELECT count(*) FILTER (WHERE detail->>'login' = $1 AND remote = $2), "
		"count(*) FILTER (WHERE remote = $2) FROM (SELECT at, action, detail, remote "
		"FROM audit WHERE project_id IS NULL ORDER BY id DESC LIMIT 2000) newest "
		"WHERE action = 'session.refuse' AND at > $3";
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, AUDIT_COUNT_REFUSED,
		      DB_ARGS(db_text(login), db_text(ctx->actor->remote), db_time(since)), &rows,
		      err))
		return false;
	*by_login = db_get_int(&rows, 0, 0);
	*by_address = db_get_int(&rows, 0, 1);
	return true;
}

json_t *audit_encode(const struct audit_entry *entry)
{
	return fields_encode(FIELDS, entry);
}
