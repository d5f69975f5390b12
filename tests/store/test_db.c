/* SPDX-License-Identifier: Apache-2.0 */
/* The connection itself: values there and back, errors, transactions, reconnecting, wake-ups. */
#include <unistd.h>

#include "harness/harness.h"

#include "base/fields.h"
#include "store/changes.h"

static const char ROUND_TRIP[] = "SELECT $1::text AS t, $2::bigint AS i, $3::double precision AS d,"
				 " $4::boolean AS b, $5::timestamptz AS at, $6::bytea AS x,"
				 " $7::jsonb AS j, to_json($8::text[]) AS a, NULL::text AS n";
static const char DUPLICATE[] = "INSERT INTO project (id, name) VALUES ($1, 'main')";
static const char DIVIDE[] = "SELECT 1 / $1::int";
static const char SELECT_ONE[] = "SELECT 1";
static const char INSERT_PROJECT[] = "INSERT INTO project (id, name) VALUES ($1, $2)";
static const char COUNT_PROJECTS[] = "SELECT count(*) FROM project WHERE name LIKE $1";
static const char TERMINATE[] = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
				" WHERE application_name = $1";
static const char RAISE_ONCE[] = "DO $$ BEGIN RAISE SQLSTATE '40001'; END $$";

static void test_values_round_trip(void **state)
{
	struct ctx *ctx = harness_ctx();
	static const char *const texts[] = {"plain", "with \"quotes\"", "back\\slash", "", "ü,{}"};
	static const unsigned char bytes[] = {0, 1, '\\', 255, 'x'};
	json_auto_t *json = json_pack("{s:i}", "a", 1);
	struct error err = {0};
	struct db_rows rows;
	size_t size;

	(void)state;
	assert_done(
		db_query(ctx->db, ctx->arena, ROUND_TRIP,
			 DB_ARGS(db_text("it's"), db_int(INT64_MIN), db_double(0.1), db_bool(true),
				 db_time(1700000000123456), db_bytes(bytes, sizeof(bytes)),
				 db_json(json), db_texts(texts, ARRAY_SIZE(texts))),
			 &rows, &err),
		err);
	assert_int_equal(rows.count, 1);
	assert_string_equal(db_get_text(&rows, 0, 0), "it's");
	assert_true(db_get_int(&rows, 0, 1) == INT64_MIN);
	assert_true(db_get_double(&rows, 0, 2) == 0.1);
	assert_true(db_get_bool(&rows, 0, 3));
	assert_true(db_get_time(&rows, 0, 4) == 1700000000123456);
	assert_memory_equal(db_get_bytes(&rows, 0, 5, &size), bytes, sizeof(bytes));
	assert_int_equal(size, sizeof(bytes));
	json_auto_t *object = db_get_json(&rows, 0, 6);
	assert_true(json_equal(object, json));
	json_auto_t *array = db_get_json(&rows, 0, 7);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_string_equal(json_string_value(json_array_get(array, i)), texts[i]);
	assert_true(db_get_null(&rows, 0, 8));
	assert_null(db_get_text(&rows, 0, 8));
}

