/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "test.h"

static void assert_near(int64_t value, int64_t wanted)
{
	if (llabs(value - wanted) > wanted * 4 / 100 + 1)
		fail_msg("%lld is not near %lld", (long long)value, (long long)wanted);
}

static void test_percentiles(void **state)
{
	struct histogram *histogram = xcalloc(1, sizeof(*histogram));

	(void)state;
	assert_int_equal(histogram_at(histogram, 0.99), 0);
	for (int64_t us = 1; us <= 100000; us++)
		histogram_add(histogram, us);
	assert_near(histogram_at(histogram, 0.5), 50000);
	assert_near(histogram_at(histogram, 0.9), 90000);
	assert_near(histogram_at(histogram, 0.99), 99000);
	assert_int_equal(histogram_at(histogram, 1), 100000);
	free(histogram);
}

static void test_every_size_has_its_place(void **state)
{
	(void)state;
	for (int64_t us = 0; us < INT64_C(1500000000); us = us * 5 / 4 + 1) {
		struct histogram *histogram = xcalloc(1, sizeof(*histogram));

		histogram_add(histogram, us);
		assert_near(histogram_at(histogram, 0.5), us);
		free(histogram);
	}
}

static void test_what_is_beyond_or_before_is_counted(void **state)
{
	struct histogram *histogram = xcalloc(1, sizeof(*histogram));

	(void)state;
	histogram_add(histogram, -5);
	histogram_add(histogram, INT64_MAX);
	assert_int_equal(histogram->count, 2);
	assert_int_equal(histogram_at(histogram, 0.4), 0);
	assert_int_equal(histogram_at(histogram, 1), INT64_MAX);
	free(histogram);
}

static void test_workers_are_added_up(void **state)
{
	struct stats *parts = xcalloc(2, sizeof(*parts)), *sum = xcalloc(1, sizeof(*sum));

	(void)state;
	stats_add(&parts[0], COUNT_BEATS, 3);
	stats_add(&parts[1], COUNT_BEATS, 4);
	stats_add(&parts[1], COUNT_FOREIGN, 1);
	stats_lag(&parts[0], LAG_ACK, 1000);
	stats_lag(&parts[1], LAG_ACK, 3000);
	stats_sum(sum, parts, 2);
	assert_int_equal(sum->counters[COUNT_BEATS], 7);
	assert_int_equal(sum->lags[LAG_ACK].count, 2);
	assert_int_equal(histogram_at(&sum->lags[LAG_ACK], 1), 3000);
	assert_int_equal(stats_faults(sum), 1);
	free(parts);
	free(sum);
}

static void test_rollouts_are_counted_from_their_first_word(void **state)
{
	struct rollout_table *table = xcalloc(1, sizeof(*table));
	struct rollout_stats *rollout = rollout_stats_find(table, "a");
	char id[16];

	(void)state;
	rollout_delivered(rollout, 1000, 1500);
	rollout_delivered(rollout, 900, 2900);
	rollout_confirmed(rollout, true, 5900);
	rollout_confirmed(rollout, false, 3900);
	assert_ptr_equal(rollout_stats_find(table, "a"), rollout);
	assert_int_equal(rollout->first_issued, 900);
	assert_int_equal(rollout->last_delivered, 2900);
	assert_int_equal(rollout->last_confirmed, 5900);
	assert_int_equal(histogram_at(&rollout->confirmed_lag, 1), 5000);
	assert_int_equal(rollout->succeeded, 1);
	assert_int_equal(rollout->failed, 1);
	for (int i = 1; i < ROLLOUTS_MAX; i++) {
		snprintf(id, sizeof(id), "r%d", i);
		assert_non_null(rollout_stats_find(table, id));
	}
	assert_null(rollout_stats_find(table, "one too many"));
	free(table);
}

static void test_every_figure_has_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		assert_non_null(COUNTERS[i].name);
	for (size_t i = 0; i < LAG_COUNT; i++)
		assert_non_null(LAGS[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_every_size_has_its_place),
		cmocka_unit_test(test_what_is_beyond_or_before_is_counted),
		cmocka_unit_test(test_workers_are_added_up),
		cmocka_unit_test(test_rollouts_are_counted_from_their_first_word),
		cmocka_unit_test(test_every_figure_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
