/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "process/shim_client.h"

static void test_service_starts_and_stops(void **state)
{
	struct fixture *fixture = *state;
	const char *reason;

	set_shell(fixture, "web", "echo up; exec sleep 1000", "", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	struct service_status status = status_of(fixture, "web");
	assert_true(status.ready);
	assert_true(process_exists(status.pid));
	assert_int_equal(getsid(status.pid), status.pid);
	assert_int_equal(fixture->notices[NOTICE_STARTED], 1);
	wait_for(fixture, supervisor_gate(fixture->supervisor, "web", 50, &reason) == GATE_OK);

	pid_t pid = status.pid;
	supervisor_remove(fixture->supervisor, "web");
	wait_for(fixture, state_of(fixture, "web") == SERVICE_STATE_COUNT);
	assert_false(process_exists(pid));
	assert_int_equal(fixture->notices[NOTICE_REMOVED], 1);
	assert_true(fixture->last_exit.wanted);
	assert_int_equal(fixture->last_exit.signal, SIGTERM);
}

static void test_killed_service_returns(void **state)
{
	struct fixture *fixture = *state;
	const char *reason;

	set_shell(fixture, "web", "echo dying >&2; exec sleep 1000", "", 1);
	wait_for(fixture,
		 state_of(fixture, "web") == SERVICE_RUNNING && log_has(fixture, "web", "dying"));
	pid_t first = status_of(fixture, "web").pid;
	usec_t killed = clock_monotonic();
	kill(first, SIGKILL);
	wait_for(fixture, status_of(fixture, "web").pid != first &&
				  state_of(fixture, "web") == SERVICE_RUNNING);
	print_message("killed to running: %lld us\n", (long long)(clock_monotonic() - killed));
	assert_int_equal(status_of(fixture, "web").restarts, 1);
	assert_int_equal(fixture->notices[NOTICE_EXITED], 1);
	wait_for(fixture, fixture->notices[NOTICE_RECOVERED] == 1);
	assert_int_equal(fixture->last_exit.signal, SIGKILL);
	assert_false(fixture->last_exit.wanted);
	assert_string_equal(fixture->last_stderr, "dying\n");
	/* A gate that was being held has failed, with the cause. */
	assert_int_equal(supervisor_gate(fixture->supervisor, "web", 0, &reason), GATE_FAILED);
	assert_contains(reason, "signal 9");
}

static void test_agent_restart_adopts_the_same_process(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "web", "exec sleep 1000", "", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "web").pid;
	for (int i = 0; i < 5; i++) {
		agent_restart(fixture);
		assert_int_equal(status_of(fixture, "web").pid, pid);
		set_shell(fixture, "web", "exec sleep 1000", "", 1);
		wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
		assert_int_equal(status_of(fixture, "web").pid, pid);
	}
	assert_int_equal(fixture->notices[NOTICE_STARTED], 1);
	assert_int_equal(fixture->notices[NOTICE_EXITED], 0);
}

static void test_exit_while_the_agent_was_away_is_told(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "web", "echo last words >&2; sleep 1000; exit 7", "", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING &&
				  log_has(fixture, "web", "last words"));
	pid_t pid = status_of(fixture, "web").pid;
	supervisor_free(fixture->supervisor);
	kill(pid, SIGKILL);
	/* The shim writes the exit down for the case of a power cut. */
	wait_for(fixture, file_exists("run/shim/web.exit"));
	fixture_supervise(fixture);
	set_shell(fixture, "web", "echo last words >&2; sleep 1000; exit 7", "", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	assert_int_not_equal(status_of(fixture, "web").pid, pid);
	assert_int_equal(fixture->notices[NOTICE_EXITED], 1);
	assert_int_equal(fixture->last_exit.signal, SIGKILL);
	assert_string_equal(fixture->last_stderr, "last words\n");
	wait_for(fixture, !file_exists("run/shim/web.exit"));
}

static void test_new_version_for_a_returning_agent_restarts(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "web", "exec sleep 1000", "", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "web").pid;
	agent_restart(fixture);
	set_shell(fixture, "web", "exec sleep 1001", "", 2);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING &&
				  status_of(fixture, "web").pid != pid);
	assert_false(process_exists(pid));
}

