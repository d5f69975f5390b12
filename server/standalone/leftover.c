/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/leftover.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

enum { PID_FILE_BYTES = 4096, FAST_STOP_MS = 30000, IMMEDIATE_STOP_MS = 5000 };

/* A server works in its data folder, whoever else may have its old number. */
static bool is_server_of(pid_t pid, const char *data_folder, struct arena *arena)
{
	char folder[PATH_MAX];
	ssize_t length =
		readlink(arena_printf(arena, "/proc/%d/cwd", (int)pid), folder, sizeof(folder) - 1);

	if (length < 0)
		return false;
	folder[length] = '\0';
	return strcmp(folder, data_folder) == 0;
}

static bool wait_end(int pidfd, int timeout_ms)
{
	struct pollfd poller = {.fd = pidfd, .events = POLLIN};

	return poll(&poller, 1, timeout_ms) > 0;
}

bool leftover_stop(const char *data_folder, struct arena *arena, struct error *err)
{
	const char *path = arena_printf(arena, "%s/postmaster.pid", data_folder);
	char *text;
	struct error absent = {0};

	if (!file_read(path, PID_FILE_BYTES, arena, &text, NULL, &absent))
		return true;
	pid_t pid = (pid_t)strtol(text, NULL, 10);
	CLEANUP(fd_cleanup) int pidfd = pid > 1 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (pidfd < 0 || !is_server_of(pid, data_folder, arena)) {
		/* PostgreSQL itself would take any process of that number for the old server. */
		if (unlink(path) != 0 && errno != ENOENT)
			return error_set_errno(err, ERR_INTERNAL, errno, "cannot remove %s", path);
		return true;
	}
	log_warn("stopping the PostgreSQL that an earlier musterd has left pid=%d", (int)pid);
	kill(pid, SIGINT);
	if (wait_end(pidfd, FAST_STOP_MS))
		return true;
	kill(pid, SIGQUIT);
	if (wait_end(pidfd, IMMEDIATE_STOP_MS))
		return true;
	return error_set(err, ERR_CONFLICT, "PostgreSQL of an earlier start does not end (pid %d)",
			 (int)pid);
}
