/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/spawn.h"
#include "temporary_folder.h"
#include "test.h"

/* Runs "sh -c script", with what it writes to descriptor 1 in out. */
static int run_script(const char *script, struct spawn_options *options, char *out, size_t size)
{
	char shell[] = "sh", flag[] = "-c";
	char *text = xstrdup(script);
	char *argv[] = {shell, flag, text, NULL};
	struct spawn_fd fds[8];
	struct child child;
	struct error err;
	size_t used = 0;
	ssize_t count;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	memcpy(fds, options->fds, options->fd_count * sizeof(*fds));
	fds[options->fd_count] = (struct spawn_fd){.parent = ends[1], .child = 1};
	struct spawn_options all = *options;
	all.argv = argv;
	all.fds = fds;
	all.fd_count++;
	assert_success(spawn(&all, &child, &err), &err);
	close(ends[1]);
	while ((count = read(ends[0], out + used, size - 1 - used)) > 0)
		used += (size_t)count;
	out[used] = '\0';
	close(ends[0]);
	free(text);
	return child_wait(&child);
}

static void test_output_and_status(void **state)
{
	struct spawn_fd none[1] = {{0, 0}};
	struct spawn_options options = {.fds = none};
	char out[256];

	(void)state;
	int status = run_script("echo hello; exit 3", &options, out, sizeof(out));
	assert_string_equal(out, "hello\n");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_string_equal(wait_status_text(status), "exited with 3");
	status = run_script("kill -9 $$", &options, out, sizeof(out));
	assert_string_equal(wait_status_text(status), "killed by signal 9 (KILL)");
}

