/* SPDX-License-Identifier: Apache-2.0 */
/* The probes that look at this machine: a command, a line of the log. */
#include "supervise/probe_internal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "process/segment.h"
#include "supervise/user.h"

enum { LOG_BYTES_PER_ATTEMPT = 64 * 1024 };

void probe_exec_cancel(struct probe *probe)
{
	if (probe->child.pidfd < 0)
		return;
	loop_remove_fd(probe->options.loop, probe->child.pidfd);
	kill(-probe->child.pid, SIGKILL);
	child_wait(&probe->child);
	probe->child.pidfd = -1;
}

static void command_ended(int fd, short revents, void *arg)
{
	struct probe *probe = arg;

	(void)revents;
	loop_remove_fd(probe->options.loop, fd);
	int status = child_wait(&probe->child);
	probe->child.pidfd = -1;
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	probe_finish(probe, good, good ? "" : wait_status_text(status));
}

void probe_exec_begin(struct probe *probe)
{
	const struct service_spec *service = probe->options.service;
	struct error err = {0};
	struct spawn_options options = {
		.argv = (char *const *)(uintptr_t)probe->spec->command,
		.env = (char *const *)(uintptr_t)service->env,
		.folder = service->cwd,
		.flags = SPAWN_SESSION | SPAWN_NO_NEW_PRIVS,
	};
	struct user user;

	if (service->user) {
		if (!user_find(service->user, &user, &err)) {
			probe_finish(probe, false, err.text);
			return;
		}
		options.flags |= user.change ? SPAWN_SET_USER : 0;
		options.uid = user.uid;
		options.gid = user.gid;
	}
	if (!spawn(&options, &probe->child, &err)) {
		probe->child.pidfd = -1;
		probe_finish(probe, false, err.text);
		return;
	}
	loop_add_fd(probe->options.loop, probe->child.pidfd, POLLIN, command_ended, probe);
}

void probe_log_mark(struct probe *probe)
{
	uint64_t oldest;
	char path[512];
	struct error err;

	probe->segment = 0;
	probe->offset = 0;
	if (!segment_range(probe->options.log_dir, &oldest, &probe->segment, &err) ||
	    !segment_path(probe->options.log_dir, probe->segment, path, sizeof(path)))
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	probe->offset = lseek(fd, 0, SEEK_END);
	close(fd);
}

static bool lines_match(const struct probe *probe, const char *data, size_t size, size_t *used)
{
	size_t at = 0;

	while (at < size) {
		const char *end = memchr(data + at, '\n', size - at);
		struct segment_record record;

		if (!end)
			break;
		size_t length = (size_t)(end - data) - at;
		bool match = segment_parse(data + at, length, &record) && record.text &&
			     memmem(record.text, record.text_length, probe->spec->match,
				    strlen(probe->spec->match));
		at += length + 1;
		if (match) {
			*used = at;
			return true;
		}
	}
	*used = at;
	return false;
}

/* Reads on in the current segment, then in the next ones. */
static bool log_search(struct probe *probe, char *buffer)
{
	uint64_t oldest, newest;
	struct error err;
	char path[512];

	if (!segment_range(probe->options.log_dir, &oldest, &newest, &err))
		return false;
	if (probe->segment < oldest) {
		probe->segment = oldest;
		probe->offset = 0;
	}
	while (probe->segment <= newest) {
		size_t used = 0;

		if (!segment_path(probe->options.log_dir, probe->segment, path, sizeof(path)))
			return false;
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t got = fd < 0 ? -1 : pread(fd, buffer, LOG_BYTES_PER_ATTEMPT, probe->offset);
		if (fd >= 0)
			close(fd);
		if (got > 0 && lines_match(probe, buffer, (size_t)got, &used))
			return true;
		probe->offset += (int64_t)used;
		if (used > 0)
			return false; /* more of it with the next attempt */
		if (probe->segment == newest)
			break;
		probe->segment++;
		probe->offset = 0;
	}
	return false;
}

void probe_log_begin(struct probe *probe)
{
	char *buffer = xcalloc(1, LOG_BYTES_PER_ATTEMPT);
	bool found = log_search(probe, buffer);

	free(buffer);
	probe_finish(probe, found, found ? "" : "the line has not been written yet");
}
