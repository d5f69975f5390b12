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

static void test_what_people_look_at_is_told(void **state)
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
	TELLS(service->cpu_percent += 11);
	TELLS(service->mem_bytes += 3 << 20);
	TELLS((service->probes = &probe, service->probe_count = 1));
	TELLS(probe.result = PROBE_RESULT_BAD);
	TELLS(fixture->health.generation++);
	TELLS(fixture->health.clock_offset_ms = 5000);
	TELLS(fixture->health.host.cpu_percent = 80);
	TELLS(fixture->health.host.mem_available /= 2);
	TELLS(fixture->health.host.disk_free -= INT64_C(1) << 30);
	TELLS(fixture->health.service_count = 1);
}

static void test_all_is_told_now_and_then(void **state)
{
	struct fixture *fixture = *state;

	assert_false(is_told(fixture));
	fake_clock_advance(14 * 60 * USEC_PER_SEC);
	assert_true(is_told(fixture));
	fake_clock_advance(60 * USEC_PER_SEC);
	assert_false(is_told(fixture));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_first_is_told_in_full_and_the_same_is_not),
		TEST(test_what_people_look_at_is_told),
		TEST(test_all_is_told_now_and_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