static void test_unwanted_services_are_pruned(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "web", "exec sleep 1000", "", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "web").pid;
	agent_restart(fixture);
	supervisor_prune(fixture->supervisor);
	wait_for(fixture, supervisor_count(fixture->supervisor) == 0);
	assert_false(process_exists(pid));
	assert_false(file_exists("run/shim/web.sock"));
}

static void test_double_fork_is_held_and_stopped(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "daemon",
		  "(setsid sh -c 'echo $$ > pid; exec sleep 1000' & ) ; sleep 0.2; exit 0", "", 1);
	wait_for(fixture,
		 state_of(fixture, "daemon") == SERVICE_RUNNING && file_exists("data/daemon/pid"));
	wait_for(fixture, read_text(fixture, "data/daemon/pid")[0] != '\0');
	pid_t pid = atoi(read_text(fixture, "data/daemon/pid"));
	wait_for(fixture, status_of(fixture, "daemon").pid == pid);
	assert_int_equal(fixture->notices[NOTICE_EXITED], 0);
	supervisor_remove(fixture->supervisor, "daemon");
	wait_for(fixture, state_of(fixture, "daemon") == SERVICE_STATE_COUNT);
	assert_false(process_exists(pid));
}

static void test_children_of_a_crashed_service_go(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "web", "setsid sleep 1000 & echo $! > pid; exec sleep 2000", "", 1);
	wait_for(fixture,
		 state_of(fixture, "web") == SERVICE_RUNNING && file_exists("data/web/pid"));
	wait_for(fixture, read_text(fixture, "data/web/pid")[0] != '\0');
	pid_t child = atoi(read_text(fixture, "data/web/pid"));
	assert_true(process_exists(child));
	kill(status_of(fixture, "web").pid, SIGKILL);
	wait_for(fixture, fixture->notices[NOTICE_EXITED] == 1);
	assert_false(process_exists(child));
}

static void test_ignored_sigterm_ends_in_sigkill(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "stubborn", "trap '' TERM; touch ready; while :; do sleep 0.05; done",
		  ",\"stop\":{\"signal\":\"SIGTERM\",\"grace_ms\":200},"
		  "\"probes\":[{\"kind\":\"exec\",\"command\":[\"test\",\"-e\",\"ready\"]}]",
		  1);
	wait_for(fixture, state_of(fixture, "stubborn") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "stubborn").pid;
	supervisor_remove(fixture->supervisor, "stubborn");
	wait_for(fixture, state_of(fixture, "stubborn") == SERVICE_STATE_COUNT);
	assert_false(process_exists(pid));
	assert_int_equal(fixture->last_exit.signal, SIGKILL);
}

/* Signal, grace, SIGTERM to all of it, SIGKILL. */
static void test_what_ignores_the_stop_gets_a_last_request(void **state)
{
	struct fixture *fixture = *state;

	set_shell(
		fixture, "deaf",
		"sh -c \"trap 'echo asked > asked; exit' TERM; touch ready;"
		" while :; do sleep 0.02; done\" & trap '' INT TERM; while :; do sleep 0.05; done",
		",\"stop\":{\"signal\":\"SIGINT\",\"grace_ms\":3000},"
		"\"probes\":[{\"kind\":\"exec\",\"command\":[\"test\",\"-e\",\"ready\"]}]",
		1);
	wait_for(fixture, state_of(fixture, "deaf") == SERVICE_RUNNING);
	supervisor_remove(fixture->supervisor, "deaf");
	wait_for(fixture, state_of(fixture, "deaf") == SERVICE_STATE_COUNT);
	assert_int_equal(fixture->last_exit.signal, SIGKILL);
	assert_string_equal(read_text(fixture, "data/deaf/asked"), "asked\n");
}

