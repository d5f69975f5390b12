/* SPDX-License-Identifier: Apache-2.0 */
/* What anybody on the machine may write to the local door, over a real socket. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/log.h"
#include "control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_TURNS = 1000 };

static struct loop *loop;

static void answer(struct control_client *client, json_t *request, void *arg)
{
	(void)arg;
	if (!json_is_string(json_object_get(request, "do")))
		abort();
	control_send(client, json_pack("{s:O}", "echo", request));
	control_end(client, json_pack("{s:b}", "end", 1));
}

static void answer_with_file(struct control_client *client, json_t *request, void *arg)
{
	int file = control_take_fd(client);

	(void)request;
	(void)arg;
	if (file >= 0)
		close(file);
	control_end(client, NULL);
}

static const struct control_verb VERBS[] = {
	{"status", CONTROL_READ, answer},
	{"logs", CONTROL_READ, answer},
	{"apply", CONTROL_CHANGE, answer_with_file},
};

/* The socket's name is relative, and so are those that the fuzzer was given: each has its folder. */
static char folder[] = "/tmp/fuzz-control-XXXXXX";
static struct control *control;
static int home;

static void go(bool inside)
{
	if (inside ? chdir(folder) != 0 : fchdir(home) != 0)
		abort();
}

static void clean_up(void)
{
	go(true);
	control_free(control);
	rmdir("run");
	go(false);
	rmdir(folder);
	loop_free(loop);
}

static void begin(void)
{
	struct error err = {0};

	log_set_level(LOG_LEVEL_ERROR);
	home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (home < 0 || !mkdtemp(folder))
		abort();
	go(true);
	if (mkdir("run", 0755) != 0)
		abort();
	loop = loop_new();
	const struct control_options options = {.loop = loop,
						.verbs = VERBS,
						.verb_count = sizeof(VERBS) / sizeof(VERBS[0]),
						.group = "",
						.readers = ""};
	if (!control_new(&options, &control, &err))
		abort();
	go(false);
	atexit(clean_up);
}

/* All that is answered is lines of JSON. */
static void check_answer(const char *text, size_t length)
{
	while (length > 0) {
		const char *end = memchr(text, '\n', length);
		struct error err;
		json_t *line;

		if (!end)
			abort();
		if (!json_parse_limited(text, (size_t)(end - text), 32, &line, &err))
			abort();
		json_decref(line);
		length -= (size_t)(end - text) + 1;
		text = end + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX, .sun_path = CONTROL_SOCKET};
	char text[64 * 1024];
	size_t length = 0, sent = 0;
	ssize_t count = -1;

	if (!loop)
		begin();
	go(true);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&where, sizeof(where)) != 0)
		abort();
	go(false);
	for (int turn = 0; turn < MAX_TURNS && count != 0; turn++) {
		/* In pieces, whose size the input itself chooses. */
		size_t piece = sent < size ? 1 + data[sent] * 16u : 0;

		if (piece > size - sent)
			piece = size - sent;
		if (piece > 0 && send(fd, data + sent, piece, MSG_NOSIGNAL) > 0)
			sent += piece;
		else if (piece == 0)
			shutdown(fd, SHUT_WR);
		loop_turn(loop, 0);
		while (length < sizeof(text) &&
		       (count = recv(fd, text + length, sizeof(text) - length, 0)) > 0)
			length += (size_t)count;
	}
	close(fd);
	loop_turn(loop, 0);
	check_answer(text, length);
	return 0;
}
