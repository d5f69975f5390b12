/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const PHASE_NAMES[] = {
	[PHASE_IDLE] = "idle",
	[PHASE_RUNNING] = "running",
	[PHASE_STOPPING] = "stopping",
	[PHASE_KILLING] = "killing",
};

static bool run_path(const struct shim *shim, const char *suffix, char *out, size_t size)
{
	int length =
		snprintf(out, size, "%s/%s%s", shim->options.run_dir, shim->options.name, suffix);

	return length > 0 && (size_t)length < size;
}

/* Text of the packet, then the tail if it is still of that run; the size of both. */
static size_t exit_encode(const struct shim *shim, const struct exit_status *ended, char *out)
{
	const struct tail *tail = &shim->tail;
	int length = snprintf(out, SHIM_MAX_PACKET - SHIM_TAIL_BYTES,
			      "exit run=%u code=%d signal=%d core=%d wanted=%d at=%lld errno=%d "
			      "step=%s tag=%s\n",
			      ended->run, ended->code, ended->signal, ended->core, ended->wanted,
			      (long long)ended->at, ended->failed_errno,
			      service_step_name(ended->step), shim->tag);

	if (ended->run != shim->run)
		return (size_t)length;
	for (size_t i = 0; i < tail->used; i++)
		out[(size_t)length + i] = tail->bytes[(tail->start + i) % SHIM_TAIL_BYTES];
	return (size_t)length + tail->used;
}

/* For an agent that comes back after a power cut: we shall not be here then. */
static void exit_persist(const struct shim *shim)
{
	char path[4096];
	char temporary[4096];
	char packet[SHIM_MAX_PACKET];

	if (shim->exit_count == 0 || !run_path(shim, ".exit", path, sizeof(path)) ||
	    !run_path(shim, ".exit.new", temporary, sizeof(temporary)))
		return;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	size_t size = exit_encode(shim, &shim->exits[shim->exit_count - 1], packet);
	bool written = write(fd, packet, size) == (ssize_t)size && fsync(fd) == 0;
	close(fd);
	if (!written || rename(temporary, path) < 0) {
		unlink(temporary);
		return;
	}
	int folder = open(shim->options.run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0) {
		fsync(folder);
		close(folder);
	}
}

/* Told to go, and nothing is left to be told by us. */
static bool may_go(const struct shim *shim)
{
	if (shim->phase != PHASE_IDLE)
		return false;
	return shim->ending || (shim->leaving && (shim->exit_count == 0 || shim->client_fd < 0));
}

static void client_close(struct shim *shim)
{
	close(shim->client_fd);
	shim->client_fd = -1;
	exit_persist(shim);
	/* An agent that died before it said what to run: there is nothing to hold. */
	if (shim->run == 0 || may_go(shim))
		shim->done = true;
}

static bool packet_send(struct shim *shim, const char *data, size_t size)
{
	if (shim->client_fd < 0)
		return false;
	if (send(shim->client_fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size)
		return true;
	/* An agent that does not read is as good as none: it will come back and ask. */
	client_close(shim);
	return false;
}

void control_send_error(struct shim *shim, const char *text)
{
	char packet[128];
	int length = snprintf(packet, sizeof(packet), "error %s", text);

	packet_send(shim, packet, (size_t)length);
}

void control_send_status(struct shim *shim)
{
	char packet[512];
	int length = snprintf(
		packet, sizeof(packet),
		"status run=%u phase=%s pid=%d started=%lld exit=%d dropped=%lld tag=%s", shim->run,
		PHASE_NAMES[shim->phase], (int)shim->pid, (long long)shim->started_at,
		shim->exit_count > 0, (long long)shim->segments.dropped, shim->tag);

	packet_send(shim, packet, (size_t)length);
}

static bool exit_send(struct shim *shim, const struct exit_status *ended)
{
	char packet[SHIM_MAX_PACKET];

	return packet_send(shim, packet, exit_encode(shim, ended, packet));
}

void control_exited(struct shim *shim)
{
	shim->exit.run = shim->run;
	if (shim->exit_count == SHIM_MAX_EXITS)
		memmove(shim->exits, shim->exits + 1, --shim->exit_count * sizeof(shim->exits[0]));
	shim->exits[shim->exit_count++] = shim->exit;
	/* A machine that goes down may not wait until the agent has read it. */
	if (!exit_send(shim, &shim->exit) || shim->ending)
		exit_persist(shim);
	if (may_go(shim))
		shim->done = true;
}

void control_unlink(struct shim *shim)
{
	char path[4096];
	struct stat status;

	/* It may be that of a younger shim by now. */
	if (run_path(shim, ".sock", path, sizeof(path)) && stat(path, &status) == 0 &&
	    status.st_ino == shim->socket_inode)
		unlink(path);
}

bool control_listen(struct shim *shim)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!run_path(shim, ".sock", address.sun_path, sizeof(address.sun_path)))
		return false;
	shim->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (shim->listen_fd < 0)
		return false;
	/* Left over from a shim that was killed: the agent has made sure of that. */
	unlink(address.sun_path);
	mode_t mask = umask(0177);
	bool bound = bind(shim->listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		     listen(shim->listen_fd, 4) == 0;
	umask(mask);
	struct stat status;
	if (bound && stat(address.sun_path, &status) == 0)
		shim->socket_inode = status.st_ino;
	return bound;
}

