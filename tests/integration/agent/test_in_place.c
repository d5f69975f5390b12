/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that were there before Muster: their files, and they themselves. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "world_messages.h"

/* A folder of the machine, outside of the agent's own. */
static char *outside(struct world *world, const char *name)
{
	return arena_printf(world->fixture->arena, "%s-machine%s%s", world->fixture->root,
			    *name ? "/" : "", name);
}

static void write_outside(struct world *world, const char *name, const char *text, mode_t mode)
{
	struct error err = {0};

	assert_success(file_make_folders(outside(world, ""), 0755, &err), &err);
	assert_success(file_write_atomic(outside(world, name), text, strlen(text), mode, &err),
		       &err);
}

static mode_t mode_of(const char *path)
{
	struct stat status = {0};

	assert_int_equal(lstat(path, &status), 0);
	return status.st_mode & 07777;
}

static int teardown_machine(void **state)
{
	char folder[64];
	struct world *world = *state;
	struct error err = {0};

	snprintf(folder, sizeof(folder), "%s-machine", world->fixture->root);
	int result = teardown(state);
	assert_success(file_remove_tree(folder, &err), &err);
	return result;
}

static char *in_place(struct world *world, const char *path, const char *more)
{
	return arena_printf(world->fixture->arena, ",\"in_place\":{\"f\":\"%s\"}%s", path, more);
}

static void files_are_adopted_and_given_back(void **state)
{
	struct world *world = *state;
	char *path = outside(world, "app.conf"), *absent = outside(world, "sub/new.conf");
	char *one = shell(world, "a", SLEEP, "one ${muster.node}", in_place(world, path, ""));
	char *two = shell(world, "a", SLEEP, "two", in_place(world, path, ""));
	char *bad = shell(world, "a", "exit 1", "bad", in_place(world, path, ""));
	char *moved = shell(world, "a", SLEEP, "moved", in_place(world, absent, ""));

	write_outside(world, "app.conf", "first\n", 0604);
	send_services(world, 1, one, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	assert_string_equal(read_file(world, path), "one nabcdefghijklmnopqrst");
	assert_int_equal(mode_of(path), 0644);
	send_services(world, 2, two, 0);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
	assert_string_equal(read_file(world, path), "two");

	/* What somebody has edited is drift, and comes back exactly when a change fails. */
	write_outside(world, "app.conf", "edited by hand", 0600);
	reconcile_notice(world->reconcile);
	wait_for(world->fixture, has_message(world, CHANNEL_REPORTED, "\"drift_files\":[\"f\"]"));
	send_services(world, 3, bad, 100);
	wait_for(world->fixture, has_result(world, 3, "rolled_back"));
	assert_string_equal(read_file(world, path), "edited by hand");
	assert_int_equal(mode_of(path), 0600);

	/* A path that no version manages any more gets back what stood there before Muster. */
	send_services(world, 4, moved, 0);
	wait_for(world->fixture, has_result(world, 4, "succeeded"));
	assert_string_equal(read_file(world, path), "first\n");
	assert_int_equal(mode_of(path), 0604);
	assert_string_equal(read_file(world, absent), "moved");
	send_services(world, 5, one, 0);
	wait_for(world->fixture, has_result(world, 5, "succeeded"));
	assert_false(file_exists(absent));

	/* An agent that dies in the middle forgets nothing of it. */
	stop_agent(world);
	start_agent(world);
	send_services(world, 6, "", 0);
	wait_for(world->fixture, has_result(world, 6, "succeeded"));
	assert_string_equal(read_file(world, path), "first\n");
	assert_int_equal(mode_of(path), 0604);
	wait_for(world->fixture, !file_exists("originals/a"));
}

static void a_failed_adoption_leaves_no_trace(void **state)
{
	struct world *world = *state;
	char *path = outside(world, "app.conf");
	char *link = outside(world, "link.conf");
	char *bad = shell(world, "a", "exit 1", "new", in_place(world, link, ""));
	char target[64];

	write_outside(world, "app.conf", "first\n", 0640);
	assert_int_equal(symlink(path, link), 0);
	send_services(world, 1, bad, 100);
	wait_for(world->fixture, has_result(world, 1, "rolled_back"));
	assert_string_equal(read_file(world, path), "first\n");
	ssize_t length = readlink(link, target, sizeof(target) - 1);
	assert_true(length > 0);
	target[length] = '\0';
	assert_string_equal(target, path);
}

static void places_that_cannot_be_are_refused(void **state)
{
	struct world *world = *state;
	const char *paths[] = {
		"relative",
		"/etc/../etc/x",
		"/proc/1/x",
		"/sys/x",
		"/etc//x",
		arena_printf(world->fixture->arena, "%s/state.db", world->fixture->root)};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		int64_t generation = (int64_t)i + 1;

		send_services(world, generation,
			      shell(world, "a", SLEEP, "x", in_place(world, paths[i], "")), 0);
		wait_for(world->fixture, has_result(world, generation, "refused"));
	}
}

