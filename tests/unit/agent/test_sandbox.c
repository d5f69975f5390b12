/* SPDX-License-Identifier: Apache-2.0 */
/* Each attempt runs in a child of its own, since there is no way out again. */
#include "fetch/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "temporary_folder.h"
#include "test.h"

static bool write_inside(void)
{
	int fd = open("store/file", O_WRONLY | O_CREAT, 0600);

	return fd >= 0 && write(fd, "x", 1) == 1 && mkdir("store/folder", 0700) == 0 &&
	       rename("store/file", "store/other") == 0 && unlink("store/other") == 0;
}

static bool write_outside(void)
{
	return open("outside", O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool read_outside(void)
{
	return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool remove_outside(void)
{
	return rmdir("empty") == 0;
}

static bool run_a_program(void)
{
	char *const arguments[] = {(char *)(uintptr_t) "true", NULL};

	return execv("/bin/true", arguments) == 0;
}

static bool start_a_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool open_a_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool make_a_device(void)
{
	return mknod("store/null", S_IFCHR | 0666, 0x103) == 0;
}

static bool make_a_hard_link(void)
{
	return link("/etc/passwd", "store/passwd") == 0 ||
	       linkat(AT_FDCWD, "/etc/passwd", AT_FDCWD, "store/passwd", 0) == 0;
}

static bool change_the_owner(void)
{
	return chown("store", 12345, 12345) == 0;
}

static bool succeeds_inside(const char *folder, bool (*attempt)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (chdir(folder) != 0)
			_exit(2);
		sandbox_enter("store");
		_exit(attempt() ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

static int setup(void **state)
{
	struct error err;
	char path[256];

	if (temporary_folder_setup(state) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/store", (char *)*state);
	bool ok = file_make_folders(path, 0755, &err);
	snprintf(path, sizeof(path), "%s/empty", (char *)*state);
	return ok && file_make_folders(path, 0755, &err) ? 0 : -1;
}

static void leaves_room_to_work(void **state)
{
	assert_true(succeeds_inside(*state, write_inside));
}

static void takes_all_the_rest(void **state)
{
	assert_false(succeeds_inside(*state, run_a_program));
	assert_false(succeeds_inside(*state, start_a_process));
	assert_false(succeeds_inside(*state, open_a_socket));
	assert_false(succeeds_inside(*state, make_a_device));
	assert_false(succeeds_inside(*state, make_a_hard_link));
	assert_false(succeeds_inside(*state, change_the_owner));
}

static void keeps_to_its_folder_where_the_kernel_can(void **state)
{
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
		skip();
	assert_false(succeeds_inside(*state, write_outside));
	assert_false(succeeds_inside(*state, read_outside));
	assert_false(succeeds_inside(*state, remove_outside));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(leaves_room_to_work, setup,
						temporary_folder_teardown),
		cmocka_unit_test_setup_teardown(takes_all_the_rest, setup,
						temporary_folder_teardown),
		cmocka_unit_test_setup_teardown(keeps_to_its_folder_where_the_kernel_can, setup,
						temporary_folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
