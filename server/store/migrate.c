/* SPDX-License-Identifier: Apache-2.0 */
#include "store/migrate.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "store/db_internal.h"
#include "store/migrations_embedded.h"

static const char SCHEMA_MIGRATION_FIND[] = "SELECT to_regclass('schema_migration') IS NOT NULL";

static const char SCHEMA_MIGRATION_CREATE[] =
	"CREATE TABLE IF NOT EXISTS schema_migration ("
	" version integer PRIMARY KEY CHECK (version > 0), name text NOT NULL UNIQUE,"
	" checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());"
	" COMMENT ON TABLE schema_migration IS"
	" 'The files of migrations/ that this database has seen, with the SHA-256 of their text.'";

static const char SCHEMA_MIGRATION_INSERT[] =
	"INSERT INTO schema_migration (version, name, checksum) VALUES ($1, $2, $3)";

static const char SCHEMA_MIGRATION_LIST[] =
	"SELECT version, name, checksum FROM schema_migration ORDER BY version";

/* The number is arbitrary; all of Muster uses this one. */
static const char MIGRATE_LOCK[] = "SELECT pg_advisory_xact_lock(7304981526)";

/* Creating an index on a large table may take long; so may waiting for another replica. */
static const char MIGRATE_PATIENCE[] =
	"SET LOCAL statement_timeout TO 0; SET LOCAL lock_timeout TO '120s'";

struct migration_state {
	size_t applied; /* leading migrations of ours that the database has */
};

static int64_t version_of(const struct embedded_migration *migration)
{
	return strtoll(migration->name, NULL, 10);
}

static bool row_check(const struct db_rows *rows, size_t row,
		      const struct embedded_migration *migration, struct error *err)
{
	char checksum[SHA256_HEX_SIZE];

	if (db_get_int(rows, row, 0) != version_of(migration))
		return error_set(err, ERR_CONFLICT,
				 "migration %s was skipped by the database: restore it from a "
				 "backup, or use the musterd that made it",
				 migration->name);
	sha256_hex(migration->sql, migration->size_bytes, checksum);
	if (strcmp(db_get_text(rows, row, 2), checksum) == 0)
		return true;
	return error_set(err, ERR_CONFLICT,
			 "migration %s was edited after the database had applied it: put the "
			 "change into a new migration, or use the musterd that made it",
			 migration->name);
}

/* Compares what the database has with what we have. */
static bool state_load(struct db *db, struct arena *arena, struct migration_state *out,
		       struct error *err)
{
	struct db_rows rows;

	if (!db_query(db, arena, SCHEMA_MIGRATION_LIST, DB_NO_ARGS, &rows, err))
		return false;
	for (size_t i = 0; i < rows.count; i++) {
		if (i >= MIGRATIONS_EMBEDDED_COUNT)
			return error_set(err, ERR_CONFLICT,
					 "the database has migration %s, which this musterd does "
					 "not know: use the version that made it, or a newer one",
					 db_get_text(&rows, i, 1));
		if (!row_check(&rows, i, &MIGRATIONS_EMBEDDED[i], err))
			return false;
	}
	out->applied = rows.count;
	return true;
}

static bool create(struct ctx *ctx, void *arg, struct error *err)
{
	(void)arg;
	return db_command(ctx->db, MIGRATE_PATIENCE, err) &&
	       db_exec(ctx->db, MIGRATE_LOCK, DB_NO_ARGS, NULL, err) &&
	       db_script(ctx->db, SCHEMA_MIGRATION_CREATE, err);
}

/* Applies the next missing migration, if there is one. */
static bool apply_next(struct ctx *ctx, void *arg, struct error *err)
{
	bool *more = arg;
	struct migration_state state;
	char checksum[SHA256_HEX_SIZE];

	if (!db_command(ctx->db, MIGRATE_PATIENCE, err) ||
	    !db_exec(ctx->db, MIGRATE_LOCK, DB_NO_ARGS, NULL, err) ||
	    !state_load(ctx->db, ctx->arena, &state, err))
		return false;
	*more = state.applied < MIGRATIONS_EMBEDDED_COUNT;
	if (!*more)
		return true;
	const struct embedded_migration *migration = &MIGRATIONS_EMBEDDED[state.applied];
	if (!db_script(ctx->db, migration->sql, err))
		return error_prefix(err, "migration %s", migration->name);
	sha256_hex(migration->sql, migration->size_bytes, checksum);
	return db_exec(
		ctx->db, SCHEMA_MIGRATION_INSERT,
		DB_ARGS(db_int(version_of(migration)), db_text(migration->name), db_text(checksum)),
		NULL, err);
}

bool migrate_run(struct db *db, struct arena *arena, size_t *applied, struct error *err)
{
	struct ctx ctx = {.db = db, .arena = arena};
	bool more;

	*applied = 0;
	if (!db_transaction(&ctx, create, NULL, err))
		return false;
	for (;;) {
		if (!db_transaction(&ctx, apply_next, &more, err))
			return false;
		if (!more)
			return true;
		(*applied)++;
	}
}

bool migrate_check(struct db *db, struct arena *arena, struct error *err)
{
	struct migration_state state = {0};
	struct db_rows rows;

	if (!db_query(db, arena, SCHEMA_MIGRATION_FIND, DB_NO_ARGS, &rows, err))
		return false;
	if (db_get_bool(&rows, 0, 0) && !state_load(db, arena, &state, err))
		return false;
	if (state.applied == MIGRATIONS_EMBEDDED_COUNT)
		return true;
	return error_set(err, ERR_CONFLICT,
			 "the database lacks migration %s: run \"musterd migrate\" first",
			 MIGRATIONS_EMBEDDED[state.applied].name);
}