static void test_child_sees_only_its_descriptors(void **state)
{
	struct spawn_fd none[1] = {{0, 0}};
	struct spawn_options options = {.fds = none};
	char out[256];
	int leak = open("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */

	(void)state;
	assert_true(leak > 2);
	run_script("for f in /proc/self/fd/*; do n=${f##*/}; [ -e /proc/$$/fd/$n ] && echo $n; "
		   "done; readlink /proc/$$/fd/0 /proc/$$/fd/2",
		   &options, out, sizeof(out));
	/* 0, 1, 2, and nothing that was open here. The shell itself may use 10 and up. */
	assert_contains(out, "0\n1\n2\n");
	char *link = out + strlen("0\n1\n2\n");
	assert_int_not_equal(atoi(link), leak);
	assert_contains(out, "/dev/null\n/dev/null\n");
	close(leak);
}

static void test_descriptors_may_swap_places(void **state)
{
	int a[2], b[2];
	char out[64], text[8] = "";

	(void)state;
	assert_int_equal(pipe2(a, O_CLOEXEC), 0);
	assert_int_equal(pipe2(b, O_CLOEXEC), 0);
	/* Each is to become the other. */
	const struct spawn_fd fds[] = {{a[1], b[1]}, {b[1], a[1]}};
	struct spawn_options options = {.fds = fds, .fd_count = 2};
	char script[64];
	snprintf(script, sizeof(script), "echo A >&%d; echo B >&%d", b[1], a[1]);
	run_script(script, &options, out, sizeof(out));
	assert_int_equal(read(a[0], text, sizeof(text)), 2);
	assert_memory_equal(text, "A\n", 2);
	assert_int_equal(read(b[0], text, sizeof(text)), 2);
	assert_memory_equal(text, "B\n", 2);
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
}

static void test_environment_folder_limits(void **state)
{
	char home[] = "HOME=/nowhere", path[] = "PATH=/usr/bin:/bin";
	char *env[] = {home, path, NULL};
	const struct spawn_limit limits[] = {{RLIMIT_NOFILE, 77}};
	struct spawn_fd none[1] = {{0, 0}};
	struct spawn_options options = {
		.fds = none,
		.env = env,
		.folder = *state,
		.limits = limits,
		.limit_count = 1,
		.umask = 027,
		.flags = SPAWN_NO_NEW_PRIVS | SPAWN_DIE_WITH_PARENT,
	};
	char out[1024], expected[256];

	run_script("pwd; echo $HOME; ulimit -n; umask; grep NoNewPrivs /proc/self/status", &options,
		   out, sizeof(out));
	snprintf(expected, sizeof(expected), "%s\n/nowhere\n77\n0027\nNoNewPrivs:\t1\n",
		 (char *)*state);
	assert_string_equal(out, expected);
}

static void test_signals_are_reset(void **state)
{
	struct spawn_fd none[1] = {{0, 0}};
	struct spawn_options options = {.fds = none};
	sigset_t blocked, before;
	char out[1024];

	(void)state;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	signal(SIGPIPE, SIG_IGN);
	/* As glibc's posix_spawn leaves its own two to a program that it starts. */
	static const struct {
		void (*handler)(int);
		char rest[56];
	} ignore = {.handler = SIG_IGN};
	assert_int_equal(syscall(SYS_rt_sigaction, 32, &ignore, NULL, 8), 0);
	assert_int_equal(syscall(SYS_rt_sigaction, 33, &ignore, NULL, 8), 0);
	run_script("grep -E 'Sig(Blk|Ign)' /proc/self/status", &options, out, sizeof(out));
	signal(SIGPIPE, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert_string_equal(out, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void test_failures_before_exec_are_reported(void **state)
{
	char missing[] = "/nonexistent/program", unknown[] = "no-such-program-here";
	char folder[] = "/tmp", shell[] = "/bin/sh";
	char *argv[] = {missing, NULL};
	struct spawn_options options = {.argv = argv};
	struct child child = {.pid = -7};
	struct error err;

	(void)state;
	assert_failure(spawn(&options, &child, &err), &err, ERR_NOT_FOUND);
	assert_contains(err.text, "could not execute the program");
	argv[0] = unknown;
	assert_failure(spawn(&options, &child, &err), &err, ERR_NOT_FOUND);
	argv[0] = folder;
	assert_failure(spawn(&options, &child, &err), &err, ERR_FORBIDDEN);
	argv[0] = shell;
	options.folder = "/nonexistent";
	assert_failure(spawn(&options, &child, &err), &err, ERR_NOT_FOUND);
	assert_contains(err.text, "enter the folder");
	assert_int_equal(child.pid, -7);
	/* Nothing is left to wait for. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_stop_reaches_the_whole_group(void **state)
{
	char shell[] = "sh", flag[] = "-c";
	/* The grandchild holds the pipe and ignores SIGTERM; so does the shell. */
	char script[] = "trap '' TERM; sleep 1000 & echo ready; wait";
	char *argv[] = {shell, flag, script, NULL};
	struct child child;
	struct error err;
	char text[16];
	int ends[2], status;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	const struct spawn_fd fds[] = {{ends[1], 1}};
	const struct spawn_options options = {
		.argv = argv,
		.fds = fds,
		.fd_count = 1,
		.flags = SPAWN_SESSION,
	};
	assert_success(spawn(&options, &child, &err), &err);
	close(ends[1]);
	assert_int_equal(read(ends[0], text, sizeof(text)), 6);
	assert_false(child_wait_timeout(&child, 0, &status));
	status = child_stop(&child, true, 10);
	assert_string_equal(wait_status_text(status), "killed by signal 9 (KILL)");
	/* End of file: the grandchild is gone as well. */
	assert_int_equal(read(ends[0], text, sizeof(text)), 0);
	close(ends[0]);
	assert_int_equal(child.pidfd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_and_status),
		cmocka_unit_test(test_child_sees_only_its_descriptors),
		cmocka_unit_test(test_descriptors_may_swap_places),
		cmocka_unit_test_setup_teardown(test_environment_folder_limits,
						temporary_folder_setup, temporary_folder_teardown),
		cmocka_unit_test(test_signals_are_reset),
		cmocka_unit_test(test_failures_before_exec_are_reported),
		cmocka_unit_test(test_stop_reaches_the_whole_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
