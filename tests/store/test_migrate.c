/* SPDX-License-Identifier: Apache-2.0 */
/* What the server does with a database that is not where it should be. */
#include "harness/harness.h"

#include <pthread.h>

#include "store/migrate.h"
#include "store/migrations_embedded.h"

static void expect_refusal(const char *sql, const char *undo, const char *part)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	size_t applied;

	harness_sql(ctx->db, sql);
	assert_false(migrate_check(ctx->db, ctx->arena, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	if (!strstr(err.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, err.text);
	assert_false(migrate_run(ctx->db, ctx->arena, &applied, &err));
	harness_sql(ctx->db, undo);
	assert_done(migrate_check(ctx->db, ctx->arena, &err), err);
}

static void test_known_state_passes(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	size_t applied;

	(void)state;
	assert_done(migrate_check(ctx->db, ctx->arena, &err), err);
	assert_done(migrate_run(ctx->db, ctx->arena, &applied, &err), err);
	assert_int_equal(applied, 0);
}

static void test_edited_migration_is_refused(void **state)
{
	(void)state;
	expect_refusal(
		"UPDATE schema_migration SET checksum = 'x' || checksum WHERE version = 2",
		"UPDATE schema_migration SET checksum = substr(checksum, 2) WHERE version = 2",
		"was edited");
}

static void test_unknown_migration_is_refused(void **state)
{
	(void)state;
	expect_refusal("INSERT INTO schema_migration (version, name, checksum)"
		       " VALUES (9999, '9999_future.sql', '')",
		       "DELETE FROM schema_migration WHERE version = 9999", "9999_future.sql");
}

static void test_gap_is_refused(void **state)
{
	(void)state;
	expect_refusal("CREATE TEMP TABLE kept AS SELECT * FROM schema_migration WHERE version = 3;"
		       "DELETE FROM schema_migration WHERE version = 3",
		       "INSERT INTO schema_migration SELECT * FROM kept; DROP TABLE kept",
		       "was skipped");
}

static void test_empty_database_says_what_to_do(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};

	(void)state;
	harness_sql(ctx->db, "ALTER TABLE schema_migration RENAME TO hidden");
	assert_false(migrate_check(ctx->db, ctx->arena, &err));
	assert_non_null(strstr(err.text, "musterd migrate"));
	harness_sql(ctx->db, "ALTER TABLE hidden RENAME TO schema_migration");
}

static void *run_in_thread(void *arg)
{
	struct arena *arena = arena_new();
	struct error err = {0};
	size_t *applied = arg;
	struct db *db;

	*applied = SIZE_MAX;
	if (db_open(harness.conninfo, "migrator", &db, &err)) {
		if (!migrate_run(db, arena, applied, &err))
			*applied = SIZE_MAX;
		db_close(db);
	}
	arena_free(arena);
	return NULL;
}

static void test_replicas_migrate_once_together(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	pthread_t threads[3];
	size_t applied[3], total = 0;

	(void)state;
	harness_sql(ctx->db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_in_thread, &applied[i]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_int_not_equal(applied[i], SIZE_MAX);
		total += applied[i];
	}
	assert_int_equal(total, MIGRATIONS_EMBEDDED_COUNT);
	assert_done(migrate_check(ctx->db, ctx->arena, &err), err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST_BARE(test_known_state_passes),
		STORE_TEST_BARE(test_edited_migration_is_refused),
		STORE_TEST_BARE(test_unknown_migration_is_refused),
		STORE_TEST_BARE(test_gap_is_refused),
		STORE_TEST_BARE(test_empty_database_says_what_to_do),
		STORE_TEST_BARE(test_replicas_migrate_once_together),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
