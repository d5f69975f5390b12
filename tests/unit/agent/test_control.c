/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fields.h"
#include "control.h"
#include "temporary_folder.h"
#include "test.h"

static const uid_t OWN = 990, STRANGER = 1000;
static const gid_t OPERATORS = 50, VIEWERS = 60, NONE = (gid_t)-1;

static enum control_right right(uid_t uid, gid_t gid, gid_t other, gid_t group, gid_t readers,
				bool everybody)
{
	const struct control_peer peer = {
		.uid = uid, .gid = gid, .groups = &other, .group_count = 1};

	return control_right_of(&peer, OWN, group, readers, everybody);
}

static void gives_rights_by_user_and_group(void **state)
{
	(void)state;
	assert_int_equal(right(0, 0, 0, NONE, NONE, false), CONTROL_CHANGE);
	assert_int_equal(right(OWN, 7, 7, NONE, NONE, false), CONTROL_CHANGE);
	assert_int_equal(right(STRANGER, 7, 7, NONE, NONE, false), CONTROL_NOTHING);
	/* The group counts as the first one and as one of the others. */
	assert_int_equal(right(STRANGER, OPERATORS, 7, OPERATORS, NONE, false), CONTROL_CHANGE);
	assert_int_equal(right(STRANGER, 7, OPERATORS, OPERATORS, NONE, false), CONTROL_CHANGE);
	assert_int_equal(right(STRANGER, 7, VIEWERS, OPERATORS, VIEWERS, false), CONTROL_READ);
	assert_int_equal(right(STRANGER, 7, 7, OPERATORS, VIEWERS, true), CONTROL_READ);
	/* No group is set: nobody is in it, whatever the kernel says. */
	assert_int_equal(right(STRANGER, NONE, NONE, NONE, NONE, false), CONTROL_NOTHING);
}

static void refuses_odd_requests(void **state)
{
	static const char *const ODD[] = {
		"",
		"status",
		"[]",
		"{}",
		"{\"do\":1}",
		"{\"do\":\"a\",\"do\":\"b\"}",
		"{\"do\":\"a\",\"x\":[[[[[1]]]]]}",
	};
	struct arena *arena = arena_new();
	struct error err = {0};
	json_t *request;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ODD); i++)
		assert_false(control_request_parse(ODD[i], strlen(ODD[i]), arena, &request, &err));
	assert_success(control_request_parse("{\"do\":\"a\"}", 10, arena, &request, &err), &err);
	arena_free(arena);
}

/* --- over a real socket --- */

struct fixture {
	void *folder;
	char *old;
	struct loop *loop;
	struct control *control;
	struct control_client *waiting;
	int gone;
	char file_text[16];
};

static void on_gone(void *arg)
{
	((struct fixture *)arg)->gone++;
}

static void answer_hello(struct control_client *client, json_t *request, void *arg)
{
	(void)request;
	(void)arg;
	control_send(client, json_pack("{s:s}", "line", "one"));
	control_end(client, json_pack("{s:s}", "line", "two"));
}

static void answer_never(struct control_client *client, json_t *request, void *arg)
{
	struct fixture *fixture = arg;

	(void)request;
	fixture->waiting = client;
	control_on_gone(client, on_gone, fixture);
}

static void answer_file(struct control_client *client, json_t *request, void *arg)
{
	struct fixture *fixture = arg;
	int file = control_take_fd(client);
	ssize_t size = pread(file, fixture->file_text, sizeof(fixture->file_text) - 1, 0);

	(void)request;
	assert_true(size >= 0);
	assert_int_equal(control_take_fd(client), -1);
	close(file);
	control_end(client, json_pack("{s:i}", "size", (int)size));
}

static void answer_much(struct control_client *client, json_t *request, void *arg)
{
	char text[1000];
	int lines = 0;

	(void)request;
	(void)arg;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	/* More than a socket takes at once, and in the end more than is kept for anybody. */
	while (control_send(client, json_pack("{s:s}", "t", text)))
		lines++;
	assert_true(lines > 500 && lines < 5000);
	control_end(client, NULL);
}

static const struct control_verb VERBS[] = {
	{"hello", CONTROL_READ, answer_hello},
	{"never", CONTROL_READ, answer_never},
	{"file", CONTROL_CHANGE, answer_file},
	{"much", CONTROL_CHANGE, answer_much},
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	struct error err = {0};

	if (temporary_folder_setup(&fixture->folder) != 0)
		return -1;
	fixture->old = getcwd(NULL, 0);
	assert_int_equal(chdir(fixture->folder), 0);
	assert_int_equal(mkdir("run", 0755), 0);
	fixture->loop = loop_new();
	const struct control_options options = {.loop = fixture->loop,
						.verbs = VERBS,
						.verb_count = ARRAY_SIZE(VERBS),
						.group = "",
						.readers = "",
						.arg = fixture};
	assert_success(control_new(&options, &fixture->control, &err), &err);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	int result;

	control_free(fixture->control);
	loop_free(fixture->loop);
	assert_int_equal(chdir(fixture->old), 0);
	free(fixture->old);
	result = temporary_folder_teardown(&fixture->folder);
	free(fixture);
	return result;
}

static int connect_client(void)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX, .sun_path = CONTROL_SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&where, sizeof(where)), 0);
	return fd;
}

