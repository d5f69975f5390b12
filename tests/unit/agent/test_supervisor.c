/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor against shims and a clock of the test's own: what takes minutes, what
 * comes in an unlucky order, and a thousand random lives of a service.
 */
#include "test.h"

#include <unistd.h>

#include "fake_clock.h"
#include "fake_shim.h"
#include "temporary_folder.h"

#include "base/fields.h"
#include "base/loop.h"
#include "drivers/spec.h"
#include "supervise/supervisor.h"

struct fixture {
	void *folder;
	struct arena *arena;
	struct loop *loop;
	struct supervisor *supervisor;
	int notices[NOTICE_REMOVED + 1];
	bool stopped;
};

static void noticed(enum supervisor_notice notice, const struct service_status *status, void *arg)
{
	struct fixture *fixture = arg;

	assert_non_null(status->name);
	/* No state without a reason. */
	if (notice != NOTICE_REMOVED && status->state != SERVICE_RUNNING)
		assert_true(status->reason[0] != '\0');
	fixture->notices[notice]++;
}

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	assert_int_equal(temporary_folder_setup(&fixture->folder), 0);
	assert_int_equal(chdir(fixture->folder), 0);
	fixture->arena = arena_new();
	fixture->loop = loop_new();
	const struct supervisor_options options = {
		.loop = fixture->loop,
		.root = fixture->folder,
		.shim = "none",
		.notice = noticed,
		.arg = fixture,
	};
	fixture->supervisor = supervisor_new(&options);
	fake_spawn_fails = false;
	fake_spawns = fake_runs = 0;
	*state = fixture;
	return 0;
}

/* Lets everything that is due happen, without time going by. */
static void settle(struct fixture *fixture)
{
	do {
		for (int i = 0; i < 4; i++)
			loop_turn(fixture->loop, 0);
	} while (fake_pump());
}

static void advance(struct fixture *fixture, int64_t ms)
{
	fake_clock_advance(ms * USEC_PER_MSEC);
	settle(fixture);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	supervisor_free(fixture->supervisor);
	loop_free(fixture->loop);
	arena_free(fixture->arena);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(temporary_folder_teardown(&fixture->folder), 0);
	free(fixture);
	return 0;
}

static void set_text(struct fixture *fixture, const char *name, const char *text,
		     int64_t generation)
{
	struct error err = {0};
	struct service_spec spec;
	json_t *json;

	assert_success(json_parse_limited(text, strlen(text), 16, &json, &err), &err);
	const struct spec_input input = {
		.root = fixture->folder, .node = "n1", .name = name, .service = json};
	assert_success(spec_build(fixture->arena, &input, &spec, &err), &err);
	json_decref(json);
	assert_success(supervisor_set(fixture->supervisor, &spec, generation, &err), &err);
}

static void set(struct fixture *fixture, const char *name, bool run, const char *parameters,
		int64_t generation)
{
	set_text(fixture, name,
		 arena_printf(fixture->arena,
			      "{\"driver\":\"generic\",\"run\":%s,"
			      "\"parameters\":{\"command\":[\"x\"]%s}}",
			      run ? "true" : "false", parameters),
		 generation);
}

static struct service_status status_of(struct fixture *fixture, const char *name)
{
	struct service_status status = {.state = SERVICE_STATE_COUNT};

	(void)!supervisor_status(fixture->supervisor, name, &status);
	return status;
}

static void test_held_service_is_tried_again_after_a_long_time(void **state)
{
	struct fixture *fixture = *state;

	set(fixture, "web", true, ",\"restart\":{\"burst\":4,\"hold_ms\":300000}", 1);
	settle(fixture);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(status_of(fixture, "web").state, SERVICE_RUNNING);
		fake_exit(fake_shim("web"), 1, 0);
		settle(fixture);
		if (i < 3)
			advance(fixture, 2000);
	}
	assert_int_equal(status_of(fixture, "web").state, SERVICE_HELD);
	assert_int_equal(fixture->notices[NOTICE_CRASH_LOOP], 1);
	assert_int_equal(fake_runs, 4);
	assert_int_equal(status_of(fixture, "web").retry_at, fake_utc + 300 * USEC_PER_SEC);
	advance(fixture, 299999);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_HELD);
	advance(fixture, 1);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_RUNNING);
	assert_int_equal(fixture->notices[NOTICE_RECOVERED], 1);
	/* One chance only, until it has lasted for a window. */
	fake_exit(fake_shim("web"), 1, 0);
	settle(fixture);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_HELD);
	advance(fixture, 300000);
	advance(fixture, 60000);
	fake_exit(fake_shim("web"), 1, 0);
	settle(fixture);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_RUNNING);
	/* All of it under one shim. */
	assert_int_equal(fake_spawns, 1);
}