static void test_crash_loop_is_held_and_ended_by_a_new_spec(void **state)
{
	struct fixture *fixture = *state;
	const char *reason;

	set_shell(fixture, "web", "echo broken >&2; exit 3",
		  ",\"restart\":{\"burst\":3,\"delay_ms\":20}", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_HELD);
	assert_int_equal(fixture->notices[NOTICE_EXITED], 3);
	assert_int_equal(fixture->notices[NOTICE_CRASH_LOOP], 1);
	assert_int_equal(fixture->last_exit.code, 3);
	assert_string_equal(fixture->last_stderr, "broken\n");
	assert_contains(status_of(fixture, "web").reason, "exited with 3");
	assert_true(status_of(fixture, "web").retry_at > 0);
	assert_int_equal(supervisor_gate(fixture->supervisor, "web", 0, &reason), GATE_FAILED);

	set_shell(fixture, "web", "exec sleep 1000", "", 2);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	wait_for(fixture, supervisor_gate(fixture->supervisor, "web", 0, &reason) == GATE_OK);
	wait_for(fixture, fixture->notices[NOTICE_RECOVERED] == 1);
}

/* What an agent has seen goes with it: each one needs a burst to see it, and then holds as well. */
static void test_crash_loop_is_held_by_a_returning_agent(void **state)
{
	struct fixture *fixture = *state;

	for (int agents = 1; agents <= 4; agents++) {
		set_shell(fixture, "web", "echo x >> starts; exit 3",
			  ",\"cwd\":\"${muster.data}\",\"restart\":{\"burst\":3,\"delay_ms\":20}",
			  1);
		wait_for(fixture, state_of(fixture, "web") == SERVICE_HELD);
		assert_true(status_of(fixture, "web").retry_at > 0);
		assert_int_equal(strlen(read_text(fixture, "data/web/starts")), 2 * 3 * agents);
		agent_restart(fixture);
	}
}

static void test_missing_program_names_the_cause(void **state)
{
	struct fixture *fixture = *state;

	set_service(fixture, "web",
		    "{\"driver\":\"generic\",\"run\":true,\"parameters\":{"
		    "\"command\":[\"/no/such/program\"],\"restart\":{\"policy\":\"never\"}}}",
		    1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_FAILED);
	assert_contains(fixture->last_exit_text, "could not execute the program: No such file");
	assert_contains(status_of(fixture, "web").reason, "No such file");
}

static void test_policies_end_well_and_badly(void **state)
{
	struct fixture *fixture = *state;
	const char *reason;

	set_shell(fixture, "job", "exit 0", ",\"restart\":{\"policy\":\"on-failure\"}", 1);
	set_shell(fixture, "bad", "exit 4", ",\"restart\":{\"policy\":\"never\"}", 1);
	wait_for(fixture, state_of(fixture, "job") == SERVICE_COMPLETED);
	wait_for(fixture, state_of(fixture, "bad") == SERVICE_FAILED);
	assert_int_equal(supervisor_gate(fixture->supervisor, "job", 1000, &reason), GATE_OK);
	assert_int_equal(supervisor_gate(fixture->supervisor, "bad", 0, &reason), GATE_FAILED);
	/* The next generation does not run a job again that has not changed. */
	set_shell(fixture, "job", "exit 0", ",\"restart\":{\"policy\":\"on-failure\"}", 2);
	assert_int_equal(state_of(fixture, "job"), SERVICE_COMPLETED);
}

static const char *with_files(struct fixture *fixture, const char *main, const char *acl)
{
	return arena_printf(
		fixture->arena,
		"{\"driver\":\"generic\",\"run\":true,\"config\":{\"name\":\"c\",\"version\":1,"
		"\"digest\":\"\",\"files\":[{\"path\":\"main.conf\",\"mode\":\"0644\",\"content\":"
		"\"%s\"},{\"path\":\"x/acl\",\"mode\":\"0644\",\"content\":\"%s\"}]},"
		"\"parameters\":{\"command\":[\"/bin/sh\",\"-c\","
		"\"trap 'echo x >> hup' HUP; touch up; while :; do sleep 0.05; done\"],"
		"\"reload\":{\"signal\":\"SIGHUP\",\"files\":[\"*acl\"]},"
		"\"probes\":[{\"kind\":\"exec\",\"command\":[\"test\",\"-e\",\"up\"]}]}}",
		main, acl);
}

