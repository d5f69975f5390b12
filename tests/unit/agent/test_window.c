/* SPDX-License-Identifier: Apache-2.0 */
#include "link/window.h"
#include "protocol/limits.h"
#include "test.h"

static void sends_no_more_than_the_window(void **state)
{
	struct window window;

	(void)state;
	window_connect(&window, 10, 0);
	for (int64_t seq = 11; seq <= 10 + LIMIT_STREAM_WINDOW; seq++) {
		assert_true(window_has_room(&window));
		window_mark_sent(&window, seq, 0);
	}
	assert_false(window_has_room(&window));
	assert_int_equal(window_acknowledge(&window, 11, 100, 0), WINDOW_ACK_PROGRESS);
	assert_true(window_has_room(&window));
}

static void sends_again_after_silence_and_reconnect(void **state)
{
	struct window window;

	(void)state;
	window_connect(&window, 0, 0);
	assert_false(window_retry(&window, WINDOW_PATIENCE));
	window_mark_sent(&window, 1, 5);
	window_mark_sent(&window, 2, 6);
	assert_false(window_retry(&window, 4 + WINDOW_PATIENCE));
	assert_true(window_retry(&window, 5 + WINDOW_PATIENCE));
	assert_int_equal(window.sent, 0);
	window_mark_sent(&window, 1, 5 + WINDOW_PATIENCE);
	assert_int_equal(window_acknowledge(&window, 1, 2, 6 + WINDOW_PATIENCE),
			 WINDOW_ACK_PROGRESS);
	window_mark_sent(&window, 2, 7 + WINDOW_PATIENCE);
	window_connect(&window, 1, 8 + WINDOW_PATIENCE);
	assert_int_equal(window.sent, 1);
}

/* A server that is behind is not told everything again every ten seconds. */
static void grows_patient_until_an_answer_comes(void **state)
{
	struct window window;
	usec_t now = 0, waited = 0;

	(void)state;
	window_connect(&window, 0, 0);
	for (int i = 0; i < 8; i++) {
		usec_t begin = now;

		window_mark_sent(&window, 1, now);
		while (!window_retry(&window, now))
			now += USEC_PER_SEC;
		assert_true(now - begin >= waited);
		waited = now - begin;
	}
	assert_int_equal(waited, WINDOW_PATIENCE << WINDOW_MAX_DOUBLINGS);
	window_mark_sent(&window, 1, now);
	assert_int_equal(window_acknowledge(&window, 1, 2, now), WINDOW_ACK_PROGRESS);
	window_mark_sent(&window, 2, now);
	assert_true(window_retry(&window, now + WINDOW_PATIENCE));
}

static void closes_the_gap_when_the_server_has_forgotten(void **state)
{
	struct window window;

	(void)state;
	window_connect(&window, 50, 0);
	assert_int_equal(window_first(&window, 51, 51), 51);
	window_mark_sent(&window, 51, 0);
	assert_int_equal(window_acknowledge(&window, 7, 60, 0), WINDOW_ACK_BEHIND);
	/* The next message goes out again, and covers what is lost for ever. */
	assert_int_equal(window.sent, 50);
	assert_int_equal(window_first(&window, 51, 51), 8);
	window_mark_sent(&window, 51, 0);
	assert_int_equal(window_first(&window, 52, 52), 52);
	/* The answers to the other messages that were on their way change nothing. */
	assert_int_equal(window_acknowledge(&window, 7, 60, 0), WINDOW_ACK_OLD);
	assert_int_equal(window.sent, 51);
	assert_int_equal(window_acknowledge(&window, 51, 60, 0), WINDOW_ACK_PROGRESS);
	assert_int_equal(window_first(&window, 52, 52), 52);
}

static void keeps_the_gap_marker_of_the_spool(void **state)
{
	struct window window;

	(void)state;
	window_connect(&window, 3, 0);
	assert_int_equal(window_first(&window, 9, 4), 4);
	window_mark_sent(&window, 9, 0);
	assert_int_equal(window_first(&window, 12, 10), 10);
}

static void notices_a_server_that_has_more(void **state)
{
	struct window window;

	(void)state;
	window_connect(&window, 3, 0);
	assert_int_equal(window_acknowledge(&window, 9, 5, 0), WINDOW_ACK_FUTURE);
	assert_int_equal(window_acknowledge(&window, 5, 5, 0), WINDOW_ACK_PROGRESS);
}

static void backs_off_with_full_jitter(void **state)
{
	int64_t largest = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		int64_t first = backoff_delay_ms(0, 1000, 300000);
		int64_t late = backoff_delay_ms(40, 1000, 300000);

		assert_in_range(first, 1, 1000);
		assert_in_range(late, 1, 300000);
		if (late > largest)
			largest = late;
	}
	assert_true(largest > 100000);
	assert_in_range(backoff_delay_ms(3, 0, 0), 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_no_more_than_the_window),
		cmocka_unit_test(sends_again_after_silence_and_reconnect),
		cmocka_unit_test(grows_patient_until_an_answer_comes),
		cmocka_unit_test(closes_the_gap_when_the_server_has_forgotten),
		cmocka_unit_test(keeps_the_gap_marker_of_the_spool),
		cmocka_unit_test(notices_a_server_that_has_more),
		cmocka_unit_test(backs_off_with_full_jitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
