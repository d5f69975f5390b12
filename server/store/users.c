/* SPDX-License-Identifier: Apache-2.0 */
#include "store/users.h"

#include "base/arena.h"
#include "base/fields.h"
#include "store/db.h"

static const struct field USER_FIELDS[] = {
	FIELD_STRING(struct user, id, 0, 64),	  FIELD_STRING(struct user, login, 0, 256),
	FIELD_STRING(struct user, name, 0, 1024), FIELD_BOOL(struct user, system_admin, 0),
	FIELD_STRING(struct user, role, 0, 32),	  FIELD_TIME(struct user, created_at, 0),
	FIELD_TIME(struct user, disabled_at, 0),  FIELD_END,
};

static const struct field PROJECT_FIELDS[] = {
	FIELD_STRING(struct project, id, 0, 64),
	FIELD_STRING(struct project, name, 0, 64),
	FIELD_TIME(struct project, created_at, 0),
	FIELD_STRING(struct project, role, 0, 32),
	FIELD_END,
};

bool users_any(struct ctx *ctx, bool *any, struct error *err)
{
	static const char USERS_ANY[] = "SELECT EXISTS (SELECT 1 FROM app_user)";
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, USERS_ANY, DB_NO_ARGS, &rows, err))
		return false;
	*any = db_get_bool(&rows, 0, 0);
	return true;
}

bool users_insert(struct ctx *ctx, const struct user *user, const char *password_hash,
		  struct error *err)
{
	static const char USERS_INSERT[] =
		"INSERT INTO app_user (id, login, name, password_hash, system_admin, created_at) "
		"VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (login) DO NOTHING";
	int64_t inserted;

	if (!db_exec(ctx->db, USERS_INSERT,
		     DB_ARGS(db_text(user->id), db_text(user->login), db_text(user->name),
			     db_text(password_hash), db_bool(user->system_admin),
			     db_time(user->created_at)),
		     &inserted, err))
		return false;
	if (inserted == 0)
		return error_set_field(err, ERR_CONFLICT, "login", "there is a user %s already",
				       user->login);
	return true;
}

bool users_get(struct ctx *ctx, const char *id, struct user *out, struct error *err)
{
	static const char USERS_GET[] =
		"SELECT u.id, u.login, u.name, u.system_admin, m.role, u.created_at, u.disabled_at "
		"FROM app_user u LEFT JOIN membership m ON m.user_id = u.id AND m.project_id = $2 "
		"WHERE u.id = $1";
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, USERS_GET,
		      DB_ARGS(db_text(id), db_text(ctx->project_id)), &rows, err))
		return false;
	if (rows.count == 0)
		return error_set(err, ERR_NOT_FOUND, "there is no user %.64s", id);
	*out = (struct user){.id = NULL};
	return db_scan(&rows, 0, ctx->arena, USER_FIELDS, out, err);
}

bool users_find_login(struct ctx *ctx, const char *login, bool *found, struct user *out,
		      const char **password_hash, struct error *err)
{
	static const char USERS_FIND_LOGIN[] =
		"SELECT password_hash, id, login, name, system_admin, created_at, disabled_at "
		"FROM app_user WHERE login = $1";
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, USERS_FIND_LOGIN, DB_ARGS(db_text(login)), &rows, err))
		return false;
	*found = rows.count > 0;
	if (!*found)
		return true;
	*out = (struct user){.id = NULL};
	*password_hash = db_get_text(&rows, 0, 0);
	return db_scan(&rows, 0, ctx->arena, USER_FIELDS, out, err);
}

bool users_list(struct ctx *ctx, const char *after, int64_t limit, struct user **out, size_t *count,
		int64_t *total, struct error *err)
{
	static const char USERS_LIST[] =
		"SELECT (SELECT count(*) FROM membership WHERE project_id = $1) AS total, u.id, "
		"u.login, u.name, u.system_admin, m.role, u.created_at, u.disabled_at "
		"FROM membership m JOIN app_user u ON u.id = m.user_id WHERE m.project_id = $1 "
		"AND ($2::text IS NULL OR u.login > $2) ORDER BY u.login LIMIT $3";
	struct user *users;
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, USERS_LIST,
		      DB_ARGS(db_text(ctx->project_id), db_text(after), db_int(limit)), &rows, err))
		return false;
	users = arena_array(ctx->arena, rows.count + 1, sizeof(*users));
	for (size_t i = 0; i < rows.count; i++)
		if (!db_scan(&rows, i, ctx->arena, USER_FIELDS, &users[i], err))
			return false;
	*total = rows.count > 0 ? db_get_int(&rows, 0, 0) : 0;
	*out = users;
	*count = rows.count;
	return true;
}

bool users_update(struct ctx *ctx, const char *id, const char *name, const char *password_hash,
		  struct error *err)
{
	static const char USERS_UPDATE[] =
		"UPDATE app_user SET name = coalesce($2, name), "
		"password_hash = coalesce($3, password_hash) WHERE id = $1";

