/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "supervise/restart.h"

static const struct restart_spec SPEC = {
	.policy = RESTART_ALWAYS,
	.delay_ms = 500,
	.max_delay_ms = 3000,
	.burst = 6,
	.window_ms = 60000,
	.hold_ms = 300000,
};

static const usec_t START = 1000 * USEC_PER_SEC;

static struct restart_decision crash(struct restart_history *history, usec_t at, uint64_t chance)
{
	return restart_decide(history, &SPEC, false, at, 0, chance);
}

static void test_first_restart_is_immediate_then_delays_double(void **state)
{
	static const int64_t DELAYS[] = {0, 500, 1000, 2000, 3000};
	struct restart_history history = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(DELAYS); i++) {
		struct restart_decision decision =
			crash(&history, START + (usec_t)i * USEC_PER_SEC, 0);

		assert_int_equal(decision.event, EVENT_EXITED_AGAIN);
		assert_int_equal(decision.delay_ms, DELAYS[i]);
	}
}

static void test_jitter_shortens_by_a_quarter_at_most(void **state)
{
	(void)state;
	for (uint64_t chance = 0; chance < 2000; chance += 7) {
		struct restart_history history = {0};

		crash(&history, START, chance);
		struct restart_decision decision = crash(&history, START + 1, chance);
		assert_in_range(decision.delay_ms, 375, 500);
	}
}

static void test_burst_within_the_window_is_a_crash_loop(void **state)
{
	struct restart_history history = {0};
	struct restart_decision decision = {0};

	(void)state;
	for (int i = 0; i < SPEC.burst; i++)
		decision = crash(&history, START + i * USEC_PER_SEC, 0);
	assert_int_equal(decision.event, EVENT_EXITED_CRASH_LOOP);
	assert_int_equal(decision.delay_ms, SPEC.hold_ms);
	/* The trial after the hold has one chance only. */
	decision = crash(&history, START + 400 * USEC_PER_SEC, 0);
	assert_int_equal(decision.event, EVENT_EXITED_CRASH_LOOP);
	/* ... unless it has run well for a window's time. */
	decision = restart_decide(&history, &SPEC, false, START + 900 * USEC_PER_SEC,
				  SPEC.window_ms * USEC_PER_MSEC, 0);
	assert_int_equal(decision.event, EVENT_EXITED_AGAIN);
	assert_int_equal(decision.delay_ms, 0);
}

static void test_slow_crashes_are_no_loop(void **state)
{
	struct restart_history history = {0};

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct restart_decision decision =
			crash(&history, START + i * 61 * USEC_PER_SEC, 0);

		assert_int_equal(decision.event, EVENT_EXITED_AGAIN);
		assert_int_equal(decision.delay_ms, 0);
	}
}

static void test_policies(void **state)
{
	static const struct {
		enum restart_policy policy;
		bool success;
		enum service_event event;
	} CASES[] = {
		{RESTART_ALWAYS, true, EVENT_EXITED_AGAIN},
		{RESTART_ALWAYS, false, EVENT_EXITED_AGAIN},
		{RESTART_ON_FAILURE, true, EVENT_EXITED_COMPLETED},
		{RESTART_ON_FAILURE, false, EVENT_EXITED_AGAIN},
		{RESTART_NEVER, true, EVENT_EXITED_COMPLETED},
		{RESTART_NEVER, false, EVENT_EXITED_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		struct restart_history history = {0};
		struct restart_spec spec = SPEC;

		spec.policy = CASES[i].policy;
		assert_int_equal(
			restart_decide(&history, &spec, CASES[i].success, START, 0, 0).event,
			CASES[i].event);
	}
}

static void test_extreme_settings_stay_in_bounds(void **state)
{
	struct restart_spec spec = SPEC;
	struct restart_history history = {0};

	(void)state;
	spec.burst = RESTART_MAX_BURST;
	spec.delay_ms = 0;
	for (int i = 0; i < RESTART_MAX_BURST - 1; i++)
		assert_int_equal(
			restart_decide(&history, &spec, false, START, 0, UINT64_MAX).delay_ms, 0);
	assert_int_equal(restart_decide(&history, &spec, false, START, 0, 0).event,
			 EVENT_EXITED_CRASH_LOOP);
	restart_forget(&history);
	assert_int_equal(history.count, 0);
	assert_false(history.held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_restart_is_immediate_then_delays_double),
		cmocka_unit_test(test_jitter_shortens_by_a_quarter_at_most),
		cmocka_unit_test(test_burst_within_the_window_is_a_crash_loop),
		cmocka_unit_test(test_slow_crashes_are_no_loop),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_extreme_settings_stay_in_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