static void test_hot_files_reload_and_others_restart(void **state)
{
	struct fixture *fixture = *state;

	set_service(fixture, "web", with_files(fixture, "a", "a"), 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "web").pid;

	set_service(fixture, "web", with_files(fixture, "a", "a"), 2);
	assert_int_equal(fixture->notices[NOTICE_RELOADED], 0);
	set_service(fixture, "web", with_files(fixture, "a", "b"), 3);
	assert_int_equal(fixture->notices[NOTICE_RELOADED], 1);
	wait_for(fixture, file_exists("data/web/hup"));
	assert_int_equal(status_of(fixture, "web").pid, pid);

	/* A returning agent knows what the process has read already. */
	agent_restart(fixture);
	set_service(fixture, "web", with_files(fixture, "a", "b"), 3);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	assert_int_equal(fixture->notices[NOTICE_RELOADED], 1);
	assert_int_equal(status_of(fixture, "web").pid, pid);

	set_service(fixture, "web", with_files(fixture, "b", "b"), 4);
	wait_for(fixture, status_of(fixture, "web").pid != pid &&
				  state_of(fixture, "web") == SERVICE_RUNNING);
	assert_int_equal(fixture->notices[NOTICE_RELOADED], 1);
}

static void test_commands(void **state)
{
	struct fixture *fixture = *state;
	struct error err = {0};

	set_shell(fixture, "web", "exec sleep 1000", "", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "web").pid;
	assert_success(supervisor_restart(fixture->supervisor, "web", &err), &err);
	wait_for(fixture, status_of(fixture, "web").pid != pid &&
				  state_of(fixture, "web") == SERVICE_RUNNING);
	assert_int_equal(status_of(fixture, "web").restarts, 0);
	assert_success(supervisor_stop(fixture->supervisor, "web", &err), &err);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_STOPPED);
	assert_string_equal(status_of(fixture, "web").reason, "stopped by command");
	assert_success(supervisor_start(fixture->supervisor, "web", &err), &err);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	assert_failure(supervisor_start(fixture->supervisor, "none", &err), &err, ERR_NOT_FOUND);
}

static void test_order_of_start_and_stop(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "app",
		  "echo app >> ../order; trap 'echo app >> ../stops; exit 0' TERM;"
		  "while :; do sleep 0.05; done",
		  ",\"after\":[\"broker\"]", 1);
	set_shell(fixture, "broker",
		  "echo broker >> ../order; trap 'echo broker >> ../stops; exit 0' TERM;"
		  "touch up; while :; do sleep 0.05; done",
		  ",\"probes\":[{\"kind\":\"exec\",\"command\":[\"test\",\"-e\",\"up\"]}]", 1);
	wait_for(fixture, state_of(fixture, "app") == SERVICE_RUNNING);
	wait_for(fixture, file_exists("data/order") &&
				  strcmp(read_text(fixture, "data/order"), "broker\napp\n") == 0);
	supervisor_stop_all(fixture->supervisor, fixture_stopped, fixture);
	wait_for(fixture, fixture->stopped);
	assert_string_equal(read_text(fixture, "data/stops"), "app\nbroker\n");
	fixture->stopped = false;
}

static void shim_ignored(const struct shim_event *event, void *arg)
{
	(void)event;
	(void)arg;
}

static void test_shim_without_a_service_ends_with_its_agent(void **state)
{
	struct fixture *fixture = *state;
	static const char *const COMMAND[] = {"true", NULL};
	static const char *const ENV[] = {NULL};
	struct shim_client *client;
	struct error err = {0};
	const struct shim_start start = {
		.loop = fixture->loop,
		.program = BINARY_DIR "/bin/muster-shim",
		.name = "web",
		.run_dir = "run/shim",
		.log_dir = "log",
		.command = COMMAND,
		.env = ENV,
		.segment_bytes = 1 << 20,
		.segment_count = 2,
		.handler = shim_ignored,
	};

	assert_success(shim_client_spawn(&start, &client, &err), &err);
	wait_for(fixture, file_exists("run/shim/web.sock"));
	shim_client_free(client);
	wait_for(fixture, !file_exists("run/shim/web.sock"));
}

