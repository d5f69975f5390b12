/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <unistd.h>

#include "base/loop.h"
#include "fake_clock.h"
#include "test.h"

struct fixture {
	struct loop *loop;
	char calls[64];
	int ends[2];
	uint64_t timer;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture || pipe(fixture->ends) < 0)
		return -1;
	fixture->loop = loop_new();
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	loop_free(fixture->loop);
	close(fixture->ends[0]);
	close(fixture->ends[1]);
	free(fixture);
	return 0;
}

static void note(struct fixture *fixture, const char *what)
{
	strncat(fixture->calls, what, sizeof(fixture->calls) - strlen(fixture->calls) - 1);
}

static void on_a(void *arg)
{
	note(arg, "a");
}

static void on_b(void *arg)
{
	note(arg, "b");
}

static void on_again(void *arg)
{
	struct fixture *fixture = arg;

	note(fixture, "r");
	loop_timer_set(fixture->loop, 0, on_again, fixture);
}

static void on_cancel(void *arg)
{
	struct fixture *fixture = arg;

	note(fixture, "c");
	loop_timer_cancel(fixture->loop, fixture->timer);
}

static void test_timers_run_when_due_in_order(void **state)
{
	struct fixture *fixture = *state;

	loop_timer_set(fixture->loop, 20, on_b, fixture);
	loop_timer_set(fixture->loop, 10, on_a, fixture);
	loop_timer_set(fixture->loop, 20, on_a, fixture);
	loop_turn(fixture->loop, 0);
	assert_string_equal(fixture->calls, "");
	fake_clock_advance(10 * USEC_PER_MSEC);
	loop_turn(fixture->loop, 0);
	assert_string_equal(fixture->calls, "a");
	fake_clock_advance(10 * USEC_PER_MSEC);
	loop_turn(fixture->loop, 0);
	assert_string_equal(fixture->calls, "aba");
	loop_turn(fixture->loop, 0);
	assert_string_equal(fixture->calls, "aba");
}

static void test_many_timers_stay_sorted(void **state)
{
	struct fixture *fixture = *state;

	/* "a" at 1..500 ms in scattered order, one "b" in the middle. */
	for (int i = 0; i < 500; i++)
		loop_timer_cancel(fixture->loop,
				  loop_timer_set(fixture->loop, i * 37 % 500, on_a, fixture));
	for (int i = 0; i < 40; i++)
		loop_timer_set(fixture->loop, 1 + i * 17 % 40 * 2, i == 20 ? on_b : on_a, fixture);
	for (int i = 0; i < 100; i++) {
		fake_clock_advance(USEC_PER_MSEC);
		loop_turn(fixture->loop, 0);
	}
	assert_int_equal(strlen(fixture->calls), 40);
	/* i == 20 is due at 1 + 20 * 17 % 40 * 2 = 41 ms: the 21st. */
	assert_int_equal(fixture->calls[20], 'b');
}

static void test_a_timer_may_set_itself_without_starving_others(void **state)
{
	struct fixture *fixture = *state;

	loop_timer_set(fixture->loop, 0, on_again, fixture);
	loop_turn(fixture->loop, 0);
	assert_string_equal(fixture->calls, "r");
	loop_timer_set(fixture->loop, 0, on_a, fixture);
	loop_turn(fixture->loop, 0);
	assert_string_equal(fixture->calls, "rra");
}

static void test_cancel(void **state)
{
	struct fixture *fixture = *state;

	loop_timer_set(fixture->loop, 0, on_cancel, fixture);
	fixture->timer = loop_timer_set(fixture->loop, 0, on_a, fixture);
	loop_timer_set(fixture->loop, 0, on_b, fixture);
	loop_turn(fixture->loop, 0);
	assert_string_equal(fixture->calls, "cb");
	loop_timer_cancel(fixture->loop, fixture->timer);
	loop_timer_cancel(fixture->loop, 0);
}

static void on_read(int fd, short revents, void *arg)
{
	struct fixture *fixture = arg;
	char byte;

	assert_true(revents & POLLIN);
	assert_int_equal(read(fd, &byte, 1), 1);
	note(fixture, "i");
}

static void on_write_stop(int fd, short revents, void *arg)
{
	struct fixture *fixture = arg;

	assert_true(revents & POLLOUT);
	note(fixture, "o");
	loop_remove_fd(fixture->loop, fd);
	loop_stop(fixture->loop);
}

static void on_remove_other(int fd, short revents, void *arg)
{
	struct fixture *fixture = arg;

	(void)fd;
	(void)revents;
	note(fixture, "x");
	/* The new watcher must not get the old one's event. */
	loop_remove_fd(fixture->loop, fixture->ends[1]);
	loop_add_fd(fixture->loop, fixture->ends[1], POLLOUT, on_write_stop, fixture);
}

static void test_descriptors(void **state)
{
	struct fixture *fixture = *state;

	loop_add_fd(fixture->loop, fixture->ends[0], POLLIN, on_read, fixture);
	loop_turn(fixture->loop, 0);
	assert_string_equal(fixture->calls, "");
	assert_int_equal(write(fixture->ends[1], "12", 2), 2);
	loop_turn(fixture->loop, -1);
	assert_string_equal(fixture->calls, "i");
	loop_mod_fd(fixture->loop, fixture->ends[0], 0);
	loop_turn(fixture->loop, 0);
	assert_string_equal(fixture->calls, "i");
	loop_add_fd(fixture->loop, fixture->ends[1], POLLOUT, on_write_stop, fixture);
	loop_run(fixture->loop);
	assert_string_equal(fixture->calls, "io");
	loop_remove_fd(fixture->loop, fixture->ends[0]);
	loop_remove_fd(fixture->loop, fixture->ends[0]);
}

static void test_a_replaced_watcher_does_not_inherit_events(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(write(fixture->ends[1], "1", 1), 1);
	loop_add_fd(fixture->loop, fixture->ends[0], POLLIN, on_remove_other, fixture);
	loop_add_fd(fixture->loop, fixture->ends[1], POLLOUT, on_write_stop, fixture);
	loop_turn(fixture->loop, 0);
	assert_string_equal(fixture->calls, "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_timers_run_when_due_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_timers_stay_sorted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_timer_may_set_itself_without_starving_others,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_replaced_watcher_does_not_inherit_events,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
