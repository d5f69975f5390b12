/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "test.h"

static bool parse(const char *text, usec_t *out)
{
	return time_parse(text, strlen(text), out);
}

static void test_known_times(void **state)
{
	static const struct {
		usec_t time;
		const char *text;
	} TIMES[] = {
		{0, "1970-01-01T00:00:00.000000Z"},
		{-1, "1969-12-31T23:59:59.999999Z"},
		{INT64_C(1767323045000006), "2026-01-02T03:04:05.000006Z"},
		{INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
		{INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
		{INT64_C(-62135596800000000), "0001-01-01T00:00:00.000000Z"},
	};
	char text[TIME_TEXT_SIZE];
	usec_t time;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(TIMES); i++) {
		time_format(TIMES[i].time, text);
		assert_string_equal(text, TIMES[i].text);
		assert_true(parse(text, &time));
		assert_int_equal(time, TIMES[i].time);
	}
	time_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
	time_format(INT64_MIN, text);
	assert_string_equal(text, "0001-01-01T00:00:00.000000Z");
}

static void test_every_day_of_four_centuries_round_trips(void **state)
{
	char text[TIME_TEXT_SIZE];

	(void)state;
	for (int64_t day = -100000; day < 50000; day++) {
		usec_t time = day * USEC_PER_DAY + 1;
		usec_t again;

		time_format(time, text);
		assert_true(parse(text, &again));
		assert_int_equal(again, time);
	}
}

static void test_other_forms(void **state)
{
	static const char *const SAME[] = {
		"2026-01-02T03:04:05.5Z",
		"2026-01-02t03:04:05.500z",
		"2026-01-02 03:04:05.500000+00",
		"2026-01-02T05:34:05.5+02:30",
		"2026-01-01T22:04:05.5000009-05:00",
		"2026-01-02T03:03:65.5Z",
	};
	usec_t time;

	(void)state;
	for (size_t i = 0; i + 1 < ARRAY_SIZE(SAME); i++) {
		assert_true(parse(SAME[i], &time));
		assert_int_equal(time, INT64_C(1767323045500000));
	}
	assert_false(parse(SAME[5], &time));
	assert_true(parse("2016-12-31T23:59:60Z", &time));
	assert_int_equal(time, INT64_C(1483228800000000));
}

static void test_wrong_times_are_refused(void **state)
{
	static const char *const WRONG[] = {
		"",
		"2026",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-1-2T03:04:05Z",
		"2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-01-32T00:00:00Z",
		"0000-01-01T00:00:00Z",
		"0001-01-01T00:00:00+01:00",
		"2026-01-02T24:00:00Z",
		"2026-01-02T03:60:00Z",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05Z ",
		"2026-01-02T03:04:05+24:00",
		"2026-01-02T03:04:05+00:60",
		"+026-01-02T03:04:05Z",
	};
	usec_t time = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(WRONG); i++)
		assert_false(parse(WRONG[i], &time));
	assert_int_equal(time, 42);
}

static void test_clocks_move_forward(void **state)
{
	usec_t boot = clock_boottime(), monotonic = clock_monotonic();

	(void)state;
	assert_true(clock_boottime() >= boot);
	assert_true(clock_monotonic() >= monotonic);
	assert_true(clock_now_utc() > INT64_C(1700000000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_times),
		cmocka_unit_test(test_every_day_of_four_centuries_round_trips),
		cmocka_unit_test(test_other_forms),
		cmocka_unit_test(test_wrong_times_are_refused),
		cmocka_unit_test(test_clocks_move_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