/* A systemctl that keeps the states of units as files. */
static void fake_systemd(struct world *world)
{
	static const char SCRIPT[] = "#!/bin/sh\n"
				     "u=$(dirname $0)/$3\n"
				     "[ -e $u.unit ] || exit 5\n"
				     "case $1 in\n"
				     "is-active) [ -e $u.active ];;\n"
				     "is-enabled) [ -e $u.enabled ];;\n"
				     "start) touch $u.active;;\n"
				     "stop) rm -f $u.active;;\n"
				     "enable) touch $u.enabled;;\n"
				     "disable) rm -f $u.enabled;;\n"
				     "esac\n";
	const char *path =
		arena_printf(world->fixture->arena, "%s:/usr/bin:/bin", outside(world, ""));

	write_outside(world, "systemctl", SCRIPT, 0755);
	write_outside(world, "app.service.unit", "", 0644);
	write_outside(world, "app.service.active", "", 0644);
	write_outside(world, "app.service.enabled", "", 0644);
	assert_int_equal(setenv("PATH", path, 1), 0);
}

static bool unit_is(struct world *world, const char *what)
{
	return file_exists(
		outside(world, arena_printf(world->fixture->arena, "app.service.%s", what)));
}

static void a_unit_is_taken_over_and_given_back(void **state)
{
	struct world *world = *state;
	const char *take = ",\"take_over\":{\"unit\":\"app.service\"}";
	char *good = shell(world, "a", SLEEP, "1", take);
	char *next = shell(world, "a", SLEEP, "2", take);
	char *bad = shell(world, "a", "exit 1", "3", take);
	char *unknown =
		shell(world, "a", SLEEP, "4", ",\"take_over\":{\"unit\":\"nobody.service\"}");

	fake_systemd(world);
	send_services(world, 1, bad, 100);
	wait_for(world->fixture, has_result(world, 1, "rolled_back"));
	assert_true(unit_is(world, "active") && unit_is(world, "enabled"));

	send_services(world, 2, good, 0);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
	assert_false(unit_is(world, "active") || unit_is(world, "enabled"));
	/* One that has worked does not give back what it never took. */
	send_services(world, 3, next, 0);
	wait_for(world->fixture, has_result(world, 3, "succeeded"));
	send_services(world, 4, shell(world, "a", "exit 2", "3", take), 100);
	wait_for(world->fixture, has_result(world, 4, "rolled_back"));
	assert_false(unit_is(world, "active"));

	send_services(world, 5, "", 0);
	wait_for(world->fixture, has_result(world, 5, "succeeded"));
	assert_true(unit_is(world, "active") && unit_is(world, "enabled"));

	send_services(world, 6, unknown, 0);
	wait_for(world->fixture, has_result(world, 6, "rolled_back"));
	assert_true(has_message(world, CHANNEL_RESULT, "cannot take over nobody.service"));
}

