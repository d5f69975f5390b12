/* SPDX-License-Identifier: Apache-2.0 */
#include "process/shim_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/spawn.h"

enum {
	SHIM_FD = 3,
	ANSWER_TIMEOUT_MS = 5000,
	EVENTS_PER_TURN = 8,
	MAX_PROGRAM_PATH = 400, /* what a shim reads in one packet */
};

struct shim_client {
	struct loop *loop;
	int fd;
	struct child starter; /* the first process of the shim, gone at once; pidfd -1: none */
	shim_event_fn handler;
	void *arg;
	bool delivering; /* a handler runs: freeing has to wait for its return */
	bool freed;
};

static void starter_ended(int fd, short revents, void *arg)
{
	struct shim_client *client = arg;

	(void)revents;
	loop_remove_fd(client->loop, fd);
	child_wait(&client->starter);
	client->starter.pidfd = -1;
}

static void deliver_lost(struct shim_client *client)
{
	struct shim_event event = {.kind = SHIM_EVENT_LOST};

	loop_remove_fd(client->loop, client->fd);
	client->handler(&event, client->arg);
}

/* One packet. False: nothing more to read. */
static bool receive_once(struct shim_client *client)
{
	char packet[SHIM_CLIENT_MAX_PACKET];
	ssize_t got = recv(client->fd, packet, sizeof(packet), MSG_DONTWAIT);
	struct shim_event event;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		deliver_lost(client);
		return false;
	}
	if (shim_packet_decode(packet, (size_t)got, &event))
		client->handler(&event, client->arg);
	return true;
}

static void client_destroy(struct shim_client *client)
{
	close(client->fd);
	free(client);
}

static void readable(int fd, short revents, void *arg)
{
	struct shim_client *client = arg;

	(void)fd;
	(void)revents;
	client->delivering = true;
	for (int i = 0; i < EVENTS_PER_TURN && !client->freed; i++) {
		if (!receive_once(client))
			break;
	}
	client->delivering = false;
	if (client->freed)
		client_destroy(client);
}

static struct shim_client *client_new(struct loop *loop, int fd, shim_event_fn handler, void *arg)
{
	struct shim_client *client = xcalloc(1, sizeof(*client));

	client->loop = loop;
	client->fd = fd;
	client->starter.pidfd = -1;
	client->handler = handler;
	client->arg = arg;
	loop_add_fd(loop, fd, POLLIN, readable, client);
	return client;
}

/* argv of the shim; at most a fixed number before the command. */
struct arguments {
	char **items;
	size_t count;
	char numbers[6][24];
	size_t number_count;
};

static void add(struct arguments *arguments, const char *text)
{
	arguments->items[arguments->count++] = (char *)(uintptr_t)text;
}

static void add_option(struct arguments *arguments, const char *option, const char *value)
{
	if (!value)
		return;
	add(arguments, option);
	add(arguments, value);
}

static void add_number(struct arguments *arguments, const char *option, int64_t value)
{
	char *text = arguments->numbers[arguments->number_count++];

	snprintf(text, sizeof(arguments->numbers[0]), "%lld", (long long)value);
	add_option(arguments, option, text);
}

static size_t list_length(const char *const *list)
{
	size_t count = 0;

	while (list && list[count])
		count++;
	return count;
}

static void arguments_build(const struct shim_start *start, struct arguments *arguments)
{
	size_t limits = list_length(start->limits);
	size_t cgroups = list_length(start->cgroups) + list_length(start->within);
	size_t command = list_length(start->command);

	*arguments = (struct arguments){0};
	arguments->items = xcalloc(32 + 2 * limits + 2 * cgroups + command, sizeof(char *));
	add(arguments, "muster-shim");
	add_option(arguments, "--name", start->name);
	add_option(arguments, "--run", start->run_dir);
	add_option(arguments, "--log", start->log_dir);
	add_option(arguments, "--cwd", start->cwd);
	add_option(arguments, "--user", start->user);
	add_option(arguments, "--capabilities", start->capabilities);
	add_option(arguments, "--new-privileges", start->new_privileges ? "1" : NULL);
	add_option(arguments, "--private-tmp", start->private_tmp ? "1" : NULL);
	add_number(arguments, "--stop-signal", start->stop_signal);
	add_number(arguments, "--grace-ms", start->grace_ms);
	add_number(arguments, "--segment-bytes", start->segment_bytes);
	add_number(arguments, "--segment-count", start->segment_count);
	add_number(arguments, "--rate", start->rate_bytes);
	for (size_t i = 0; i < limits; i++)
		add_option(arguments, "--limit", start->limits[i]);
	for (size_t i = 0; start->cgroups && start->cgroups[i]; i++)
		add_option(arguments, "--cgroup", start->cgroups[i]);
	for (size_t i = 0; start->within && start->within[i]; i++)
		add_option(arguments, "--within", start->within[i]);
	add(arguments, "--");
	for (size_t i = 0; i < command; i++)
		add(arguments, start->command[i]);
}

