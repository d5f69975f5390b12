/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database of its own for each store test program, in the cluster that ctest has started
 * (store.cluster): migrated from zero in the group's setup, dropped in its teardown. Each test runs in a
 * transaction that is rolled back.
 *
 *   int main(void)
 *   {
 *       const struct CMUnitTest tests[] = {STORE_TEST(test_insert), STORE_TEST(test_list)};
 *
 *       return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
 *   }
 *
 * In a test, harness_ctx() is a unit of work of the project HARNESS_PROJECT.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "base/arena.h"
#include "base/file.h"
#include "store/db.h"
#include "store/db_internal.h"
#include "store/migrate.h"

#define HARNESS_PROJECT "projectaaaaaaaaaaaaa"
#define HARNESS_OTHER_PROJECT "projectbbbbbbbbbbbbb"

struct harness {
	struct arena *keep; /* for the whole program */
	struct ctx ctx;
	struct actor actor;
	struct server server;
	const char *conninfo; /* of this program's database */
	const char *cluster;  /* of the database "postgres" */
	const char *database;
};

static struct harness harness;

static inline struct ctx *harness_ctx(void)
{
	return &harness.ctx;
}

/* Fails the test with the error's text when done is false. */
#define assert_done(done, err)                                 \
	do {                                                   \
		if (!(done))                                   \
			fail_msg("%s: %s", #done, (err).text); \
	} while (0)

/* Outside of the transaction's machinery, for statements that a test makes up. */
static inline void harness_sql(struct db *db, const char *sql)
{
	struct error err = {0};

	assert_done(db_script(db, sql, &err), err);
}

static inline int harness_administer(const char *format)
{
	PGconn *connection = PQconnectdb(harness.cluster);
	PGresult *result =
		PQexec(connection, arena_printf(harness.keep, "%s%s", format, harness.database));
	int status = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : -1;

	if (status)
		print_error("%s\n", PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
	return status;
}

static inline int harness_group_setup(void **state)
{
	struct error err = {0};
	size_t applied;
	char *text;

	(void)state;
	harness.keep = arena_new();
	if (!file_read(BINARY_DIR "/store-cluster", 4096, harness.keep, &text, NULL, &err)) {
		print_error("no test cluster, run these tests with ctest: %s\n", err.text);
		return -1;
	}
	harness.cluster = arena_strndup(harness.keep, text, strcspn(text, "\n"));
	harness.database = arena_printf(harness.keep, "test_%ld", (long)getpid());
	if (harness_administer("CREATE DATABASE "))
		return -1;
	harness.conninfo =
		arena_printf(harness.keep, "%s dbname=%s", harness.cluster, harness.database);
	harness.actor = (struct actor){
		.kind = ACTOR_USER, .id = "tester", .name = "tester", .role = ROLE_ADMIN};
	harness.ctx = (struct ctx){.arena = arena_new(),
				   .actor = &harness.actor,
				   .project_id = HARNESS_PROJECT,
				   .request_id = "test",
				   .server = &harness.server};
	if (!db_open(harness.conninfo, "muster-test", &harness.ctx.db, &err) ||
	    !migrate_run(harness.ctx.db, harness.ctx.arena, &applied, &err)) {
		print_error("%s\n", err.text);
		return -1;
	}
	harness_sql(harness.ctx.db,
		    "INSERT INTO project (id, name) VALUES ('" HARNESS_PROJECT "', 'main'),"
		    " ('" HARNESS_OTHER_PROJECT "', 'other')");
	return 0;
}

static inline int harness_group_teardown(void **state)
{
	(void)state;
	db_close(harness.ctx.db);
	arena_free(harness.ctx.arena);
	int status = harness_administer("DROP DATABASE ");
	arena_free(harness.keep);
	return status;
}

static inline int harness_setup(void **state)
{
	(void)state;
	arena_reset(harness.ctx.arena);
	harness.ctx.now = clock_now_utc();
	harness.ctx.project_id = HARNESS_PROJECT;
	harness_sql(harness.ctx.db, "BEGIN");
	/* The code under test joins this transaction, as it would join any. */
	harness.ctx.db->depth = 1;
	harness.ctx.db->doomed = false;
	return 0;
}

static inline int harness_teardown(void **state)
{
	(void)state;
	harness.ctx.db->depth = 0;
	harness_sql(harness.ctx.db, "ROLLBACK");
	return 0;
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, harness_setup, harness_teardown)
/* Without a transaction around it: for what makes its own. It cleans up after itself. */
#define STORE_TEST_BARE(test) cmocka_unit_test(test)