static pid_t start_tool(struct world *world)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(outside(world, "tool"), "tool", "1000", (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void copy_tool(struct world *world)
{
	struct error err = {0};

	assert_success(file_make_folders(outside(world, ""), 0755, &err), &err);
	assert_success(file_copy_tree("/bin/sleep", outside(world, "tool"), &err), &err);
}

static void a_process_is_taken_over_by_its_pid_file(void **state)
{
	struct world *world = *state;
	char *again = outside(world, "again");
	char *file = outside(world, "app.pid");
	char *service = shell(world, "a", SLEEP, "1",
			      arena_printf(world->fixture->arena,
					   ",\"take_over\":{\"pid_file\":\"%s\",\"start\":"
					   "[\"/bin/sh\",\"-c\",\"echo yes > %s\"]}",
					   file, again));
	int status;

	copy_tool(world);
	pid_t pid = start_tool(world);
	write_outside(world, "app.pid", arena_printf(world->fixture->arena, "%d\n", (int)pid),
		      0644);
	send_services(world, 1, service, 0);
	wait_for(world->fixture, has_result(world, 1, "succeeded"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_false(file_exists(again));
	send_services(world, 2, "", 0);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
	assert_string_equal(read_file(world, again), "yes\n");
}

static void a_stale_pid_file_ends_nobody(void **state)
{
	struct world *world = *state;
	char *file = outside(world, "app.pid");
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	const struct take_over_spec spec = {.pid_file = file};
	struct error err = {0};

	copy_tool(world);
	pid_t pid = start_tool(world);
	write_outside(world, "app.pid", arena_printf(world->fixture->arena, "%d\n", (int)pid),
		      0644);
	assert_int_equal(utimensat(AT_FDCWD, file, old, 0), 0);
	assert_success(take_over("a", 1, &spec, &err), &err);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	/* One that anybody may write is not believed. */
	assert_int_equal(chmod(file, 0666), 0);
	assert_failure(take_over("b", 1, &spec, &err), &err, ERR_FORBIDDEN);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Not a child of ours: what the agent has started itself is nobody's rival. */
static pid_t start_stranger(struct world *world)
{
	FILE *shell = popen(arena_printf(world->fixture->arena,
					 "setsid %s 1000 > /dev/null 2>&1 & echo $!",
					 outside(world, "tool")),
			    "r");
	int pid = 0;

	assert_non_null(shell);
	assert_int_equal(fscanf(shell, "%d", &pid), 1);
	pclose(shell);
	return pid;
}

/* "" when it is gone, also when nobody has collected it. */
static const char *command_of(struct world *world, pid_t pid)
{
	return read_file(world, arena_printf(world->fixture->arena, "/proc/%d/cmdline", (int)pid));
}

static void a_second_copy_of_a_running_program_is_refused(void **state)
{
	struct world *world = *state;
	char *service =
		arena_printf(world->fixture->arena,
			     "\"a\":{\"driver\":\"generic\",\"run\":true,\"package\":null,"
			     "\"config\":null,\"parameters\":{\"command\":[\"%s\",\"1000\"],"
			     "\"in_place\":{}}}",
			     outside(world, "tool"));

	copy_tool(world);
	pid_t pid = start_stranger(world);
	wait_for(world->fixture, strncmp(read_file(world, arena_printf(world->fixture->arena,
								       "/proc/%d/comm", (int)pid)),
					 "tool", 4) == 0);
	send_services(world, 1, service, 0);
	wait_for(world->fixture, has_result(world, 1, "refused"));
	assert_true(has_message(world, CHANNEL_RESULT, "\"code\":\"already_running\""));
	kill(pid, SIGKILL);
	wait_for(world->fixture, !command_of(world, pid)[0]);
	/* The content was not to blame. */
	send_services(world, 2, service, 0);
	wait_for(world->fixture, has_result(world, 2, "succeeded"));
	/* Its own service is nobody's rival. */
	send_services(
		world, 3,
		arena_printf(world->fixture->arena, "%s,\"b\":%s", service, strchr(service, '{')),
		0);
	wait_for(world->fixture, has_result(world, 3, "succeeded"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_are_adopted_and_given_back, setup,
						teardown_machine),
		cmocka_unit_test_setup_teardown(a_failed_adoption_leaves_no_trace, setup,
						teardown_machine),
		cmocka_unit_test_setup_teardown(places_that_cannot_be_are_refused, setup,
						teardown_machine),
		cmocka_unit_test_setup_teardown(a_unit_is_taken_over_and_given_back, setup,
						teardown_machine),
		cmocka_unit_test_setup_teardown(a_process_is_taken_over_by_its_pid_file, setup,
						teardown_machine),
		cmocka_unit_test_setup_teardown(a_stale_pid_file_ends_nobody, setup,
						teardown_machine),
		cmocka_unit_test_setup_teardown(a_second_copy_of_a_running_program_is_refused,
						setup, teardown_machine),
	};
	int child = world_child(argc, argv);

	return child >= 0 ? child : cmocka_run_group_tests(tests, NULL, NULL);
}