static void test_backoff_waits_and_says_until_when(void **state)
{
	struct fixture *fixture = *state;

	set(fixture, "web", true, ",\"restart\":{\"delay_ms\":1000}", 1);
	settle(fixture);
	fake_exit(fake_shim("web"), -1, 11);
	settle(fixture);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_RUNNING);
	assert_int_equal(fake_runs, 2);
	fake_exit(fake_shim("web"), -1, 11);
	settle(fixture);
	struct service_status status = status_of(fixture, "web");
	assert_int_equal(status.state, SERVICE_BACKOFF);
	assert_contains(status.reason, "killed by signal 11");
	assert_in_range(status.retry_at - fake_utc, 750000, 1000000);
	advance(fixture, 1000);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_RUNNING);
	assert_int_equal(status_of(fixture, "web").restarts, 2);
}

static void test_gate_counts_from_the_change(void **state)
{
	struct fixture *fixture = *state;
	const char *reason;

	set(fixture, "web", true, "", 1);
	settle(fixture);
	advance(fixture, 4000);
	assert_int_equal(supervisor_gate(fixture->supervisor, "web", 5000, &reason), GATE_WAIT);
	advance(fixture, 1000);
	assert_int_equal(supervisor_gate(fixture->supervisor, "web", 5000, &reason), GATE_OK);
	/* An exit after the gate has passed is not blamed on the next generation. */
	fake_exit(fake_shim("web"), 1, 0);
	settle(fixture);
	set(fixture, "web", true, ",\"env\":{\"A\":\"b\"}", 2);
	settle(fixture);
	fake_exit(fake_shim("web"), -1, 15);
	settle(fixture);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_RUNNING);
	assert_int_equal(supervisor_gate(fixture->supervisor, "web", 5000, &reason), GATE_WAIT);
	advance(fixture, 5000);
	assert_int_equal(supervisor_gate(fixture->supervisor, "web", 5000, &reason), GATE_OK);
	assert_int_equal(supervisor_gate(fixture->supervisor, "none", 0, &reason), GATE_FAILED);
	set(fixture, "web", false, "", 3);
	assert_int_equal(supervisor_gate(fixture->supervisor, "web", 5000, &reason), GATE_WAIT);
	fake_exit(fake_shim("web"), 0, 0);
	settle(fixture);
	assert_int_equal(supervisor_gate(fixture->supervisor, "web", 5000, &reason), GATE_OK);
}

/* The new shim needs the name of the old one's socket. */
static void test_new_version_waits_for_the_old_shim(void **state)
{
	struct fixture *fixture = *state;

	set(fixture, "web", true, "", 1);
	settle(fixture);
	set(fixture, "web", true, ",\"env\":{\"A\":\"b\"}", 2);
	settle(fixture);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_RESTARTING);
	fake_exit(fake_shim("web"), -1, 15);
	settle(fixture);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_RUNNING);
	assert_int_equal(fake_spawns, 2);
	assert_int_equal(status_of(fixture, "web").restarts, 0);
	assert_int_equal(status_of(fixture, "web").generation, 2);
}

static void test_stop_overtakes_a_start_that_waits_for_a_shim(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};

	set(fixture, "web", true, "", 1);
	settle(fixture);
	set(fixture, "web", true, ",\"env\":{\"A\":\"b\"}", 2);
	settle(fixture);
	fake_exit(fake_shim("web"), -1, 15);
	/* One event only: the exit. The old shim has been told to leave and is still there. */
	fake_pump();
	loop_turn(fixture->loop, 0);
	loop_turn(fixture->loop, 0);
	assert_success(supervisor_stop(fixture->supervisor, "web", &err), &err);
	settle(fixture);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_STOPPED);
	assert_null(fake_shim("web"));
	assert_success(supervisor_start(fixture->supervisor, "web", &err), &err);
	settle(fixture);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_RUNNING);
}

static void test_shim_that_cannot_start_is_a_failed_start(void **state)
{
	struct fixture *fixture = *state;

	fake_spawn_fails = true;
	set(fixture, "web", true, ",\"restart\":{\"burst\":3,\"delay_ms\":100}", 1);
	settle(fixture);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_BACKOFF);
	assert_contains(status_of(fixture, "web").exit.text, "fake failure");
	advance(fixture, 100);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_HELD);
	fake_spawn_fails = false;
	set(fixture, "web", true, "", 2);
	settle(fixture);
	assert_int_equal(status_of(fixture, "web").state, SERVICE_RUNNING);
}

