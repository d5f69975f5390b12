/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, ports, certificate names and the lock of musterd standalone. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "standalone/names.h"
#include "standalone/ports.h"
#include "standalone/tree.h"

struct fixture {
	char folder[32];
	struct arena *arena;
	struct error err;
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	memcpy(fixture->folder, "/tmp/saXXXXXX", sizeof("/tmp/saXXXXXX"));
	assert_non_null(mkdtemp(fixture->folder));
	fixture->arena = arena_new();
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	assert_true(file_remove_tree(fixture->folder, &fixture->err));
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static void parses_listen_addresses(void **state)
{
	static const char *const wrong[] = {
		"", "8443", ":8443", "host:", "host:x", "h:-1", "h:65536", "::1:5", "h:1 ", "[]:1",
	};
	struct fixture *fixture = *state;
	struct listen_address address;

	assert_true(
		listen_address_parse("127.0.0.1:8443", fixture->arena, &address, &fixture->err));
	assert_string_equal(address.host, "127.0.0.1");
	assert_int_equal(address.port, 8443);
	assert_true(listen_address_parse("[::1]:0", fixture->arena, &address, &fixture->err));
	assert_string_equal(address.host, "::1");
	assert_string_equal(listen_address_text(&address, fixture->arena), "[::1]:0");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_false(
			listen_address_parse(wrong[i], fixture->arena, &address, &fixture->err));
		assert_int_equal(fixture->err.code, ERR_INVALID);
	}
}

static const struct ports ANY_PORTS = {
	.https = {"127.0.0.1", 0},
	.mqtt = {{"127.0.0.1", 0}, {"127.0.0.1", 0}},
	.mqtt_count = 2,
};

static void keeps_chosen_ports(void **state)
{
	struct fixture *fixture = *state;
	const char *path = arena_printf(fixture->arena, "%s/ports.json", fixture->folder);
	struct ports first = ANY_PORTS, second = first;

	assert_true(ports_settle(path, &first, fixture->arena, &fixture->err));
	assert_int_not_equal(first.https.port, 0);
	assert_int_not_equal(first.mqtt[0].port, 0);
	assert_int_not_equal(first.mqtt[1].port, first.mqtt[0].port);
	assert_true(ports_settle(path, &second, fixture->arena, &fixture->err));
	assert_int_equal(second.https.port, first.https.port);
	assert_int_equal(second.mqtt[0].port, first.mqtt[0].port);
	assert_int_equal(second.mqtt[1].port, first.mqtt[1].port);
}

/* Binds and listens; the port is the caller's as long as the descriptor is open. */
static int occupy(int *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void refuses_a_port_that_is_taken(void **state)
{
	struct fixture *fixture = *state;
	const char *path = arena_printf(fixture->arena, "%s/ports.json", fixture->folder);
	struct ports ports = ANY_PORTS;
	int fd = occupy(&ports.mqtt[0].port), taken = ports.mqtt[0].port;

	assert_false(ports_settle(path, &ports, fixture->arena, &fixture->err));
	assert_int_equal(fixture->err.code, ERR_CONFLICT);
	assert_non_null(strstr(fixture->err.text, arena_printf(fixture->arena, "port %d", taken)));
	close(fd);
}

static void takes_another_port_when_the_kept_one_is_taken(void **state)
{
	struct fixture *fixture = *state;
	const char *path = arena_printf(fixture->arena, "%s/ports.json", fixture->folder);
	struct ports ports = ANY_PORTS;
	int taken, fd = occupy(&taken);
	const char *text = arena_printf(fixture->arena, "{\"https\":%d,\"mqtt\":0}", taken);

	assert_true(file_write_atomic(path, text, strlen(text), 0644, &fixture->err));
	assert_true(ports_settle(path, &ports, fixture->arena, &fixture->err));
	assert_int_not_equal(ports.https.port, taken);
	close(fd);
}

static void collects_names_once(void **state)
{
	struct fixture *fixture = *state;
	struct names names = {0};

	names_collect(&names, "https://plant.example:8443/x", fixture->arena);
	names_add(&names, "plant.example");
	names_add(&names, "0.0.0.0");
	names_add(&names, "");
	names_add(&names, NULL);
	size_t found = 0;
	for (size_t i = 0; i < names.count; i++)
		found += strcmp(names.items[i], "plant.example") == 0;
	assert_int_equal(found, 1);
	assert_string_equal(names.items[0], "localhost");
	assert_string_equal(url_host("https://[::1]:8443", fixture->arena), "::1");
	assert_string_equal(url_host("https://a", fixture->arena), "a");
	assert_null(url_host("a:8443", fixture->arena));
	assert_true(host_is_wildcard("::"));
}

static void locks_the_data_directory(void **state)
{
	struct fixture *fixture = *state;
	const char *folder = arena_printf(fixture->arena, "%s/data", fixture->folder);
	struct tree first, second;

	assert_true(tree_open(folder, fixture->arena, &first, &fixture->err));
	assert_true(file_exists(arena_printf(fixture->arena, "%s/keys", folder)));
	assert_false(tree_open(folder, fixture->arena, &second, &fixture->err));
	assert_int_equal(fixture->err.code, ERR_CONFLICT);
	assert_non_null(
		strstr(fixture->err.text, arena_printf(fixture->arena, "%d", (int)getpid())));
	tree_close(&first);
	assert_true(tree_open(folder, fixture->arena, &second, &fixture->err));
	tree_close(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parses_listen_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_chosen_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_a_port_that_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_another_port_when_the_kept_one_is_taken,
						setup, teardown),
		cmocka_unit_test_setup_teardown(collects_names_once, setup, teardown),
		cmocka_unit_test_setup_teardown(locks_the_data_directory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