static void test_sqlstate_gives_code(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;

	(void)state;
	assert_false(
		db_exec(ctx->db, DUPLICATE, DB_ARGS(db_text("projectccccccccccccc")), NULL, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_true(db_violated(ctx->db, "project_name_key"));
	harness_sql(ctx->db, "ROLLBACK");
	harness_sql(ctx->db, "BEGIN");
	assert_false(db_query(ctx->db, ctx->arena, DIVIDE, DB_ARGS(db_int(0)), &rows, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_false(db_violated(ctx->db, "project_name_key"));
}

struct attempts {
	int count;
	int fail_below;
};

static bool insert_then_conflict(struct ctx *ctx, void *arg, struct error *err)
{
	struct attempts *attempts = arg;

	if (!db_exec(ctx->db, INSERT_PROJECT,
		     DB_ARGS(db_text("projectddddddddddddd"), db_text("retried")), NULL, err))
		return false;
	if (++attempts->count < attempts->fail_below)
		return db_exec(ctx->db, RAISE_ONCE, DB_NO_ARGS, NULL, err);
	return true;
}

static int64_t count_projects(struct ctx *ctx, const char *like)
{
	struct error err = {0};
	struct db_rows rows;

	assert_done(
		db_query(ctx->db, ctx->arena, COUNT_PROJECTS, DB_ARGS(db_text(like)), &rows, &err),
		err);
	return db_get_int(&rows, 0, 0);
}

static void test_transaction_runs_again_after_conflict(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct attempts attempts = {.fail_below = 3};
	struct error err = {0};

	(void)state;
	assert_done(db_transaction(ctx, insert_then_conflict, &attempts, &err), err);
	assert_int_equal(attempts.count, 3);
	assert_int_equal(count_projects(ctx, "retried"), 1);
	harness_sql(ctx->db, "DELETE FROM project WHERE name = 'retried'");
}

static void test_transaction_gives_up_in_the_end(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct attempts attempts = {.fail_below = 1000};
	struct error err = {0};

	(void)state;
	assert_false(db_transaction(ctx, insert_then_conflict, &attempts, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_int_equal(attempts.count, DB_TRANSACTION_ATTEMPTS);
	assert_int_equal(count_projects(ctx, "retried"), 0);
	assert_false(db_in_transaction(ctx->db));
}

static bool part_fails(struct ctx *ctx, void *arg, struct error *err)
{
	(void)arg;
	return db_exec(ctx->db, INSERT_PROJECT,
		       DB_ARGS(db_text("projecteeeeeeeeeeeee"), db_text("undone")), NULL, err) &&
	       db_exec(ctx->db, DUPLICATE, DB_ARGS(db_text("projectfffffffffffff")), NULL, err);
}

static bool goes_on_after_part(struct ctx *ctx, void *arg, struct error *err)
{
	struct error ignored = {0};

	(void)arg;
	if (db_savepoint(ctx, part_fails, NULL, &ignored))
		return error_set(err, ERR_INTERNAL, "the part did not fail");
	return db_exec(ctx->db, INSERT_PROJECT,
		       DB_ARGS(db_text("projectggggggggggggg"), db_text("kept")), NULL, err);
}

static void test_savepoint_undoes_only_its_part(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};

	(void)state;
	assert_done(db_transaction(ctx, goes_on_after_part, NULL, &err), err);
	assert_int_equal(count_projects(ctx, "kept"), 1);
	assert_int_equal(count_projects(ctx, "undone"), 0);
	harness_sql(ctx->db, "DELETE FROM project WHERE name = 'kept'");
}

static bool swallows_failure(struct ctx *ctx, void *arg, struct error *err)
{
	struct error ignored = {0};

	(void)err;
	(void)!db_transaction(ctx, part_fails, arg, &ignored);
	return true;
}

static void test_swallowed_failure_does_not_commit(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};

	(void)state;
	assert_false(db_transaction(ctx, swallows_failure, NULL, &err));
	assert_int_equal(count_projects(ctx, "undone"), 0);
}

static void kill_backend(struct db *victim, const char *name)
{
	struct error err = {0};
	struct db_rows rows;
	struct ctx *ctx = harness_ctx();

	assert_done(db_query(ctx->db, ctx->arena, TERMINATE, DB_ARGS(db_text(name)), &rows, &err),
		    err);
	/* The end of the connection arrives on its own time: wait for it. */
	while (PQconsumeInput(victim->connection))
		PQsocket(victim->connection);
}

static void test_lost_connection_is_made_again(void **state)
{
	struct error err = {0};
	struct db *db;

	(void)state;
	assert_done(db_open(harness.conninfo, "victim", &db, &err), err);
	assert_done(db_exec(db, SELECT_ONE, DB_NO_ARGS, NULL, &err), err);
	kill_backend(db, "victim");
	assert_done(db_exec(db, SELECT_ONE, DB_NO_ARGS, NULL, &err), err);
	db_close(db);
}

static void test_listener_hears_and_survives(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db *db;
	bool notified;

	(void)state;
	assert_done(db_open(harness.conninfo, "listener", &db, &err), err);
	assert_done(db_listen(db, DB_CHANNEL_OUTBOX, &err), err);
	assert_done(db_wait(db, -1, 0, &notified, &err), err);
	assert_false(notified);
	assert_done(db_notify(ctx->db, DB_CHANNEL_OUTBOX, &err), err);
	assert_done(db_wait(db, -1, 30000, &notified, &err), err);
	assert_true(notified);
	kill_backend(db, "listener");
	/* Something may have been missed, so a reconnect counts as news; then it hears again. */
	assert_done(db_wait(db, -1, 0, &notified, &err), err);
	assert_true(notified);
	assert_done(db_notify(ctx->db, DB_CHANNEL_OUTBOX, &err), err);
	assert_done(db_wait(db, -1, 30000, &notified, &err), err);
	assert_true(notified);
	db_close(db);
}

static void test_unreachable_database_is_unavailable(void **state)
{
	struct error err = {0};
	struct db *db = NULL;

	(void)state;
	assert_false(db_open("host=/nowhere dbname=x password=hidden-secret", "t", &db, &err));
	assert_int_equal(err.code, ERR_UNAVAILABLE);
	assert_null(strstr(err.text, "hidden-secret"));
	assert_false(db_open("nonsense", "t", &db, &err));
	assert_int_equal(err.code, ERR_INVALID);
	assert_null(db);
}

/* A transaction of any database of the cluster, such as a test that runs beside this one, holds
 * changes back for a while. */
static void wait_for_changes(struct ctx *ctx, const struct change_position *after, size_t wanted,
			     struct change **changes)
{
	usec_t deadline = clock_monotonic() + 30 * USEC_PER_SEC;
	struct error err = {0};
	size_t count;

	do {
		assert_done(changes_list_after(ctx, after, 10, changes, &count, &err), err);
	} while (count < wanted && clock_monotonic() < deadline && usleep(10000) == 0);
	assert_int_equal(count, wanted);
}

static void test_changes_come_in_order_after_commit(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct change *changes;
	struct change_position newest;
	size_t count;

	(void)state;
	assert_done(changes_newest(ctx, &newest, &err), err);
	assert_done(changes_insert(ctx, "node", "na", &err), err);
	assert_done(changes_insert(ctx, "config", "c", &err), err);
	wait_for_changes(ctx, &newest, 2, &changes);
	assert_string_equal(changes[0].object_id, "na");
	assert_string_equal(changes[1].kind, "config");
	assert_string_equal(changes[1].project_id, HARNESS_PROJECT);
	assert_true(changes[0].at > 0);
	harness_sql(ctx->db, "BEGIN");
	assert_done(changes_insert(ctx, "node", "nb", &err), err);
	assert_done(changes_list_after(ctx, &changes[1].position, 10, &changes, &count, &err), err);
	assert_int_equal(count, 0);
	harness_sql(ctx->db, "ROLLBACK");
	assert_done(changes_delete_old(ctx, clock_now_utc() + USEC_PER_HOUR, &err), err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_values_round_trip),
		STORE_TEST(test_sqlstate_gives_code),
		STORE_TEST_BARE(test_transaction_runs_again_after_conflict),
		STORE_TEST_BARE(test_transaction_gives_up_in_the_end),
		STORE_TEST_BARE(test_savepoint_undoes_only_its_part),
		STORE_TEST_BARE(test_swallowed_failure_does_not_commit),
		STORE_TEST_BARE(test_lost_connection_is_made_again),
		STORE_TEST_BARE(test_listener_hears_and_survives),
		STORE_TEST_BARE(test_unreachable_database_is_unavailable),
		STORE_TEST_BARE(test_changes_come_in_order_after_commit),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
