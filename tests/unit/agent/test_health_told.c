/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_clock.h"
#include "test.h"

#include "app_internal.h"

struct fixture {
	struct arena *arena;
	struct health_told told;
	struct msg_service services[2];
	struct msg_health health;
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	fixture->arena = arena_new();
	fixture->services[0] = (struct msg_service){.name = "broker",
						    .state = REPORTED_RUNNING,
						    .ready = true,
						    .pid = 7,
						    .cpu_percent = 3,
						    .mem_bytes = 10 << 20};
	fixture->services[1] = fixture->services[0];
	fixture->services[1].name = "collector";
	fixture->health = (struct msg_health){
		.generation = 3,
		.digest = "",
		.boot_id = "b",
		.host = {.cpu_percent = 20,
			 .mem_available = INT64_C(1) << 30,
			 .disk_total = INT64_C(10) << 30,
			 .disk_free = INT64_C(5) << 30,
			 .limits = "cgroup2"},
		.services = fixture->services,
		.service_count = 2,
	};
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static bool is_told(struct fixture *fixture)
{
	return health_is_told(&fixture->told, &fixture->health, fixture->arena);
}

static void test_first_is_told_in_full_and_the_same_is_not(void **state)
{
	struct fixture *fixture = *state;

	assert_false(is_told(fixture));
	assert_true(is_told(fixture));
	fixture->services[0].cpu_percent = 9;
	fixture->services[1].mem_bytes += 1 << 20;
	fixture->health.host.disk_free -= 1 << 20;
	fixture->health.uptime_s += 60;
	assert_true(is_told(fixture));
	/* On a new connection the server may not have had it. */
	fixture->told.at = 0;
	assert_false(is_told(fixture));
}

static void test_what_people_look_at_is_told_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct msg_service *service = &fixture->services[1];
	struct msg_probe probe = {.kind = "tcp", .result = PROBE_RESULT_GOOD};

#define TELLS(change)                           \
	do {                                    \
		assert_true(is_told(fixture));  \
		change;                         \
		assert_false(is_told(fixture)); \
	} while (0)
	assert_false(is_told(fixture));
	TELLS(service->state = REPORTED_UNHEALTHY);
	TELLS(service->reason = "probe tcp: refused");
	TELLS(service->ready = false);
	TELLS(service->pid = 8);
	TELLS(service->restarts = 1);
	TELLS((service->probes = &probe, service->probe_count = 1));
	TELLS(probe.result = PROBE_RESULT_BAD);
	TELLS(fixture->health.generation++);
	TELLS(fixture->health.clock_offset_ms = 5000);
	TELLS(fixture->health.service_count = 1);
}

static void test_figures_of_the_host_are_in_the_beat(void **state)
{
	struct fixture *fixture = *state;

	assert_false(is_told(fixture));
	fake_clock_advance(60 * 60 * USEC_PER_SEC);
	fixture->health.host.cpu_percent = 80;
	fixture->health.host.mem_available /= 2;
	fixture->health.host.disk_free -= INT64_C(1) << 30;
	assert_true(is_told(fixture));
}

static void test_busy_services_are_told_seldom(void **state)
{
	struct fixture *fixture = *state;
	struct msg_service *service = &fixture->services[1];
	struct msg_probe probe = {.kind = "tcp", .result = PROBE_RESULT_BAD, .text = "3 ms"};
	int told = 0;

	service->probes = &probe;
	service->probe_count = 1;
	assert_false(is_told(fixture));
	for (int minute = 0; minute < 120; minute++) {
		fake_clock_advance(60 * USEC_PER_SEC);
		service->cpu_percent = minute % 2 ? 90 : 5;
		service->mem_bytes = (INT64_C(10) + minute * 20) << 20;
		probe.text = minute % 3 ? "4 ms" : "5 ms";
		told += !is_told(fixture);
	}
	assert_int_equal(told, 4);
}

static void test_small_moves_are_not_told(void **state)
{
	struct fixture *fixture = *state;

	assert_false(is_told(fixture));
	fake_clock_advance(60 * 60 * USEC_PER_SEC);
	fixture->services[0].cpu_percent += 19;
	fixture->services[1].mem_bytes += 3 << 20;
	assert_true(is_told(fixture));
	fixture->services[1].mem_bytes += 3 << 20;
	assert_false(is_told(fixture));
}

static void test_all_is_told_now_and_then_under_another_mark(void **state)
{
	struct fixture *fixture = *state;

	assert_false(is_told(fixture));
	int mark = fixture->told.mark;
	assert_in_range(mark, 1, UINT16_MAX);
	fake_clock_advance((6 * 60 - 1) * 60 * USEC_PER_SEC);
	assert_true(is_told(fixture));
	assert_int_equal(fixture->told.mark, mark);
	fake_clock_advance(60 * USEC_PER_SEC);
	assert_false(is_told(fixture));
	assert_int_not_equal(fixture->told.mark, mark);
	fixture->told.mark = UINT16_MAX;
	fixture->told.at = 0;
	assert_false(is_told(fixture));
	assert_int_equal(fixture->told.mark, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_first_is_told_in_full_and_the_same_is_not),
		TEST(test_what_people_look_at_is_told_at_once),
		TEST(test_figures_of_the_host_are_in_the_beat),
		TEST(test_busy_services_are_told_seldom),
		TEST(test_small_moves_are_not_told),
		TEST(test_all_is_told_now_and_then_under_another_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