bool shim_client_spawn(const struct shim_start *start, struct shim_client **out, struct error *err)
{
	struct arguments arguments;
	int sockets[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not create a socket pair");
	arguments_build(start, &arguments);
	struct spawn_fd fd = {.parent = sockets[1], .child = SHIM_FD};
	struct spawn_options options = {
		.program = start->program,
		.argv = arguments.items,
		.env = (char *const *)(uintptr_t)start->env,
		.fds = &fd,
		.fd_count = 1,
	};
	struct child child;
	bool spawned = spawn(&options, &child, err);
	free(arguments.items);
	close(sockets[1]);
	if (!spawned) {
		close(sockets[0]);
		return error_prefix(err, "shim of %s", start->name);
	}
	struct shim_client *client =
		client_new(start->loop, sockets[0], start->handler, start->arg);
	client->starter = child;
	loop_add_fd(start->loop, child.pidfd, POLLIN, starter_ended, client);
	*out = client;
	return true;
}

/* -1 with errno. */
static int socket_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);

	if (length >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, length);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static bool status_ask(int fd, struct shim_event *status, struct error *err)
{
	char packet[SHIM_CLIENT_MAX_PACKET];
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int answers;

	if (send(fd, "status", 6, MSG_NOSIGNAL) < 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not ask");
	do {
		answers = poll(&ready, 1, ANSWER_TIMEOUT_MS);
	} while (answers < 0 && errno == EINTR);
	if (answers <= 0)
		return error_set(err, ERR_TIMEOUT, "no answer within %d ms", ANSWER_TIMEOUT_MS);
	ssize_t got = recv(fd, packet, sizeof(packet), 0);
	if (got <= 0 || !shim_packet_decode(packet, (size_t)got, status) ||
	    status->kind != SHIM_EVENT_STATUS)
		return error_set(err, ERR_INTERNAL, "unexpected answer");
	return true;
}

/* A shim that is stuck would hold the name for ever. Its service dies with it. */
static void stuck_kill(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 1)
		kill(peer.pid, SIGKILL);
}

bool shim_client_connect(struct loop *loop, const char *run_dir, const char *name,
			 shim_event_fn handler, void *arg, struct shim_client **out,
			 struct shim_event *status, struct error *err)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.sock", run_dir, name);
	int fd = socket_connect(path);
	if (fd < 0 && (errno == ECONNREFUSED || errno == ENOENT)) {
		unlink(path);
		return error_set(err, ERR_NOT_FOUND, "no shim holds %s", name);
	}
	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not connect to %s", path);
	if (!status_ask(fd, status, err)) {
		if (err->code == ERR_TIMEOUT) {
			stuck_kill(fd);
			unlink(path);
		}
		close(fd);
		return error_prefix(err, "shim of %s", name);
	}
	*out = client_new(loop, fd, handler, arg);
	return true;
}

void shim_client_free(struct shim_client *client)
{
	if (!client)
		return;
	if (client->starter.pidfd >= 0) {
		loop_remove_fd(client->loop, client->starter.pidfd);
		/* It ends by itself within the start of the shim. */
		child_wait(&client->starter);
	}
	loop_remove_fd(client->loop, client->fd);
	client->freed = true;
	if (!client->delivering)
		client_destroy(client);
}

static void command(struct shim_client *client, const char *text, size_t length)
{
	/* A failure is followed by the end of the connection, which is an event. */
	if (send(client->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		shutdown(client->fd, SHUT_RDWR);
}

static void command_with(struct shim_client *client, const char *word, const char *argument)
{
	char text[MAX_PROGRAM_PATH + 16];
	int length = snprintf(text, sizeof(text), "%s %s", word, argument);

	command(client, text, (size_t)length);
}

void shim_client_run(struct shim_client *client, const char *tag)
{
	command_with(client, "run", tag);
}

void shim_client_tag(struct shim_client *client, const char *tag)
{
	command_with(client, "tag", tag);
}

void shim_client_signal(struct shim_client *client, int signal_number)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", signal_number);
	command_with(client, "signal", number);
}

void shim_client_stop(struct shim_client *client, int signal_number, int64_t grace_ms)
{
	char numbers[48];

	snprintf(numbers, sizeof(numbers), "%d %lld", signal_number, (long long)grace_ms);
	command_with(client, "stop", numbers);
}

void shim_client_kill(struct shim_client *client)
{
	command(client, "kill", 4);
}

void shim_client_collect(struct shim_client *client, unsigned run)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", run);
	command_with(client, "collect", number);
}

void shim_client_leave(struct shim_client *client)
{
	command(client, "leave", 5);
}

static bool is_outdated(const struct shim_client *client, const char *program)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	struct stat runs, is;
	char path[64];

	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid <= 1)
		return false;
	/* Leads to the file itself, also when another has its name by now. */
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)peer.pid);
	if (stat(path, &runs) < 0 || stat(program, &is) < 0)
		return false;
	return runs.st_dev != is.st_dev || runs.st_ino != is.st_ino;
}

bool shim_client_upgrade(struct shim_client *client, const char *program)
{
	if (strlen(program) >= MAX_PROGRAM_PATH || !is_outdated(client, program))
		return false;
	command_with(client, "upgrade", program);
	return true;
}

bool shim_exit_file_take(const char *run_dir, const char *name, char buffer[SHIM_CLIENT_MAX_PACKET],
			 struct shim_event *event)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.exit", run_dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, buffer, SHIM_CLIENT_MAX_PACKET);
	close(fd);
	unlink(path);
	return got > 0 && shim_packet_decode(buffer, (size_t)got, event) &&
	       event->kind == SHIM_EVENT_EXIT;
}
