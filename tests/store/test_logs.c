/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: written by COPY, read from either end, dropped by the day. */
#include "harness/harness.h"

#include "store/logs.h"

#define NODE "nnodeaaaaaaaaaaaaaaa"

static const char DAYS[] = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'log_line'::regclass"
			   " AND inhrelid::regclass::text ~ '^log_line_[0-9]+$'";
static const char LINES[] = "SELECT count(*) FROM log_line";
static const char LINES_IN_REST[] = "SELECT count(*) FROM log_line_rest";
static const char RECEIVED[] =
	"INSERT INTO log_line (received_at, project_id, node_id, service, at, stream, text)"
	" SELECT $1::timestamptz - i * interval '1 day', '" HARNESS_PROJECT "', '" NODE
	"', 's', $1,"
	" 'stdout', repeat('x', 2000) FROM generate_series(0, $2::bigint) i";

static int64_t count(const char *sql)
{
	struct ctx *ctx = harness_ctx();
	struct error err = {0};
	struct db_rows rows;

	assert_done(db_query(ctx->db, ctx->arena, sql, DB_NO_ARGS, &rows, &err), err);
	return db_get_int(&rows, 0, 0);
}

static struct log_row row(const char *text, usec_t at)
{
	return (struct log_row){.project_id = HARNESS_PROJECT,
				.node_id = NODE,
				.service = "broker",
				.at = at,
				.stream = "stderr",
				.text = text};
}

static void test_lines_come_back_as_they_were(void **state)
{
	static const char *const TEXTS[] = {"", "plain", "a\tb\\N\nc\"'", "\xc3\xa9\xe6\xb1\x89",
					    NULL};
	struct log_filter filter = {.limit = 10};
	char *long_text = arena_alloc(harness_ctx()->arena, 100001);
	struct log_row rows[5];
	struct error err = {0};
	struct log_line *lines;
	size_t line_count;

	(void)state;
	memset(long_text, 'y', 100000);
	long_text[100000] = '\0';
	for (int i = 0; i < 5; i++)
		rows[i] = row(TEXTS[i] ? TEXTS[i] : long_text,
			      harness_ctx()->now - i * USEC_PER_DAY * 365 * 20);
	rows[1].corrected = true;
	assert_done(logs_insert(harness_ctx(), rows, 5, &err), err);
	assert_done(logs_insert(harness_ctx(), rows, 0, &err), err);
	assert_done(logs_list(harness_ctx(), &filter, &lines, &line_count, &err), err);
	assert_int_equal(line_count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(lines[i].text, rows[i].text);
		assert_int_equal(lines[i].at, rows[i].at);
		assert_string_equal(lines[i].stream, "stderr");
		assert_int_equal(lines[i].corrected, i == 1);
		if (i > 0)
			assert_true(lines[i].id > lines[i - 1].id);
	}
}

static void test_many_lines_are_cut_into_pieces(void **state)
{
	struct log_row *rows = arena_array(harness_ctx()->arena, 5000, sizeof(*rows));
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < 5000; i++)
		rows[i] = row("a line of an ordinary length, seen in many programs", 1);
	assert_done(logs_insert(harness_ctx(), rows, 5000, &err), err);
	assert_int_equal(count(LINES), 5000);
}

static bool insert_bad(struct ctx *ctx, void *arg, struct error *err)
{
	struct log_row rows[] = {row("good", ctx->now), row("bad", ctx->now)};

	(void)arg;
	rows[1].stream = "neither";
	return logs_insert(ctx, rows, 2, err);
}

static void test_a_bad_line_spoils_its_batch_alone(void **state)
{
	struct ctx *ctx = harness_ctx();
	struct log_row good = row("good", ctx->now);
	struct error err = {0};

	(void)state;
	assert_false(db_savepoint(ctx, insert_bad, NULL, &err));
	assert_int_equal(count(LINES), 0);
	error_clear(&err);
	assert_done(logs_insert(ctx, &good, 1, &err), err);
	assert_int_equal(count(LINES), 1);
}

static int64_t rotate(usec_t keep, int64_t cap)
{
	struct error err = {0};
	int64_t dropped;

	assert_done(logs_rotate(harness_ctx(), keep, cap, &dropped, &err), err);
	return dropped;
}

static void receive(int64_t days)
{
	struct error err = {0};

	assert_done(db_exec(harness_ctx()->db, RECEIVED,
			    DB_ARGS(db_time(harness_ctx()->now), db_int(days)), NULL, &err),
		    err);
}

static void test_old_days_are_dropped_whole(void **state)
{
	struct ctx *ctx = harness_ctx();

	(void)state;
	rotate(7 * USEC_PER_DAY, INT64_MAX);
	int64_t days = count(DAYS);
	receive(6);
	assert_int_equal(count(LINES), 7);
	assert_int_equal(count(LINES_IN_REST), 0);
	/* Today and three ahead are there; a day later another one is. */
	ctx->now += USEC_PER_DAY;
	assert_int_equal(rotate(7 * USEC_PER_DAY, INT64_MAX), 0);
	assert_int_equal(count(DAYS), days + 1);
	ctx->now += USEC_PER_DAY;
	assert_int_equal(rotate(7 * USEC_PER_DAY, INT64_MAX), 1);
	assert_int_equal(count(LINES), 6);
	assert_int_equal(rotate(7 * USEC_PER_DAY, INT64_MAX), 0);
}

static void test_a_cap_drops_the_oldest_but_never_today(void **state)
{
	(void)state;
	rotate(7 * USEC_PER_DAY, INT64_MAX);
	receive(6);
	assert_int_equal(rotate(7 * USEC_PER_DAY, 1), 6);
	assert_int_equal(count(LINES), 1);
}

static void test_days_without_partition_are_kept_aside(void **state)
{
	struct ctx *ctx = harness_ctx();

	(void)state;
	ctx->now += 30 * USEC_PER_DAY;
	receive(1);
	assert_int_equal(count(LINES_IN_REST), 2);
	rotate(7 * USEC_PER_DAY, INT64_MAX);
	receive(0);
	assert_int_equal(count(LINES_IN_REST), 3);
	ctx->now += 9 * USEC_PER_DAY;
	rotate(7 * USEC_PER_DAY, INT64_MAX);
	assert_int_equal(count(LINES_IN_REST), 0);
	receive(0);
	assert_int_equal(count(LINES_IN_REST), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_lines_come_back_as_they_were),
		STORE_TEST(test_many_lines_are_cut_into_pieces),
		STORE_TEST(test_a_bad_line_spoils_its_batch_alone),
		STORE_TEST(test_old_days_are_dropped_whole),
		STORE_TEST(test_a_cap_drops_the_oldest_but_never_today),
		STORE_TEST(test_days_without_partition_are_kept_aside),
	};

	return cmocka_run_group_tests(tests, harness_group_setup, harness_group_teardown);
}
