/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	KILL_PASS_USEC = 20000,
	LEFTOVER_GRACE_USEC = 2000000, /* for what does not end with the main process, or with it */
};

/* cgroup v2 kills all at once, also what forks faster than we can look. */
static void cgroup_kill(const struct shim_options *options)
{
	static const char FILE_NAME[] = "/cgroup.kill";
	char path[4096];

	for (size_t i = 0; i < options->cgroup_count; i++) {
		size_t length = strlen(options->cgroups[i]);

		if (length + sizeof(FILE_NAME) > sizeof(path))
			continue;
		memcpy(path, options->cgroups[i], length);
		memcpy(path + length, FILE_NAME, sizeof(FILE_NAME));
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		/* Older kernels have no such file; the passes over /proc do it then. */
		ssize_t ignored = write(fd, "1", 1);
		(void)ignored;
		close(fd);
	}
}

void service_kill(struct shim *shim)
{
	if (shim->phase == PHASE_IDLE)
		return;
	shim->phase = PHASE_KILLING;
	cgroup_kill(&shim->options);
	/* Stopped first, they cannot fork while the list is read. */
	descendants_signal(SIGSTOP);
	descendants_signal(SIGKILL);
	shim->deadline = now_monotonic() + KILL_PASS_USEC;
}

void service_stop(struct shim *shim, int signal_number, int64_t grace_ms)
{
	if (shim->phase != PHASE_RUNNING)
		return;
	shim->phase = PHASE_STOPPING;
	shim->terminated = false;
	shim->grace_usec = grace_ms * 1000;
	shim->exit.wanted = true;
	shim->deadline = now_monotonic() + grace_ms * 1000;
	kill(shim->pid, signal_number);
	control_send_status(shim);
}

/* The last request, to everything that is left; it has no more time than the first one gave. */
static void terminate(struct shim *shim)
{
	int64_t grace =
		shim->grace_usec < LEFTOVER_GRACE_USEC ? shim->grace_usec : LEFTOVER_GRACE_USEC;

	shim->terminated = true;
	shim->deadline = now_monotonic() + grace;
	descendants_signal(SIGTERM);
}

void service_deadline(struct shim *shim)
{
	if (shim->phase == PHASE_STOPPING && !shim->terminated && shim->grace_usec > 0)
		terminate(shim);
	else if (shim->phase == PHASE_STOPPING || shim->phase == PHASE_KILLING)
		service_kill(shim);
}

static void main_ended(struct shim *shim, int status)
{
	struct exit_status *ended = &shim->exit;

	ended->at = now_utc();
	ended->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	ended->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	ended->core = WIFSIGNALED(status) && WCOREDUMP(status);
	shim->pid = 0;
}

/* The main process is gone and others are left. */
static void leftovers(struct shim *shim)
{
	if (shim->phase == PHASE_STOPPING) {
		if (!shim->terminated)
			terminate(shim);
	} else if (shim->phase == PHASE_RUNNING && shim->exit.code == 0) {
		/* A program that puts itself into the background: its child is the service. */
		shim->pid = descendants_child();
		if (shim->pid > 0)
			control_send_status(shim);
	} else {
		service_kill(shim);
	}
}

static void service_over(struct shim *shim)
{
	for (int i = 0; i < 2; i++)
		stream_drain(&shim->streams[i], &shim->segments, &shim->tail);
	segments_note_dropped(&shim->segments);
	segments_flush(&shim->segments);
	shim->pid = 0;
	shim->phase = PHASE_IDLE;
	control_exited(shim);
}

void service_reap(struct shim *shim)
{
	pid_t pid;
	int status;
	bool ended = false;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == shim->pid) {
			main_ended(shim, status);
			ended = true;
		}
	}
	if (shim->phase == PHASE_IDLE)
		return;
	if (pid < 0 && errno == ECHILD)
		service_over(shim);
	else if (ended || (shim->pid == 0 && shim->phase == PHASE_RUNNING))
		leftovers(shim);
}
