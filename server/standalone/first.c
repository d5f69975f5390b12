/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/first.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "domain/access/access.h"
#include "store/db.h"
#include "store/migrate.h"

struct login {
	const char *path;
	const char *dashboard_url;
	const char *password;
};

/* The file comes before the commit: a password that nobody can read would lock everybody out, while
 * a file without its user is written again by the next start. */
static bool make_login(struct ctx *ctx, void *arg, struct error *err)
{
	struct login *login = arg;

	if (!access_first_admin(ctx, &login->password, err))
		return false;
	if (login->password == NULL)
		return true;
	const char *text = arena_printf(ctx->arena, "dashboard: %s\nlogin: admin\npassword: %s\n",
					login->dashboard_url, login->password);
	return file_write_atomic(login->path, text, strlen(text), 0600, err);
}

bool first_prepare(struct db *db, const char *login_path, const char *dashboard_url,
		   struct arena *arena, const char **password, struct error *err)
{
	const struct actor system = {
		.kind = ACTOR_SYSTEM, .id = "standalone", .name = "standalone"};
	struct login login = {.path = login_path, .dashboard_url = dashboard_url};
	struct ctx ctx = {
		.db = db,
		.arena = arena,
		.actor = &system,
		.now = clock_now_utc(),
		.request_id = "first",
	};
	size_t applied;

	if (!migrate_run(db, arena, &applied, err))
		return false;
	if (applied > 0)
		log_info("database schema is up to date migrations=%zu", applied);
	if (!db_transaction(&ctx, make_login, &login, err))
		return error_prefix(err, "cannot make the first administrator");
	*password = login.password;
	return true;
}