/* Killed between the two, the agent is followed by one that reloads again. */
static void test_reload_is_noted_when_it_was_sent(void **state)
{
	static const char SERVICE[] =
		"{\"driver\":\"generic\",\"run\":true,\"config\":{\"name\":\"c\",\"version\":1,"
		"\"digest\":\"sha256:0\",\"files\":[{\"path\":\"hot\",\"content\":\"%d\"}]},"
		"\"parameters\":{\"command\":[\"x\"],\"reload\":{\"signal\":\"SIGHUP\","
		"\"files\":[\"hot\"]}}}";
	struct fixture *fixture = *state;
	char before[SHIM_CLIENT_TAG_SIZE];

	set_text(fixture, "web", arena_printf(fixture->arena, SERVICE, 1), 1);
	settle(fixture);
	const struct shim_client *shim = fake_shim("web");
	snprintf(before, sizeof(before), "%s", shim->tag);
	set_text(fixture, "web", arena_printf(fixture->arena, SERVICE, 2), 2);
	settle(fixture);
	assert_int_equal(shim->signals, 1);
	assert_string_equal(shim->signalled_under, before);
	assert_string_not_equal(shim->tag, before);
	assert_int_equal(fake_runs, 1);
}

static void test_order_and_circles(void **state)
{
	struct fixture *fixture = *state;

	set(fixture, "c", true, ",\"after\":[\"b\"]", 1);
	set(fixture, "b", true, ",\"after\":[\"a\"]", 1);
	set(fixture, "a", true,
	    ",\"probes\":[{\"kind\":\"log\",\"match\":\"up\",\"start_grace_ms\":1000000}]", 1);
	set(fixture, "x", true, ",\"after\":[\"y\"]", 1);
	set(fixture, "y", true, ",\"after\":[\"x\",\"nobody\"]", 1);
	settle(fixture);
	assert_int_equal(status_of(fixture, "a").state, SERVICE_STARTING);
	assert_int_equal(status_of(fixture, "b").state, SERVICE_WAITING);
	assert_string_equal(status_of(fixture, "b").reason, "waits for a");
	assert_int_equal(status_of(fixture, "c").state, SERVICE_WAITING);
	/* In a circle each would wait for the other for ever. */
	assert_int_equal(status_of(fixture, "x").state, SERVICE_RUNNING);
	assert_int_equal(status_of(fixture, "y").state, SERVICE_RUNNING);
	set(fixture, "a", true, "", 2);
	settle(fixture);
	assert_int_equal(status_of(fixture, "c").state, SERVICE_RUNNING);
}

static void all_stopped(void *arg)
{
	((struct fixture *)arg)->stopped = true;
}

static void test_everything_stops_in_reverse_order(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};
	struct service_spec spec = {.name = "new"};

	set(fixture, "app", true, ",\"after\":[\"db\"]", 1);
	set(fixture, "db", true, "", 1);
	set(fixture, "x", true, ",\"after\":[\"y\"]", 1);
	set(fixture, "y", true, ",\"after\":[\"x\"]", 1);
	set(fixture, "held", true, ",\"restart\":{\"burst\":1}", 1);
	settle(fixture);
	fake_exit(fake_shim("held"), 1, 0);
	settle(fixture);
	supervisor_stop_all(fixture->supervisor, all_stopped, fixture);
	settle(fixture);
	assert_int_equal(status_of(fixture, "app").state, SERVICE_STOPPING);
	assert_int_equal(status_of(fixture, "db").state, SERVICE_RUNNING);
	assert_failure(supervisor_set(fixture->supervisor, &spec, 1, &err), &err, ERR_CONFLICT);
	for (int i = 0; i < 5 && !fixture->stopped; i++) {
		for (int j = 0; j < FAKE_MAX_SHIMS; j++) {
			if (fake_shims[j] && fake_shims[j]->stopping)
				fake_exit(fake_shims[j], 0, 0);
		}
		settle(fixture);
	}
	assert_true(fixture->stopped);
	assert_int_equal(status_of(fixture, "db").state, SERVICE_STOPPED);
	assert_int_equal(status_of(fixture, "held").state, SERVICE_STOPPED);
}

