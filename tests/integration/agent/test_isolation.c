/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <sys/stat.h>

/* Runs a script to its end and gives what it has written to the file "out". */
static const char *output_of(struct fixture *fixture, const char *script, const char *more)
{
	set_shell(fixture, "job", arena_printf(fixture->arena, "exec > out; %s", script),
		  arena_printf(fixture->arena, ",\"restart\":{\"policy\":\"never\"}%s", more), 1);
	wait_for(fixture, state_of(fixture, "job") == SERVICE_COMPLETED ||
				  state_of(fixture, "job") == SERVICE_FAILED);
	if (state_of(fixture, "job") == SERVICE_FAILED)
		fail_msg("%s", fixture->last_exit_text);
	return read_text(fixture, "data/job/out");
}

static void test_environment_of_the_agent_stays_with_it(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(setenv("MUSTER_TOKEN", "mst_secret", 1), 0);
	const char *out = output_of(fixture, "env", ",\"env\":{\"A\":\"b\",\"LANG\":\"C\"}");
	assert_int_equal(unsetenv("MUSTER_TOKEN"), 0);
	assert_null(strstr(out, "secret"));
	assert_contains(out, "A=b\n");
	assert_contains(out, "LANG=C\n");
	assert_contains(out, "PATH=/usr/local/sbin:");
}

static void test_descriptors_of_the_agent_stay_with_it(void **state)
{
	struct fixture *fixture = *state;
	const char *out = output_of(fixture, "ls -l /proc/self/fd", "");

	/* Nothing but the three standard ones, and the one that ls reads the folder with. */
	assert_contains(out, " 0 -> /dev/null\n");
	assert_contains(out, " 2 -> pipe:");
	assert_null(strstr(out, "socket:"));
	assert_null(strstr(out, " 4 -> "));
}

static void test_no_new_privileges_and_files(void **state)
{
	struct fixture *fixture = *state;
	const char *out = output_of(fixture, "grep NoNewPrivs /proc/self/status; ulimit -n",
				    ",\"limits\":{\"files\":123}");

	assert_string_equal(out, "NoNewPrivs:\t1\n123\n");
}

static void test_signals_are_as_a_program_expects_them(void **state)
{
	struct fixture *fixture = *state;
	const char *out = output_of(fixture, "grep -E 'SigBlk|SigIgn' /proc/self/status", "");

	assert_string_equal(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void test_other_user(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fixture->root, 0711), 0);
	const char *out = output_of(fixture, "id -un; id -u; touch mine ${muster.run}/mine",
				    ",\"user\":\"nobody\"");
	assert_string_equal(out, "nobody\n65534\n");
	struct stat status;
	assert_int_equal(stat("data/job/mine", &status), 0);
	assert_int_equal(status.st_uid, 65534);
	assert_int_equal(stat("run/services/job/mine", &status), 0);
}

static void test_capabilities(void **state)
{
	struct fixture *fixture = *state;
	static const char SCRIPT[] = "grep -E 'Cap(Prm|Eff|Bnd)' /proc/self/status";

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fixture->root, 0711), 0);
	/* Before the folder of the service is given away. */
	assert_string_equal(output_of(fixture, SCRIPT, ",\"capabilities\":[]"),
			    "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
			    "CapBnd:\t0000000000000000\n");
	assert_int_equal(unlink("data/job/out"), 0);
	/* Number 10: the port below 1024 that a broker may want without being root. */
	assert_string_equal(output_of(fixture, SCRIPT,
				      ",\"user\":\"nobody\",\"capabilities\":["
				      "\"CAP_NET_BIND_SERVICE\"]"),
			    "CapPrm:\t0000000000000400\nCapEff:\t0000000000000400\n"
			    "CapBnd:\t0000000000000400\n");
	const char *out = output_of(fixture, SCRIPT, ",\"user\":\"nobody\"");
	assert_contains(out, "CapEff:\t0000000000000000\n");
}

static void test_new_privileges_where_asked(void **state)
{
	struct fixture *fixture = *state;

	assert_string_equal(
		output_of(fixture, "grep NoNewPrivs /proc/self/status", ",\"no_new_privs\":false"),
		"NoNewPrivs:\t0\n");
}