	return db_exec(ctx->db, USERS_UPDATE,
		       DB_ARGS(db_text(id), db_text(name), db_text(password_hash)), NULL, err);
}

bool users_set_disabled(struct ctx *ctx, const char *id, bool disabled, struct error *err)
{
	static const char USERS_SET_DISABLED[] =
		"UPDATE app_user SET disabled_at = $2 WHERE id = $1 "
		"AND (disabled_at IS NULL) = ($2::timestamptz IS NOT NULL)";

	return db_exec(ctx->db, USERS_SET_DISABLED,
		       DB_ARGS(db_text(id), db_time(disabled ? ctx->now : 0)), NULL, err);
}

bool users_set_role(struct ctx *ctx, const char *id, const char *role, struct error *err)
{
	static const char MEMBERSHIP_DELETE[] =
		"DELETE FROM membership WHERE user_id = $1 AND project_id = $2";
	static const char MEMBERSHIP_UPSERT[] =
		"INSERT INTO membership (user_id, project_id, role) VALUES ($1, $2, $3) "
		"ON CONFLICT (user_id, project_id) DO UPDATE SET role = excluded.role";

	if (role == NULL)
		return db_exec(ctx->db, MEMBERSHIP_DELETE,
			       DB_ARGS(db_text(id), db_text(ctx->project_id)), NULL, err);
	return db_exec(ctx->db, MEMBERSHIP_UPSERT,
		       DB_ARGS(db_text(id), db_text(ctx->project_id), db_text(role)), NULL, err);
}

bool users_count_admins(struct ctx *ctx, const char *except, int64_t *out, struct error *err)
{
	static const char USERS_COUNT_ADMINS[] =
		"SELECT count(*) FROM membership m JOIN app_user u ON u.id = m.user_id "
		"WHERE m.project_id = $1 AND m.role = 'admin' AND u.disabled_at IS NULL "
		"AND u.id <> $2";
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, USERS_COUNT_ADMINS,
		      DB_ARGS(db_text(ctx->project_id), db_text(except)), &rows, err))
		return false;
	*out = db_get_int(&rows, 0, 0);
	return true;
}

bool users_elsewhere(struct ctx *ctx, const char *id, bool *out, struct error *err)
{
	static const char USERS_ELSEWHERE[] =
		"SELECT EXISTS (SELECT 1 FROM membership WHERE user_id = $1 AND project_id <> $2)";
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, USERS_ELSEWHERE,
		      DB_ARGS(db_text(id), db_text(ctx->project_id)), &rows, err))
		return false;
	*out = db_get_bool(&rows, 0, 0);
	return true;
}

bool projects_insert(struct ctx *ctx, const struct project *project, struct error *err)
{
	static const char PROJECTS_INSERT[] =
		"INSERT INTO project (id, name, created_at) VALUES ($1, $2, $3) "
		"ON CONFLICT (name) DO NOTHING";
	int64_t inserted;

	if (!db_exec(ctx->db, PROJECTS_INSERT,
		     DB_ARGS(db_text(project->id), db_text(project->name),
			     db_time(project->created_at)),
		     &inserted, err))
		return false;
	if (inserted == 0)
		return error_set_field(err, ERR_CONFLICT, "name", "there is a project %s already",
				       project->name);
	return true;
}

bool projects_find(struct ctx *ctx, const char *id_or_name, const char *user_id, bool *found,
		   struct project *out, struct error *err)
{
	static const char PROJECTS_FIND[] =
		"SELECT p.id, p.name, p.created_at, m.role FROM project p "
		"LEFT JOIN membership m ON m.project_id = p.id AND m.user_id = $2 "
		"WHERE p.id = $1 OR p.name = $1 ORDER BY p.id <> $1 LIMIT 1";
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, PROJECTS_FIND,
		      DB_ARGS(db_text(id_or_name), db_text(user_id)), &rows, err))
		return false;
	*found = rows.count > 0;
	*out = (struct project){.id = NULL};
	return !*found || db_scan(&rows, 0, ctx->arena, PROJECT_FIELDS, out, err);
}

bool projects_list(struct ctx *ctx, const char *user_id, bool everyone, struct project **out,
		   size_t *count, struct error *err)
{
	static const char PROJECTS_LIST[] =
		"SELECT p.id, p.name, p.created_at, m.role FROM project p "
		"LEFT JOIN membership m ON m.project_id = p.id AND m.user_id = $1 "
		"WHERE $2 OR m.user_id IS NOT NULL ORDER BY p.created_at, p.id";
	struct project *projects;
	struct db_rows rows;

	if (!db_query(ctx->db, ctx->arena, PROJECTS_LIST,
		      DB_ARGS(db_text(user_id), db_bool(everyone)), &rows, err))
		return false;
	projects = arena_array(ctx->arena, rows.count + 1, sizeof(*projects));
	for (size_t i = 0; i < rows.count; i++)
		if (!db_scan(&rows, i, ctx->arena, PROJECT_FIELDS, &projects[i], err))
			return false;
	*out = projects;
	*count = rows.count;
	return true;
}