static bool is_ending(struct fixture *fixture, const char *name)
{
	const struct shim_client *shim = fake_shim(name);

	return shim && shim->stopping && status_of(fixture, name).state != SERVICE_STOPPED;
}

/* Whatever order they are named in, and whoever else is left alone. */
static void test_what_has_to_end_ends_in_reverse_order(void **state)
{
	struct fixture *fixture = *state;

	set(fixture, "app", true, ",\"after\":[\"bus\"]", 1);
	set(fixture, "bus", true, ",\"after\":[\"db\"]", 1);
	set(fixture, "db", true, "", 1);
	set(fixture, "eye", true, ",\"after\":[\"db\"]", 1);
	settle(fixture);
	supervisor_remove(fixture->supervisor, "db");
	set(fixture, "app", false, ",\"after\":[\"bus\"]", 2);
	settle(fixture);
	/* The one between them stays, and so does the other that needs it. */
	assert_true(is_ending(fixture, "app"));
	assert_false(is_ending(fixture, "db"));
	assert_int_equal(status_of(fixture, "db").state, SERVICE_RUNNING);
	assert_string_equal(status_of(fixture, "db").reason, "ends after app");
	fake_exit(fake_shim("app"), 0, 0);
	settle(fixture);
	assert_int_equal(status_of(fixture, "app").state, SERVICE_STOPPED);
	assert_true(is_ending(fixture, "db"));
	fake_exit(fake_shim("db"), 0, 0);
	settle(fixture);
	assert_int_equal(status_of(fixture, "db").state, SERVICE_STATE_COUNT);
	assert_int_equal(status_of(fixture, "bus").state, SERVICE_RUNNING);
	assert_int_equal(status_of(fixture, "eye").state, SERVICE_RUNNING);
	assert_int_equal(fake_shim("bus")->run, 1);
}

static void test_a_new_version_of_all_ends_and_starts_in_order(void **state)
{
	struct fixture *fixture = *state;
	const char *reason;

	set(fixture, "db", true, "", 1);
	set(fixture, "app", true, ",\"after\":[\"db\"]", 1);
	settle(fixture);
	set(fixture, "db", true, ",\"env\":{\"A\":\"2\"}", 2);
	set(fixture, "app", true, ",\"after\":[\"db\"],\"env\":{\"A\":\"2\"}", 2);
	/* Nothing has been done yet, but the old version is not what the gate is to judge. */
	assert_int_equal(supervisor_gate(fixture->supervisor, "db", 0, &reason), GATE_WAIT);
	settle(fixture);
	assert_true(is_ending(fixture, "app"));
	assert_false(is_ending(fixture, "db"));
	fake_exit(fake_shim("app"), 0, 0);
	settle(fixture);
	assert_true(is_ending(fixture, "db"));
	assert_int_equal(status_of(fixture, "app").state, SERVICE_WAITING);
	assert_string_equal(status_of(fixture, "app").reason, "waits for db");
	fake_exit(fake_shim("db"), 0, 0);
	settle(fixture);
	assert_int_equal(status_of(fixture, "db").state, SERVICE_RUNNING);
	assert_int_equal(status_of(fixture, "app").state, SERVICE_RUNNING);
	assert_int_equal(status_of(fixture, "app").restarts, 0);
}

static void test_what_waits_for_its_turn_to_end_may_end_or_stay(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};

	set(fixture, "db", true, "", 1);
	set(fixture, "app", true, ",\"after\":[\"db\"]", 1);
	settle(fixture);
	assert_success(supervisor_stop(fixture->supervisor, "db", &err), &err);
	assert_success(supervisor_stop(fixture->supervisor, "app", &err), &err);
	settle(fixture);
	/* It ends by itself before its turn: that is no crash. */
	fake_exit(fake_shim("db"), 1, 0);
	settle(fixture);
	assert_int_equal(status_of(fixture, "db").state, SERVICE_STOPPED);
	assert_int_equal(status_of(fixture, "db").restarts, 0);
	fake_exit(fake_shim("app"), 0, 0);
	settle(fixture);
	assert_success(supervisor_start(fixture->supervisor, "db", &err), &err);
	assert_success(supervisor_start(fixture->supervisor, "app", &err), &err);
	settle(fixture);
	/* Wanted again before its turn has come: it was never touched. */
	assert_success(supervisor_stop(fixture->supervisor, "db", &err), &err);
	assert_success(supervisor_stop(fixture->supervisor, "app", &err), &err);
	settle(fixture);
	pid_t pid = status_of(fixture, "db").pid;
	assert_success(supervisor_start(fixture->supervisor, "db", &err), &err);
	fake_exit(fake_shim("app"), 0, 0);
	settle(fixture);
	assert_int_equal(status_of(fixture, "db").pid, pid);
	assert_int_equal(status_of(fixture, "db").state, SERVICE_RUNNING);
	assert_string_equal(status_of(fixture, "db").reason, "");
}

