/* SPDX-License-Identifier: Apache-2.0 */
#include "link/pace.h"
#include "protocol/limits.h"
#include "test.h"

enum { RATE = 64 * 1024 };

/* Bytes, costs included, that go within a time when there is always something to send. */
static int64_t sent_within(struct pace *pace, usec_t from, usec_t to, int64_t message_bytes)
{
	int64_t seq = 1, sent = 0;

	for (usec_t now = from; now < to;) {
		int64_t wait_ms = pace_wait_ms(pace, seq, now);

		if (wait_ms > 0) {
			now += wait_ms * USEC_PER_MSEC;
			continue;
		}
		pace_spend(pace, seq++, message_bytes);
		sent += message_bytes + PACE_MESSAGE_COST;
	}
	return sent;
}

static void keeps_its_rate_with_small_and_large_messages(void **state)
{
	static const int64_t SIZES[] = {1, 300, 5000, LIMIT_UP_MESSAGE};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct pace pace;

		pace_connect(&pace, RATE, 0, 1000000, 0, 0);
		int64_t sent = sent_within(&pace, 0, 60 * USEC_PER_SEC, SIZES[i]);
		/* A burst and one message more than the rate, never less than nearly the rate. */
		assert_in_range(sent, 58 * RATE, 62 * RATE + 2 * SIZES[i]);
	}
}

static void begins_after_its_share_of_chance(void **state)
{
	struct pace pace;

	(void)state;
	pace_connect(&pace, RATE, 0, 100, 7000, 0);
	assert_in_range(pace_wait_ms(&pace, 1, 0), 7000, 7001);
	assert_in_range(pace_wait_ms(&pace, 1, 6 * USEC_PER_SEC), 1000, 1001);
	assert_int_equal(pace_wait_ms(&pace, 1, 7 * USEC_PER_SEC), 0);
}

static void leaves_alone_what_is_little_or_new(void **state)
{
	struct pace pace;

	(void)state;
	/* A window's worth is no flood. */
	pace_connect(&pace, RATE, 10, 10 + LIMIT_STREAM_WINDOW, 9000, 0);
	assert_int_equal(pace_wait_ms(&pace, 11, 0), 0);
	/* What happens after the connection follows at once when the rest is through. */
	pace_connect(&pace, RATE, 0, 100, 9000, 0);
	assert_int_equal(pace_wait_ms(&pace, 101, 0), 0);
	pace_spend(&pace, 101, 1 << 30);
	assert_int_equal(pace_wait_ms(&pace, 100, 9 * USEC_PER_SEC), 0);
	pace_connect(&pace, 0, 0, 1000000, 9000, 0);
	assert_int_equal(pace_wait_ms(&pace, 1, 0), 0);
}

static void stands_a_long_sleep(void **state)
{
	struct pace pace;

	(void)state;
	pace_connect(&pace, INT64_C(1) << 40, 0, 1000, 0, 0);
	pace_spend(&pace, 1, INT64_C(1) << 42);
	assert_true(pace_wait_ms(&pace, 2, 0) > 0);
	assert_int_equal(pace_wait_ms(&pace, 2, 400 * USEC_PER_DAY), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_its_rate_with_small_and_large_messages),
		cmocka_unit_test(begins_after_its_share_of_chance),
		cmocka_unit_test(leaves_alone_what_is_little_or_new),
		cmocka_unit_test(stands_a_long_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
