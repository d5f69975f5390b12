/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/draw.h"

#include "test.h"

static void test_the_same_seed_draws_the_same(void **state)
{
	const struct draw one = {7, 3}, same = {7, 3}, seed = {8, 3}, node = {7, 4};

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		uint64_t bits = draw_bits(&one, DRAW_FAIL, i);

		assert_int_equal(bits, draw_bits(&same, DRAW_FAIL, i));
		assert_int_not_equal(bits, draw_bits(&seed, DRAW_FAIL, i));
		assert_int_not_equal(bits, draw_bits(&node, DRAW_FAIL, i));
		assert_int_not_equal(bits, draw_bits(&one, DRAW_CAUSE, i));
		assert_int_not_equal(bits, draw_bits(&one, DRAW_FAIL, i + 1));
	}
}

static void test_shares_are_what_was_asked_for(void **state)
{
	int happened = 0, never = 0, always = 0;

	(void)state;
	/* Over nodes and over counts. */
	for (uint32_t i = 0; i < 100000; i++) {
		const struct draw draw = {1, i % 1000};

		happened += draw_happens(&draw, DRAW_DROP, i / 1000, 0.05);
		never += draw_happens(&draw, DRAW_DROP, i / 1000, 0);
		always += draw_happens(&draw, DRAW_DROP, i / 1000, 1);
	}
	assert_in_range(happened, 4700, 5300);
	assert_int_equal(never, 0);
	assert_int_equal(always, 100000);
}

static void test_bounds_and_means_hold(void **state)
{
	const struct draw draw = {1, 1};
	int64_t least = INT64_MAX, most = INT64_MIN, sum = 0;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		int64_t x = draw_between(&draw, DRAW_APPLY, i, -5, 5);
		int64_t wait = draw_wait(&draw, DRAW_OUTAGE, i, 1000);

		least = x < least ? x : least;
		most = x > most ? x : most;
		assert_in_range(wait, 0, 8000);
		sum += wait;
	}
	assert_int_equal(least, -5);
	assert_int_equal(most, 5);
	assert_in_range(sum / 100000, 970, 1030);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_seed_draws_the_same),
		cmocka_unit_test(test_shares_are_what_was_asked_for),
		cmocka_unit_test(test_bounds_and_means_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
