/* SPDX-License-Identifier: Apache-2.0 */
#include "standalone/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "standalone/account.h"

enum {
	PAUSE_FIRST_MS = 100,
	PAUSE_MAX_MS = 10000,
	SETTLED_S = 30, /* a child that ran this long begins with the short pause again */
	LOG_BYTES_MAX = 4 * 1024 * 1024,
};

static void start_again(void *arg);

/* Opens the log for appending; one that has grown too large becomes the single old one. */
static int open_log(const char *path, struct error *err)
{
	char old[PATH_MAX];
	struct stat status;

	if (stat(path, &status) == 0 && status.st_size > LOG_BYTES_MAX &&
	    snprintf(old, sizeof(old), "%s.1", path) < (int)sizeof(old) && rename(path, old) != 0)
		log_warn("could not put %s aside, going on with it", path);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		error_set_errno(err, ERR_INTERNAL, errno, "could not open %s", path);
	return fd;
}

static void schedule(struct keeper *keeper)
{
	keeper->timer = loop_timer_set(keeper->loop, keeper->pause_ms, start_again, keeper);
	keeper->pause_ms *= 2;
	if (keeper->pause_ms > PAUSE_MAX_MS)
		keeper->pause_ms = PAUSE_MAX_MS;
}

static void child_ended(int fd, short revents, void *arg)
{
	struct keeper *keeper = arg;

	(void)revents;
	loop_remove_fd(keeper->loop, fd);
	int status = child_wait(&keeper->child);
	keeper->child = (struct child){.pidfd = -1};
	if (clock_boottime() - keeper->started_at > SETTLED_S * USEC_PER_SEC)
		keeper->pause_ms = PAUSE_FIRST_MS;
	log_warn("%s %s, starting it again in %d ms (its output: %s)", keeper->name,
		 wait_status_text(status), keeper->pause_ms, keeper->log_path);
	schedule(keeper);
}

static bool start(struct keeper *keeper, struct error *err)
{
	CLEANUP(fd_cleanup) int log = open_log(keeper->log_path, err);

	if (log < 0)
		return false;
	const struct spawn_fd fds[] = {{log, STDOUT_FILENO}, {log, STDERR_FILENO}};
	struct spawn_options options = {
		.argv = keeper->argv,
		.folder = "/",
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		/* A session of its own: Ctrl-C is for musterd, which stops things in order. */
		.flags = SPAWN_SESSION | SPAWN_NO_NEW_PRIVS | SPAWN_DIE_WITH_PARENT,
		.death_signal = keeper->stop_signal,
		.umask = 077,
	};
	account_apply(keeper->account, &options);
	if (!spawn(&options, &keeper->child, err))
		return error_prefix(err, "could not start %s", keeper->name);
	keeper->started_at = clock_boottime();
	loop_add_fd(keeper->loop, keeper->child.pidfd, POLLIN, child_ended, keeper);
	return true;
}

static void start_again(void *arg)
{
	struct keeper *keeper = arg;
	struct error err = {0};

	keeper->timer = 0;
	if (start(keeper, &err)) {
		log_info("%s runs again pid=%d", keeper->name, (int)keeper->child.pid);
		return;
	}
	log_error("%s", err.text);
	schedule(keeper);
}

bool keeper_start(struct keeper *keeper, struct loop *loop, struct error *err)
{
	keeper->loop = loop;
	keeper->child = (struct child){.pidfd = -1};
	keeper->pause_ms = PAUSE_FIRST_MS;
	return start(keeper, err);
}

bool keeper_running(const struct keeper *keeper)
{
	return keeper->child.pid > 0;
}

void keeper_stop(struct keeper *keeper)
{
	int status;

	if (keeper->loop == NULL)
		return;
	loop_timer_cancel(keeper->loop, keeper->timer);
	keeper->timer = 0;
	if (!keeper_running(keeper))
		return;
	loop_remove_fd(keeper->loop, keeper->child.pidfd);
	kill(keeper->child.pid, keeper->stop_signal);
	if (!child_wait_timeout(&keeper->child, keeper->stop_grace_ms, &status)) {
		log_warn("%s did not stop within %d ms, killing it", keeper->name,
			 keeper->stop_grace_ms);
		status = child_stop(&keeper->child, false, 0);
	}
	log_debug("%s %s", keeper->name, wait_status_text(status));
	keeper->child = (struct child){.pidfd = -1};
}