static pid_t parent_of(struct fixture *fixture, pid_t pid)
{
	const char *text =
		read_text(fixture, arena_printf(fixture->arena, "/proc/%d/stat", (int)pid));
	int parent = 0;

	assert_int_equal(sscanf(strrchr(text, ')') + 4, "%d", &parent), 1);
	return parent;
}

static void test_stuck_shim_is_replaced_by_a_returning_agent(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "web", "exec sleep 1000", "", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "web").pid;
	kill(parent_of(fixture, pid), SIGSTOP);
	agent_restart(fixture);
	set_shell(fixture, "web", "exec sleep 1000", "", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	wait_for(fixture, !process_exists(pid));
}

static void test_killed_shim_takes_its_service_along(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "web", "exec sleep 1000", "", 1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "web").pid;
	kill(parent_of(fixture, pid), SIGKILL);
	wait_for(fixture, status_of(fixture, "web").pid != pid &&
				  state_of(fixture, "web") == SERVICE_RUNNING);
	wait_for(fixture, !process_exists(pid));
	assert_string_equal(fixture->last_exit_text, "its shim was killed");
}

/* One that has ended and that nobody has waited for yet has no program any more. */
static bool is_alive(struct fixture *fixture, pid_t pid)
{
	return access(arena_printf(fixture->arena, "/proc/%d/exe", (int)pid), F_OK) == 0;
}

/* What a killed shim leaves is in nobody's hands: it must be gone before there is a second copy. */
static void test_nothing_is_left_of_a_killed_shim(void **state)
{
	struct fixture *fixture = *state;

	if (strcmp(supervisor_limits_kind(fixture->supervisor), "rlimit") == 0)
		skip();
	set_shell(fixture, "web",
		  "[ ! -e child ] || [ ! -e /proc/$(cat child)/exe ] || echo two > two;"
		  "setsid sleep 1000 & echo $! > child.new; mv child.new child; exec sleep 2000",
		  "", 1);
	wait_for(fixture,
		 state_of(fixture, "web") == SERVICE_RUNNING && file_exists("data/web/child"));
	pid_t child = atoi(read_text(fixture, "data/web/child"));
	pid_t pid = status_of(fixture, "web").pid;
	kill(parent_of(fixture, pid), SIGKILL);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING &&
				  status_of(fixture, "web").pid != pid &&
				  atoi(read_text(fixture, "data/web/child")) != child);
	assert_false(is_alive(fixture, child));
	assert_false(file_exists("data/web/two"));
	/* The same when it is not to start again. */
	child = atoi(read_text(fixture, "data/web/child"));
	pid_t shim = parent_of(fixture, status_of(fixture, "web").pid);
	supervisor_remove(fixture->supervisor, "web");
	kill(shim, SIGKILL);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_STATE_COUNT);
	assert_false(is_alive(fixture, child));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_service_starts_and_stops),
		TEST(test_killed_service_returns),
		TEST(test_agent_restart_adopts_the_same_process),
		TEST(test_exit_while_the_agent_was_away_is_told),
		TEST(test_new_version_for_a_returning_agent_restarts),
		TEST(test_unwanted_services_are_pruned),
		TEST(test_double_fork_is_held_and_stopped),
		TEST(test_children_of_a_crashed_service_go),
		TEST(test_ignored_sigterm_ends_in_sigkill),
		TEST(test_what_ignores_the_stop_gets_a_last_request),
		TEST(test_crash_loop_is_held_and_ended_by_a_new_spec),
		TEST(test_crash_loop_is_held_by_a_returning_agent),
		TEST(test_missing_program_names_the_cause),
		TEST(test_policies_end_well_and_badly),
		TEST(test_hot_files_reload_and_others_restart),
		TEST(test_commands),
		TEST(test_order_of_start_and_stop),
		TEST(test_killed_shim_takes_its_service_along),
		TEST(test_nothing_is_left_of_a_killed_shim),
		TEST(test_shim_without_a_service_ends_with_its_agent),
		TEST(test_stuck_shim_is_replaced_by_a_returning_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