static uint32_t dice_state;

static unsigned dice(unsigned sides)
{
	/* xorshift32: the same lives in every run. */
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 17;
	dice_state ^= dice_state << 5;
	return dice_state % sides;
}

/* Something happens to the service, or somebody wants something of it. */
static void random_event(struct fixture *fixture, bool *wanted, int64_t *generation)
{
	static const char *const VERSIONS[] = {"", ",\"env\":{\"A\":\"b\"}",
					       ",\"restart\":{\"burst\":2}",
					       ",\"restart\":{\"policy\":\"on-failure\"}"};
	struct shim_client *shim = fake_shim("web");
	struct error err;

	switch (dice(9)) {
	case 0:
		*wanted = dice(4) != 0;
		set(fixture, "web", *wanted, VERSIONS[dice(ARRAY_SIZE(VERSIONS))], ++*generation);
		break;
	case 1:
		if (supervisor_restart(fixture->supervisor, "web", &err))
			*wanted = true;
		break;
	case 2:
		if (supervisor_stop(fixture->supervisor, "web", &err))
			*wanted = false;
		break;
	case 3:
		if (supervisor_start(fixture->supervisor, "web", &err))
			*wanted = true;
		break;
	case 4:
	case 5:
		if (shim && shim->running)
			fake_exit(shim, (int)dice(2), 0);
		break;
	case 6:
		if (shim && dice(3) == 0)
			fake_lose(shim);
		break;
	case 7:
		fake_clock_advance(dice(100000) * USEC_PER_MSEC);
		break;
	default:
		fake_spawn_fails = dice(8) == 0;
		break;
	}
}

/* The world is kind from here on: what is told to stop stops, nothing crashes. */
static void random_rest(struct fixture *fixture)
{
	fake_spawn_fails = false;
	for (int i = 0; i < 8; i++) {
		struct shim_client *shim = fake_shim("web");

		if (shim && shim->stopping && shim->running)
			fake_exit(shim, -1, 15);
		advance(fixture, 300000);
	}
}

static void test_a_thousand_lives(void **state)
{
	struct fixture *fixture = *state;
	int64_t generation = 0;
	bool wanted = false;

	for (uint32_t life = 1; life <= 1000; life++) {
		dice_state = life * 2654435761u;
		for (int i = 0; i < 30; i++) {
			random_event(fixture, &wanted, &generation);
			switch (dice(3)) {
			case 0:
				settle(fixture);
				break;
			case 1:
				fake_pump();
				break;
			default:
				loop_turn(fixture->loop, 0);
				break;
			}
		}
		random_rest(fixture);
		struct service_status status = status_of(fixture, "web");
		const struct shim_client *shim = fake_shim("web");
		bool running = shim && shim->running;
		if (status.state == SERVICE_STATE_COUNT)
			continue; /* it was never wanted yet */
		bool right = wanted ? status.state == SERVICE_RUNNING ||
					      status.state == SERVICE_COMPLETED
				    : status.state == SERVICE_STOPPED;
		if (!right)
			fail_msg("life %u: wanted %d but %s (%s)", life, wanted,
				 service_state_name(status.state), status.reason);
		assert_int_equal(running, status.state == SERVICE_RUNNING);
		if (running)
			assert_int_equal(status.pid, shim->pid);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_held_service_is_tried_again_after_a_long_time),
		TEST(test_backoff_waits_and_says_until_when),
		TEST(test_gate_counts_from_the_change),
		TEST(test_new_version_waits_for_the_old_shim),
		TEST(test_stop_overtakes_a_start_that_waits_for_a_shim),
		TEST(test_shim_that_cannot_start_is_a_failed_start),
		TEST(test_reload_is_noted_when_it_was_sent),
		TEST(test_order_and_circles),
		TEST(test_everything_stops_in_reverse_order),
		TEST(test_what_has_to_end_ends_in_reverse_order),
		TEST(test_a_new_version_of_all_ends_and_starts_in_order),
		TEST(test_what_waits_for_its_turn_to_end_may_end_or_stay),
		TEST(test_a_thousand_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