static void test_private_tmp(void **state)
{
	struct fixture *fixture = *state;
	const char *mine = arena_printf(fixture->arena, "/tmp/mine-%d", (int)getpid());
	const char *script = arena_printf(fixture->arena, "ls /tmp /var/tmp; touch %s", mine);

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fixture->root, 0711), 0);
	/* Nothing of the machine but, since it is below /tmp here, the folder of the agent. */
	for (int i = 0; i < 2; i++) {
		const char *out =
			output_of(fixture, script, ",\"user\":\"nobody\",\"private_tmp\":true");

		assert_string_equal(out, arena_printf(fixture->arena, "/tmp:\n%s\n\n/var/tmp:\n",
						      fixture->root + strlen("/tmp/")));
		assert_false(file_exists(mine));
	}
}

static pid_t parent_of(struct fixture *fixture, pid_t pid)
{
	const char *text =
		read_text(fixture, arena_printf(fixture->arena, "/proc/%d/stat", (int)pid));
	int parent = 0;

	assert_int_equal(sscanf(strrchr(text, ')') + 4, "%d", &parent), 1);
	return parent;
}

/* Changes of user and capabilities both make the kernel forget whose death a process dies with. */
static void test_killed_shim_takes_a_confined_service_along(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(fixture->root, 0711), 0);
	set_shell(fixture, "web", "exec sleep 1000",
		  ",\"user\":\"nobody\",\"capabilities\":[\"CAP_NET_RAW\"],\"private_tmp\":true",
		  1);
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING);
	pid_t pid = status_of(fixture, "web").pid;
	kill(parent_of(fixture, pid), SIGKILL);
	wait_for(fixture, !process_exists(pid));
	wait_for(fixture, state_of(fixture, "web") == SERVICE_RUNNING &&
				  status_of(fixture, "web").pid != pid);
}

static void test_unknown_user_is_a_failed_start(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "job", "true",
		  ",\"user\":\"no-such-user\",\"restart\":{\"policy\":\"never\"}", 1);
	wait_for(fixture, state_of(fixture, "job") == SERVICE_FAILED);
	assert_contains(fixture->last_exit_text, "no user no-such-user");
}

static void test_memory_limit_holds(void **state)
{
	struct fixture *fixture = *state;

	/* Without a cgroup nothing holds memory: a limit of the address space is another thing. */
	if (strcmp(supervisor_limits_kind(fixture->supervisor), "rlimit") == 0)
		skip();
	set_service(fixture, "eater",
		    "{\"driver\":\"generic\",\"run\":true,\"parameters\":{\"command\":["
		    "\"python3\",\"-c\",\"x = bytearray(400 << 20)\"],"
		    "\"limits\":{\"memory_bytes\":67108864},\"restart\":{\"policy\":\"never\"}}}",
		    1);
	wait_for(fixture, state_of(fixture, "eater") == SERVICE_FAILED);
	assert_int_equal(fixture->last_exit.signal, SIGKILL);
}

static void test_fork_storm_is_stopped(void **state)
{
	struct fixture *fixture = *state;

	set_shell(fixture, "storm",
		  "touch up; while :; do (while :; do sleep 0.01; done) & sleep 0.002; done",
		  ",\"limits\":{\"pids\":200},\"stop\":{\"signal\":\"SIGTERM\",\"grace_ms\":100},"
		  "\"probes\":[{\"kind\":\"exec\",\"command\":[\"test\",\"-e\",\"up\"]}]",
		  1);
	wait_for(fixture, state_of(fixture, "storm") == SERVICE_RUNNING);
	supervisor_remove(fixture->supervisor, "storm");
	/* The shim says that it is over only when nothing of it is left. */
	wait_for(fixture, state_of(fixture, "storm") == SERVICE_STATE_COUNT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_environment_of_the_agent_stays_with_it),
		TEST(test_descriptors_of_the_agent_stay_with_it),
		TEST(test_no_new_privileges_and_files),
		TEST(test_signals_are_as_a_program_expects_them),
		TEST(test_other_user),
		TEST(test_capabilities),
		TEST(test_new_privileges_where_asked),
		TEST(test_private_tmp),
		TEST(test_killed_shim_takes_a_confined_service_along),
		TEST(test_unknown_user_is_a_failed_start),
		TEST(test_memory_limit_holds),
		TEST(test_fork_storm_is_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
