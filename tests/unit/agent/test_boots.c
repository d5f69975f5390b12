/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_clock.h"

#include "state/boots.h"
#include "state/sql.h"
#include "state/trusted_time.h"
#include "state_fixture.h"

static const usec_t TRUE_TIME = INT64_C(1767323045000000);

static struct boot_stamp stamp(struct fixture *fixture)
{
	struct boot_stamp made;
	struct error err = {0};

	assert_success(boots_stamp(fixture->state, &made, &err), &err);
	return made;
}

static usec_t correction(struct fixture *fixture, const struct boot_stamp *made)
{
	struct error err = {0};
	usec_t by;

	assert_success(boots_correction(fixture->state, made, &by, &err), &err);
	return by;
}

static struct trusted_time begin(struct fixture *fixture, usec_t least)
{
	struct trusted_time time;
	struct error err = {0};

	assert_success(trusted_time_init(&time, fixture->state, least, &err), &err);
	return time;
}

/* The machine goes down and comes up with its clock at wall. */
static void reboot(struct fixture *fixture, usec_t wall)
{
	assert_int_equal(sqlite3_exec(fixture->state->db, "UPDATE boot SET name = 'earlier' || id",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	reopen(fixture);
	fake_utc = wall;
	fake_boottime = 7 * USEC_PER_SEC;
}

/* The server answers after delay; truth is what its clock says then. */
static void ask(struct trusted_time *time, usec_t truth, usec_t delay)
{
	struct error err = {0};
	char nonce[TRUSTED_TIME_NONCE_SIZE];

	snprintf(nonce, sizeof(nonce), "%s", trusted_time_ask(time));
	fake_clock_advance(delay);
	assert_success(trusted_time_answer(time, nonce, truth, &err), &err);
}

static void leaves_a_right_clock_alone(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};

	fake_utc = TRUE_TIME;
	struct trusted_time time = begin(fixture, TRUE_TIME - 90 * USEC_PER_DAY);
	struct boot_stamp made = stamp(fixture);
	assert_int_equal(correction(fixture, &made), 0);
	/* A message that waited for a day proves nothing against a clock that is ahead of it. */
	assert_success(trusted_time_learn(&time, TRUE_TIME - USEC_PER_DAY, &err), &err);
	assert_int_equal(correction(fixture, &made), 0);
	fake_clock_advance(USEC_PER_HOUR);
	ask(&time, fake_utc, 0);
	assert_int_equal(correction(fixture, &made), 0);
	assert_in_range(llabs(trusted_time_offset_ms(&time)), 0, 1);
}

static void corrects_a_boot_without_a_battery(void **state)
{
	struct fixture *fixture = *state;

	fake_utc = 0; /* 1970 */
	struct trusted_time time = begin(fixture, TRUE_TIME - 90 * USEC_PER_DAY);
	struct boot_stamp made = stamp(fixture);
	/* Known at once: it cannot be before the enrolment. */
	assert_int_equal(correction(fixture, &made), TRUE_TIME - 90 * USEC_PER_DAY);
	fake_clock_advance(2 * USEC_PER_HOUR);
	/* Somebody sets the clock meanwhile: that is another matter. */
	fake_utc = TRUE_TIME + 2 * USEC_PER_HOUR;
	ask(&time, TRUE_TIME + 2 * USEC_PER_HOUR, 0);
	assert_in_range(correction(fixture, &made) - TRUE_TIME + BOOTS_TOLERANCE, 0,
			2 * BOOTS_TOLERANCE);
	struct boot_stamp later = stamp(fixture);
	assert_int_equal(correction(fixture, &later), 0);
}

static void corrects_a_clock_that_is_ahead(void **state)
{
	struct fixture *fixture = *state;

	fake_utc = TRUE_TIME + 400 * USEC_PER_DAY;
	struct trusted_time time = begin(fixture, TRUE_TIME);
	struct boot_stamp made = stamp(fixture);
	assert_int_equal(correction(fixture, &made), 0);
	ask(&time, TRUE_TIME + 100 * USEC_PER_MSEC, 200 * USEC_PER_MSEC);
	assert_in_range(correction(fixture, &made) + 400 * USEC_PER_DAY + USEC_PER_SEC, 0,
			2 * USEC_PER_SEC);
}

/* Written in a boot that never reached the server: between what was known before and what came after. */
static void bounds_a_boot_that_was_offline(void **state)
{
	struct fixture *fixture = *state;

	fake_utc = TRUE_TIME;
	fake_boottime = USEC_PER_HOUR;
	struct trusted_time time = begin(fixture, 1);
	ask(&time, TRUE_TIME, 0);
	reboot(fixture, 0);
	time = begin(fixture, 1);
	fake_clock_advance(3 * USEC_PER_HOUR);
	struct boot_stamp wrong = stamp(fixture);
	struct boot_stamp right = wrong;
	right.wall = TRUE_TIME + 5 * USEC_PER_HOUR;
	struct boot_stamp ahead = wrong;
	ahead.wall = TRUE_TIME + 20 * USEC_PER_HOUR;
	reboot(fixture, TRUE_TIME + 10 * USEC_PER_HOUR);
	time = begin(fixture, 1);
	ask(&time, TRUE_TIME + 10 * USEC_PER_HOUR, 0);
	assert_true(wrong.wall + correction(fixture, &wrong) >= TRUE_TIME);
	assert_true(wrong.wall + correction(fixture, &wrong) <= TRUE_TIME + 10 * USEC_PER_HOUR);
	assert_int_equal(correction(fixture, &right), 0);
	assert_true(correction(fixture, &ahead) < 0);
}

static void takes_only_the_answer_to_its_question(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	char nonce[TRUSTED_TIME_NONCE_SIZE];

	fake_utc = TRUE_TIME;
	struct trusted_time time = begin(fixture, 1);
	assert_true(trusted_time_wants_answer(&time));
	assert_failure(trusted_time_answer(&time, "", TRUE_TIME, &err), &err, ERR_INVALID);
	snprintf(nonce, sizeof(nonce), "%s", trusted_time_ask(&time));
	assert_failure(trusted_time_answer(&time, "0123456789abcdef", TRUE_TIME, &err), &err,
		       ERR_INVALID);
	/* One that took long is a signed message like any other. */
	fake_clock_advance(USEC_PER_HOUR);
	assert_int_equal(time.heard_at, 0);
	assert_success(trusted_time_answer(&time, nonce, TRUE_TIME, &err), &err);
	assert_true(trusted_time_wants_answer(&time));
	assert_int_not_equal(time.heard_at, 0); /* too late for the time, but the server's word */
	assert_failure(trusted_time_answer(&time, nonce, TRUE_TIME, &err), &err, ERR_INVALID);
	ask(&time, TRUE_TIME, 0);
	assert_false(trusted_time_wants_answer(&time));
	fake_clock_advance(25 * USEC_PER_HOUR);
	assert_true(trusted_time_wants_answer(&time));
}

static void forgets_the_oldest_boots(void **state)
{
	struct fixture *fixture = *state;
	struct boot_stamp first = stamp(fixture);
	char text[200];

	snprintf(text, sizeof(text),
		 "UPDATE boot SET name = 'old'; INSERT INTO boot(id, name, least, most)"
		 " VALUES(%lld, 'newer', 0, 0)",
		 (long long)first.boot + 2000);
	assert_int_equal(sqlite3_exec(fixture->state->db, text, NULL, NULL, NULL), SQLITE_OK);
	reopen(fixture);
	assert_true(stamp(fixture).boot > first.boot + 2000);
	assert_int_equal(correction(fixture, &first), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(leaves_a_right_clock_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(corrects_a_boot_without_a_battery, setup, teardown),
		cmocka_unit_test_setup_teardown(corrects_a_clock_that_is_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_a_boot_that_was_offline, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_only_the_answer_to_its_question, setup,
						teardown),
		cmocka_unit_test_setup_teardown(forgets_the_oldest_boots, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
