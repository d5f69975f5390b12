/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/cron.h"

#include <time.h>

#include "test.h"

static int64_t minute_of(const char *text)
{
	struct tm date = {0};

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &date));
	return (int64_t)timegm(&date) / 60;
}

static void check(const char *text, const char *now, const char *next, const char *previous)
{
	struct cron cron;
	struct error err;
	int64_t at;

	if (!cron_parse(text, &cron, &err))
		fail_msg("%s: %s", text, err.text);
	assert_true(cron_next(&cron, minute_of(now), &at));
	if (at != minute_of(next))
		fail_msg("%s after %s: %lld minutes off", text, now,
			 (long long)(at - minute_of(next)));
	assert_true(cron_previous(&cron, minute_of(now), &at));
	if (at != minute_of(previous))
		fail_msg("%s before %s: %lld minutes off", text, now,
			 (long long)(at - minute_of(previous)));
}

static void test_moments(void **state)
{
	(void)state;
	/* 2026-12-01 is a Tuesday. */
	check("0 2 * * *", "2026-12-01 00:31", "2026-12-01 02:00", "2026-11-30 02:00");
	check("0 2 * * *", "2026-12-01 02:00", "2026-12-02 02:00", "2026-12-01 02:00");
	check("*/15 8-17 * * mon-fri", "2026-12-04 17:50", "2026-12-07 08:00", "2026-12-04 17:45");
	check("30 22 * * 6,7", "2026-12-01 12:00", "2026-12-05 22:30", "2026-11-29 22:30");
	check("0 0 1 jan *", "2026-12-01 12:00", "2027-01-01 00:00", "2026-01-01 00:00");
	check("0 0 29 2 *", "2026-12-01 12:00", "2028-02-29 00:00", "2024-02-29 00:00");
	/* Both restricted: either. */
	check("0 0 13 * fri", "2026-12-01 12:00", "2026-12-04 00:00", "2026-11-27 00:00");
	check("10/20 5 * * *", "2026-12-01 05:30", "2026-12-01 05:50", "2026-12-01 05:30");
	check("59 23 31 12 *", "2026-12-31 23:58", "2026-12-31 23:59", "2025-12-31 23:59");
}

static void test_never(void **state)
{
	static const char *const never[] = {"0 0 30 2 *", "0 0 31 4,6,9,11 *"};
	struct cron cron;
	struct error err;
	int64_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		assert_true(cron_parse(never[i], &cron, &err));
		assert_false(cron_next(&cron, 0, &at));
		assert_false(cron_previous(&cron, 0, &at));
	}
}

static void test_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"0 2 * *",
		"0 2 * * * *",
		"60 2 * * *",
		"0 24 * * *",
		"0 2 0 * *",
		"0 2 32 * *",
		"0 2 * 13 *",
		"0 2 * * 8",
		"a 2 * * *",
		"0 2 * * foo",
		"1-  2 * * *",
		"5-1 2 * * *",
		"*/0 2 * * *",
		"*/99 2 * * *",
		"1,,2 2 * * *",
		"0 2 * * mon-",
		"-1 2 * * *",
		"001 2 * * *",
		"0;2 2 * * *",
	};
	char longer[200];
	struct cron cron;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (cron_parse(wrong[i], &cron, &err))
			fail_msg("accepted \"%s\"", wrong[i]);
	memset(longer, '1', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_false(cron_parse(longer, &cron, &err));
	assert_false(cron_parse("0 25 * * *", &cron, &err));
	assert_non_null(strstr(err.text, "\"25\" is no hour: expected 0 to 23"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