/* All that comes until the agent closes. */
static size_t read_all(struct fixture *fixture, int fd, char *out, size_t size)
{
	size_t length = 0;
	char part[4096];

	for (int turns = 0; turns < 100000; turns++) {
		ssize_t count = recv(fd, part, sizeof(part), MSG_DONTWAIT);

		if (count == 0)
			break;
		for (ssize_t i = 0; i < count; i++, length++)
			if (length + 1 < size)
				out[length] = part[i];
		if (count < 0)
			loop_turn(fixture->loop, 10);
	}
	out[length < size ? length : size - 1] = '\0';
	return length;
}

static size_t ask(struct fixture *fixture, const char *line, char *out, size_t size)
{
	int fd = connect_client();

	assert_int_equal(send(fd, line, strlen(line), 0), strlen(line));
	size_t length = read_all(fixture, fd, out, size);
	close(fd);
	return length;
}

static void answers_lines_and_errors(void **state)
{
	struct fixture *fixture = *state;
	char text[1024];

	ask(fixture, "{\"do\":\"hello\"}\n", text, sizeof(text));
	assert_string_equal(text, "{\"line\":\"one\"}\n{\"line\":\"two\"}\n");
	ask(fixture, "{\"do\":\"nothing\"}\n", text, sizeof(text));
	assert_contains(text, "\"code\":\"invalid\"");
	ask(fixture, "nonsense\n", text, sizeof(text));
	assert_contains(text, "\"error\":");
}

static void bounds_what_a_client_may_send(void **state)
{
	struct fixture *fixture = *state;
	char much[2 * CONTROL_MAX_REQUEST], text[1024];

	memset(much, 'x', sizeof(much));
	int fd = connect_client();
	assert_true(send(fd, much, sizeof(much), 0) > 0);
	read_all(fixture, fd, text, sizeof(text));
	close(fd);
	/* One that goes before it has asked is no trouble. */
	close(connect_client());
	ask(fixture, "{\"do\":\"hello\"}\n", text, sizeof(text));
	assert_contains(text, "two");
}

static void says_when_a_client_is_gone(void **state)
{
	struct fixture *fixture = *state;
	int fd = connect_client();

	assert_true(send(fd, "{\"do\":\"never\"}\n", 15, 0) == 15);
	for (int i = 0; i < 100 && !fixture->waiting; i++)
		loop_turn(fixture->loop, 10);
	assert_non_null(fixture->waiting);
	assert_int_equal(fixture->gone, 0);
	close(fd);
	for (int i = 0; i < 100 && !fixture->gone; i++)
		loop_turn(fixture->loop, 10);
	assert_int_equal(fixture->gone, 1);
}

static void takes_one_open_file(void **state)
{
	struct fixture *fixture = *state;
	int file = open("x", O_RDWR | O_CREAT | O_CLOEXEC, 0600), files[2] = {file, file};
	struct iovec part = {(void *)(uintptr_t) "{\"do\":\"file\"}\n", 14};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(files))];
	} control = {.header = {.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS,
				.cmsg_len = CMSG_LEN(sizeof(files))}};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.space,
				 .msg_controllen = sizeof(control.space)};
	char text[100];

	assert_int_equal(write(file, "content", 7), 7);
	memcpy(CMSG_DATA(&control.header), files, sizeof(files));
	int fd = connect_client();
	assert_int_equal(sendmsg(fd, &message, 0), 14);
	read_all(fixture, fd, text, sizeof(text));
	assert_string_equal(text, "{\"size\":7}\n");
	assert_string_equal(fixture->file_text, "content");
	close(fd);
	close(file);
}

static void holds_a_slow_reader_back(void **state)
{
	struct fixture *fixture = *state;
	char text[64];
	size_t length = ask(fixture, "{\"do\":\"much\"}\n", text, sizeof(text));

	/* What was queued came whole. */
	assert_true(length > 500 * 1000 && length <= 2 * CONTROL_MAX_BACKLOG);
}

static void keeps_places_for_others(void **state)
{
	struct fixture *fixture = *state;
	int clients[64];
	char text[1024];

	/* As root there is no limit for one user, but there is one for all. */
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = connect_client();
		loop_turn(fixture->loop, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	for (int i = 0; i < 100; i++)
		loop_turn(fixture->loop, 0);
	ask(fixture, "{\"do\":\"hello\"}\n", text, sizeof(text));
	assert_contains(text, "two");
}

static int connect_as(uid_t uid)
{
	assert_int_equal(seteuid(uid), 0);
	int fd = connect_client();
	assert_int_equal(seteuid(0), 0);
	return fd;
}

static void strangers_cannot_lock_root_out(void **state)
{
	struct fixture *fixture = *state;
	int clients[64];
	char text[1024];

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(chmod("run", 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = connect_as(STRANGER + (uid_t)(i / 8));
		loop_turn(fixture->loop, 0);
	}
	ask(fixture, "{\"do\":\"hello\"}\n", text, sizeof(text));
	assert_contains(text, "two");
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_rights_by_user_and_group),
		cmocka_unit_test(refuses_odd_requests),
		cmocka_unit_test_setup_teardown(answers_lines_and_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(bounds_what_a_client_may_send, setup, teardown),
		cmocka_unit_test_setup_teardown(says_when_a_client_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_one_open_file, setup, teardown),
		cmocka_unit_test_setup_teardown(holds_a_slow_reader_back, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_places_for_others, setup, teardown),
		cmocka_unit_test_setup_teardown(strangers_cannot_lock_root_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