void control_accept(struct shim *shim)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = accept4(shim->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    (peer.uid != 0 && peer.uid != geteuid())) {
		close(fd);
		return;
	}
	/* The newest agent is the right one. */
	if (shim->client_fd >= 0)
		client_close(shim);
	shim->client_fd = fd;
}

static void tag_set(struct shim *shim, const char *text)
{
	size_t length = strnlen(text, SHIM_MAX_TAG - 1);

	memcpy(shim->tag, text, length);
	shim->tag[length] = '\0';
}

/* Exits up to this run are in safety. */
static void exits_collected(struct shim *shim, unsigned run)
{
	char path[4096];
	size_t gone = 0;

	while (gone < shim->exit_count && shim->exits[gone].run <= run)
		gone++;
	shim->exit_count -= gone;
	memmove(shim->exits, shim->exits + gone, shim->exit_count * sizeof(shim->exits[0]));
	/* The file has the newest. */
	if (shim->exit_count == 0 && run_path(shim, ".exit", path, sizeof(path)))
		unlink(path);
	if (may_go(shim))
		shim->done = true;
}

static void command_collect(struct shim *shim, const char *text)
{
	int64_t run = UINT_MAX;

	if (*text && !number_parse(text, UINT_MAX, &run))
		control_send_error(shim, "collect: number expected");
	else
		exits_collected(shim, (unsigned)run);
}

static void command_stop(struct shim *shim, char *arguments)
{
	char *grace = strchr(arguments, ' ');
	int64_t number, grace_ms;

	if (!grace) {
		control_send_error(shim, "stop: SIGNAL GRACE_MS expected");
		return;
	}
	*grace++ = '\0';
	if (!number_parse(arguments, 64, &number) || !number_parse(grace, INT32_MAX, &grace_ms))
		control_send_error(shim, "stop: number expected");
	else if (shim->phase == PHASE_IDLE)
		control_send_error(shim, "stop: not running");
	else
		service_stop(shim, (int)number, grace_ms);
}

static void command_run(struct shim *shim, const char *tag)
{
	if (shim->phase != PHASE_IDLE) {
		control_send_error(shim, "run: still running");
		return;
	}
	tag_set(shim, tag);
	service_start(shim);
}

static void command_signal(struct shim *shim, const char *text)
{
	int64_t number;

	if (!number_parse(text, 64, &number) || shim->pid == 0 || kill(shim->pid, (int)number) < 0)
		control_send_error(shim, "signal: cannot be sent");
}

static void command_leave(struct shim *shim)
{
	shim->leaving = true;
	if (shim->phase == PHASE_IDLE)
		shim->done = may_go(shim);
	else
		service_stop(shim, shim->options.stop_signal, shim->options.grace_ms);
}

static void command_status(struct shim *shim)
{
	control_send_status(shim);
	for (size_t i = 0; i < shim->exit_count && shim->client_fd >= 0; i++)
		exit_send(shim, &shim->exits[i]);
}

static void command_handle(struct shim *shim, char *text)
{
	char *arguments = strchrnul(text, ' ');

	if (*arguments)
		*arguments++ = '\0';
	if (strcmp(text, "status") == 0)
		command_status(shim);
	else if (strcmp(text, "run") == 0)
		command_run(shim, arguments);
	else if (strcmp(text, "tag") == 0)
		tag_set(shim, arguments);
	else if (strcmp(text, "signal") == 0)
		command_signal(shim, arguments);
	else if (strcmp(text, "stop") == 0)
		command_stop(shim, arguments);
	else if (strcmp(text, "kill") == 0)
		service_kill(shim);
	else if (strcmp(text, "collect") == 0)
		command_collect(shim, arguments);
	else if (strcmp(text, "leave") == 0)
		command_leave(shim);
	else if (strcmp(text, "upgrade") == 0)
		upgrade_run(shim, arguments);
	else
		control_send_error(shim, "unknown command");
}

void control_receive(struct shim *shim)
{
	char packet[512];
	ssize_t got = recv(shim->client_fd, packet, sizeof(packet) - 1, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		client_close(shim);
		return;
	}
	packet[got] = '\0';
	command_handle(shim, packet);
}
