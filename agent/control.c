/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"

enum { MAX_WORD = 64, MAX_CLIENTS = 8, MAX_ANSWER = 1024 * 1024 };

static const char PATH[] = "run/agent.sock";

struct control_client {
	struct control *control;
	int fd; /* -1: free */
	size_t length;
	char word[MAX_WORD];
	bool asked;
};

struct control {
	struct loop *loop;
	control_fn handler;
	void *arg;
	int fd;
	struct control_client clients[MAX_CLIENTS];
};

static struct sockaddr_un address(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, PATH, sizeof(PATH));
	return address;
}

static void close_client(struct control_client *client)
{
	loop_remove_fd(client->control->loop, client->fd);
	close(client->fd);
	client->fd = -1;
}

/* The answer fits into the socket's buffer; a client that does not read gets a part. */
void control_answer(struct control_client *client, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	if (client->fd >= 0) {
		if (text && send(client->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			log_debug("ignoring a local client that is gone");
		close_client(client);
	}
	free(text);
	json_decref(answer);
}

static bool is_allowed(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void client_ready(int fd, short revents, void *arg)
{
	struct control_client *client = arg;
	ssize_t count = recv(fd, client->word + client->length,
			     sizeof(client->word) - 1 - client->length, MSG_DONTWAIT);

	(void)revents;
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0 || client->asked) {
		close_client(client);
		return;
	}
	client->length += (size_t)count;
	client->word[client->length] = '\0';
	char *end = strchr(client->word, '\n');
	if (!end)
		return;
	*end = '\0';
	client->length = 0;
	client->asked = true;
	client->control->handler(client, client->word, client->control->arg);
}

static void client_arrived(int fd, short revents, void *arg)
{
	struct control *control = arg;
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)revents;
	if (connection < 0)
		return;
	for (size_t i = 0; i < MAX_CLIENTS && is_allowed(connection); i++) {
		struct control_client *client = &control->clients[i];

		if (client->fd >= 0)
			continue;
		*client = (struct control_client){.control = control, .fd = connection};
		loop_add_fd(control->loop, connection, POLLIN, client_ready, client);
		return;
	}
	close(connection);
}

bool control_new(struct loop *loop, control_fn handler, void *arg, struct control **out,
		 struct error *err)
{
	struct sockaddr_un where = address();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlink(PATH);
	mode_t before = umask(0177);
	bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&where, sizeof(where)) == 0 &&
		  listen(fd, MAX_CLIENTS) == 0;
	umask(before);
	if (!ok) {
		error_set_errno(err, ERR_UNAVAILABLE, errno, "could not listen on %s", PATH);
		fd_cleanup(&fd);
		return false;
	}
	struct control *control = xcalloc(1, sizeof(*control));
	*control = (struct control){.loop = loop, .handler = handler, .arg = arg, .fd = fd};
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		control->clients[i].fd = -1;
	loop_add_fd(loop, fd, POLLIN, client_arrived, control);
	*out = control;
	return true;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		if (control->clients[i].fd >= 0)
			close_client(&control->clients[i]);
	loop_remove_fd(control->loop, control->fd);
	close(control->fd);
	unlink(PATH);
	free(control);
}

bool control_ask(const char *word, struct arena *arena, json_t **answer, struct error *err)
{
	struct sockaddr_un where = address();
	CLEANUP(fd_cleanup) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char line[MAX_WORD + 1], part[4096];
	struct strbuf text;
	ssize_t count;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&where, sizeof(where)) != 0)
		return errno == ENOENT || errno == ECONNREFUSED
			       ? error_set(err, ERR_UNAVAILABLE,
					   "no agent runs here; \"muster-agent run\" starts one")
			       : error_set_errno(err, ERR_UNAVAILABLE, errno,
						 "cannot ask the agent");
	int length = snprintf(line, sizeof(line), "%s\n", word);
	if (!fd_write_all(fd, line, (size_t)length))
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "the agent does not listen");
	strbuf_init(&text, arena, MAX_ANSWER);
	while ((count = read(fd, part, sizeof(part))) > 0)
		strbuf_append(&text, part, (size_t)count);
	if (count < 0 || text.length == 0)
		return error_set(err, ERR_UNAVAILABLE, "the agent ended before it answered");
	if (!json_parse_limited(text.data, text.length, 16, answer, err))
		return false;
	json_keep(*answer, arena);
	return true;
}
