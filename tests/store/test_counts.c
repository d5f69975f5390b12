/* SPDX-License-Identifier: Apache-2.0 */
/* Counts that triggers keep equal those that counting gives, whatever is changed and folded. */
#include "harness/harness.h"

#include "store/nodes.h"
#include "store/overview.h"

/* Random, but each run the same. $1 is the seed of the round, $2 how many rows the statement touches. */
static const char *const CHANGES[] = {
	"INSERT INTO node (id, project_id, name, labels, shard, state, online)"
	" SELECT 'n' || rpad(translate(round.no || '-' || i, '-0189', 'xabcd'), 19, 'z'),"
	" CASE WHEN i % 3 = 0 THEN '" HARNESS_OTHER_PROJECT "' ELSE '" HARNESS_PROJECT "' END,"
	" 'n' || round.no || '-' || i, '{}', i % 64, CASE WHEN i % 4 = 0 THEN 'pending' ELSE 'active' END,"
	" i % 2 = 0 FROM round, generate_series(1, 40) i",
	"UPDATE node SET online = random() < 0.5, state = CASE state WHEN 'pending' THEN 'active'"
	" ELSE state END WHERE state <> 'retired' AND random() < 0.3",
	"UPDATE node SET trouble = CASE WHEN random() < 0.5 THEN 'x' END WHERE random() < 0.2",
	"UPDATE node SET desired_generation = desired_generation + 1 WHERE random() < 0.2",
	"UPDATE node SET reported_generation = desired_generation WHERE random() < 0.4",
	"INSERT INTO node_service AS s (project_id, node_id, service, reported_state,"
	" reported_package_name, reported_package_version, drift)"
	" SELECT project_id, id, v.service, CASE WHEN random() < 0.6 THEN 'running' ELSE 'stopped' END,"
	" CASE WHEN random() < 0.8 THEN v.service END, '1.' || floor(random() * 3), random() < 0.1"
	" FROM node, (VALUES ('collector'), ('broker')) v (service) WHERE random() < 0.3"
	" ON CONFLICT (node_id, service) DO UPDATE SET reported_state = excluded.reported_state,"
	" reported_package_name = excluded.reported_package_name,"
	" reported_package_version = excluded.reported_package_version, drift = excluded.drift",
	"UPDATE node_service SET reported_state = NULL, reported_package_name = NULL,"
	" reported_package_version = NULL, drift = false WHERE random() < 0.1",
	"DELETE FROM node_service WHERE random() < 0.1",
	"UPDATE node SET state = 'retired', online = false, trouble = NULL, retired_at = now()"
	" WHERE state <> 'retired' AND random() < 0.05",
	"SELECT counts_fold()",
};

static const char DIFFERENCES[] = "SELECT what, kept, counted FROM counts_differ()";
static const char COUNT_ROWS[] = "SELECT count(*) FROM node_count";
static const char DIE[] = "SELECT floor(random() * $1)::integer";
static const char STATUSES[] =
	"SELECT status, count(*) FROM node WHERE project_id = $1 GROUP BY status";

static void assert_counted(size_t round, const char *change)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;

	assert_done(db_query(ctx->db, ctx->arena, DIFFERENCES, DB_NO_ARGS, &rows, &err), err);
	if (rows.count)
		fail_msg("round %zu, after \"%.60s\": %s is kept as %s and counted as %s", round,
			 change, db_get_text(&rows, 0, 0), db_get_text(&rows, 0, 1),
			 db_get_text(&rows, 0, 2));
}

static void test_random_changes_keep_counts_true(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;

	(void)state;
	harness_sql(ctx->db, "SELECT setseed(0.17); CREATE TEMP TABLE round ON COMMIT DROP AS"
			     " SELECT 0 AS no");
	for (size_t round = 0; round < 60; round++) {
		assert_done(db_query(ctx->db, ctx->arena, DIE, DB_ARGS(db_int(ARRAY_SIZE(CHANGES))),
				     &rows, &err),
			    err);
		const char *change = CHANGES[round % 10 == 0 ? 0 : (size_t)db_get_int(&rows, 0, 0)];

		harness_sql(ctx->db, "UPDATE round SET no = no + 1");
		harness_sql(ctx->db, change);
		assert_counted(round, change);
	}
	harness_sql(ctx->db, "SELECT counts_fold()");
	assert_counted(60, "counts_fold");
	assert_done(db_query(ctx->db, ctx->arena, COUNT_ROWS, DB_NO_ARGS, &rows, &err), err);
	assert_true(db_get_int(&rows, 0, 0) <= 12);
}

static void test_lists_and_overview_say_what_is_kept(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct node_page page;
	struct db_rows rows;
	json_t *overview;

	(void)state;
	harness_sql(ctx->db, "SELECT setseed(0.4); CREATE TEMP TABLE round ON COMMIT DROP AS"
			     " SELECT 7 AS no");
	for (size_t i = 0; i < ARRAY_SIZE(CHANGES) - 1; i++)
		harness_sql(ctx->db, CHANGES[i]);
	assert_done(overview_load(ctx, &overview, &err), err);
	json_auto_t *owned = overview;
	assert_done(db_query(ctx->db, ctx->arena, STATUSES, DB_ARGS(db_text(HARNESS_PROJECT)),
			     &rows, &err),
		    err);
	assert_true(rows.count > 2);
	for (size_t i = 0; i < rows.count; i++) {
		const struct node_filter filter = {.status = db_get_text(&rows, i, 0), .limit = 1};

		assert_done(nodes_list(ctx, &filter, &page, &err), err);
		assert_int_equal(page.total, db_get_int(&rows, i, 1));
		if (strcmp(filter.status, "retired") != 0)
			assert_int_equal(json_integer_value(json_object_get(
						 json_object_get(owned, "nodes"), filter.status)),
					 page.total);
	}
}

static void test_rebuild_mends_what_was_written_past_the_triggers(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;

	(void)state;
	harness_sql(ctx->db, "CREATE TEMP TABLE round ON COMMIT DROP AS SELECT 9 AS no");
	for (size_t i = 0; i < ARRAY_SIZE(CHANGES) - 1; i++)
		harness_sql(ctx->db, CHANGES[i]);
	harness_sql(ctx->db, "DELETE FROM node_count; DELETE FROM package_count;"
			     " UPDATE node SET service_count = 77");
	assert_done(db_query(ctx->db, ctx->arena, DIFFERENCES, DB_NO_ARGS, &rows, &err), err);
	assert_true(rows.count > 0);
	harness_sql(ctx->db, "SELECT counts_rebuild()");
	assert_counted(0, "counts_rebuild");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_random_changes_keep_counts_true),
		STORE_TEST(test_lists_and_overview_say_what_is_kept),
		STORE_TEST(test_rebuild_mends_what_was_written_past_the_triggers),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
