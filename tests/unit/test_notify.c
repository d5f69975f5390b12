/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/notify.h"
#include "temporary_folder.h"
#include "test.h"

/* The socket of a service manager; a name that begins with '@' is an abstract one. */
static int manager_listen(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
	setenv("NOTIFY_SOCKET", path, 1);
	return fd;
}

static void assert_heard(int fd, const char *expected)
{
	char message[2048] = "";

	assert_int_equal(recv(fd, message, sizeof(message) - 1, 0), (ssize_t)strlen(expected));
	assert_string_equal(message, expected);
}

static void check_messages(const char *path)
{
	struct notify notify;
	int fd = manager_listen(path);

	notify_init(&notify);
	assert_int_equal(notify.watchdog_ms, 0);
	notify_send(&notify, "READY=1\nSTATUS=%d services", 3);
	assert_heard(fd, "READY=1\nSTATUS=3 services");
	close(fd);
	/* A manager that is gone is not our trouble. */
	notify_send(&notify, "WATCHDOG=1");
	notify_release(&notify);
}

static void test_messages_reach_a_socket_of_either_kind(void **state)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/notify", (const char *)*state);
	check_messages(path);
	snprintf(path, sizeof(path), "@muster-test-%d", (int)getpid());
	check_messages(path);
}

static void test_children_do_not_inherit_it(void **state)
{
	struct notify notify;

	(void)state;
	setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	unsetenv("WATCHDOG_PID");
	notify_init(&notify);
	assert_int_equal(notify.watchdog_ms, 30000);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	notify_release(&notify);
}

static void test_a_watchdog_of_another_process_is_not_ours(void **state)
{
	struct notify notify;

	(void)state;
	setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	notify_init(&notify);
	assert_int_equal(notify.watchdog_ms, 0);
	assert_null(getenv("WATCHDOG_PID"));
	notify_release(&notify);
}

static void test_nobody_wants_to_know(void **state)
{
	static const char *const SOCKETS[] = {NULL, "", "@", "relative", "vsock:2:1"};
	struct notify notify;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(SOCKETS); i++) {
		if (SOCKETS[i])
			setenv("NOTIFY_SOCKET", SOCKETS[i], 1);
		setenv("WATCHDOG_USEC", "30000000", 1);
		notify_init(&notify);
		assert_int_equal(notify.fd, -1);
		assert_int_equal(notify.watchdog_ms, 0);
		notify_send(&notify, "READY=1");
		notify_release(&notify);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_messages_reach_a_socket_of_either_kind,
						temporary_folder_setup, temporary_folder_teardown),
		cmocka_unit_test(test_children_do_not_inherit_it),
		cmocka_unit_test(test_a_watchdog_of_another_process_is_not_ours),
		cmocka_unit_test(test_nobody_wants_to_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
