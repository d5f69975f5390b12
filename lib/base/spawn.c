/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"

#define CLOSE_RANGE_CLOEXEC_FLAG 4u

#ifdef __GLIBC__
typedef __rlimit_resource_t rlimit_resource; /* an enum, where POSIX says int */
#else
typedef int rlimit_resource;
#endif

/* What the child tells its parent when it could not get as far as exec. */
struct failure {
	int error_number;
	char step[28];
};

/* Everything that the child needs, prepared before the fork. */
struct plan {
	const struct spawn_options *options;
	const char *program;
	int report; /* write end of the pipe for struct failure */
	int null;   /* /dev/null */
	int *held;  /* copies of the parent's descriptors, above every target */
	int lowest_free;
	pid_t parent;
};

static _Noreturn void give_up(int report, const char *step)
{
	struct failure failure = {.error_number = errno};

	for (size_t i = 0; step[i] && i < sizeof(failure.step) - 1; i++)
		failure.step[i] = step[i];
	ssize_t ignored = write(report, &failure, sizeof(failure));
	(void)ignored;
	_exit(127);
}

static void child_signals(int report)
{
	/* The kernel's struct sigaction, all zero: the default on every architecture. */
	static const char standard[64];

	for (int number = 1; number < NSIG; number++) {
		/* sigaction() keeps off the C library's own two, which posix_spawn of whoever
		 * started us may have left ignored. KILL and STOP cannot be set. */
		if (syscall(SYS_rt_sigaction, number, standard, NULL, (size_t)NSIG / 8) < 0 &&
		    errno != EINVAL)
			give_up(report, "reset signals");
	}
}

/* Puts every descriptor in its place and marks all others to be closed by exec. */
static void child_descriptors(const struct plan *plan)
{
	const struct spawn_options *options = plan->options;
	bool taken[3] = {false, false, false};

	for (size_t i = 0; i < options->fd_count; i++) {
		int target = options->fds[i].child;

		if (target < 3)
			taken[target] = true;
	}
	for (int fd = 0; fd < 3; fd++) {
		if (!taken[fd] && dup2(plan->null, fd) < 0)
			give_up(plan->report, "open /dev/null");
	}
	if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC_FLAG) < 0) {
		long limit = sysconf(_SC_OPEN_MAX);

		for (int fd = 3; fd < (int)limit; fd++)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
	/* dup2 makes descriptors that exec keeps. */
	for (size_t i = 0; i < options->fd_count; i++) {
		if (dup2(plan->held[i], options->fds[i].child) < 0)
			give_up(plan->report, "hand over descriptors");
	}
}

static void child_rights(const struct plan *plan)
{
	const struct spawn_options *options = plan->options;

	for (size_t i = 0; i < options->limit_count; i++) {
		struct rlimit limit = {options->limits[i].value, options->limits[i].value};

		if (setrlimit((rlimit_resource)options->limits[i].resource, &limit) < 0)
			give_up(plan->report, "set limits");
	}
	if (options->flags & SPAWN_SET_USER) {
		if (setgroups(0, NULL) < 0 || setgid(options->gid) < 0 || setuid(options->uid) < 0)
			give_up(plan->report, "change user");
	}
	if ((options->flags & SPAWN_NO_NEW_PRIVS) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		give_up(plan->report, "give up privileges");
	/* After the change of user, which clears it. */
	if (options->flags & SPAWN_DIE_WITH_PARENT) {
		int signal_number = options->death_signal ? options->death_signal : SIGKILL;

		if (prctl(PR_SET_PDEATHSIG, signal_number) < 0)
			give_up(plan->report, "follow the parent");
		if (getppid() != plan->parent)
			_exit(127);
	}
}

static _Noreturn void child_main(const struct plan *plan)
{
	const struct spawn_options *options = plan->options;
	sigset_t none;

	if ((options->flags & SPAWN_SESSION) && setsid() < 0)
		give_up(plan->report, "start a session");
	if ((options->flags & SPAWN_GROUP) && setpgid(0, 0) < 0)
		give_up(plan->report, "start a process group");
	child_descriptors(plan);
	if (options->folder && chdir(options->folder) < 0)
		give_up(plan->report, "enter the folder");
	if (options->umask)
		umask((mode_t)options->umask);
	child_rights(plan);
	/* All signals have been blocked until here. Not before the change of user: for that the C
	 * library signals its own threads, if an instrumented build has some. */
	child_signals(plan->report);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(plan->program, options->argv, options->env ? options->env : environ);
	give_up(plan->report, "execute the program");
}

/* The path of a program as execvp would find it; allocated. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return xstrdup(name);
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t length = strcspn(path, ":");
		char candidate[4096];
		int written = snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)length,
				       length ? path : ".", name);

		if (written > 0 && (size_t)written < sizeof(candidate) &&
		    access(candidate, X_OK) == 0)
			return xstrdup(candidate);
		path += length;
		path += *path == ':';
	}
	return NULL;
}

/* Copies the descriptors to numbers above all targets, so that no dup2 overwrites another. */
static bool hold_descriptors(struct plan *plan, struct error *err)
{
	const struct spawn_options *options = plan->options;

	plan->lowest_free = 3;
	for (size_t i = 0; i < options->fd_count; i++) {
		if (options->fds[i].child >= plan->lowest_free)
			plan->lowest_free = options->fds[i].child + 1;
	}
	for (size_t i = 0; i < options->fd_count; i++) {
		plan->held[i] = fcntl(options->fds[i].parent, F_DUPFD_CLOEXEC, plan->lowest_free);
		if (plan->held[i] < 0)
			return error_set_errno(err, ERR_INTERNAL, errno,
					       "could not copy descriptor %d",
					       options->fds[i].parent);
	}
	return true;
}

static void release_plan(struct plan *plan)
{
	for (size_t i = 0; i < plan->options->fd_count; i++)
		fd_cleanup(&plan->held[i]);
	fd_cleanup(&plan->report);
	fd_cleanup(&plan->null);
	free(plan->held);
}

static enum error_code code_of(int error_number)
{
	if (error_number == ENOENT || error_number == ENOTDIR)
		return ERR_NOT_FOUND;
	if (error_number == EACCES || error_number == EPERM)
		return ERR_FORBIDDEN;
	return ERR_INTERNAL;
}

/* Waits until exec closes the pipe or the child has written why not. */
static bool await_exec(int pipe_end, pid_t pid, const char *program, struct error *err)
{
	struct failure failure;
	ssize_t count;

	do {
		count = read(pipe_end, &failure, sizeof(failure));
	} while (count < 0 && errno == EINTR);
	if (count == 0)
		return true;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (count != (ssize_t)sizeof(failure))
		return error_set(err, ERR_INTERNAL, "could not start %s: no answer", program);
	failure.step[sizeof(failure.step) - 1] = '\0';
	return error_set_errno(err, code_of(failure.error_number), failure.error_number,
			       "could not start %s: could not %s", program, failure.step);
}

/* Forks with all signals blocked, so that no handler of ours runs in the child. */
static pid_t fork_blocked(const struct plan *plan)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		child_main(plan);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static bool start(struct plan *plan, struct child *out, struct error *err)
{
	int ends[2];

	if (!hold_descriptors(plan, err))
		return false;
	plan->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (plan->null < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not start %s",
				       plan->program);
	CLEANUP(fd_cleanup) int answer = ends[0];
	/* Above the targets too: dup2 must not hit it. */
	plan->report = fcntl(ends[1], F_DUPFD_CLOEXEC, plan->lowest_free);
	close(ends[1]);
	int null = fcntl(plan->null, F_DUPFD_CLOEXEC, plan->lowest_free);
	close(plan->null);
	plan->null = null;
	if (plan->report < 0 || plan->null < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not start %s",
				       plan->program);
	plan->parent = getpid();
	pid_t pid = fork_blocked(plan);
	if (pid < 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not start %s",
				       plan->program);
	fd_cleanup(&plan->report);
	if (!await_exec(answer, pid, plan->program, err))
		return false;
	out->pid = pid;
	out->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (out->pidfd >= 0)
		return true;
	error_set_errno(err, ERR_INTERNAL, errno, "could not watch %s", plan->program);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return false;
}

bool spawn(const struct spawn_options *options, struct child *out, struct error *err)
{
	struct plan plan = {.options = options, .report = -1, .null = -1};
	const char *name = options->program ? options->program : options->argv[0];
	char *program = find_program(name);

	if (!program)
		return error_set(err, ERR_NOT_FOUND, "could not start %s: not in PATH", name);
	plan.program = program;
	plan.held = xcalloc(options->fd_count, sizeof(*plan.held));
	for (size_t i = 0; i < options->fd_count; i++)
		plan.held[i] = -1;
	bool done = start(&plan, out, err);
	release_plan(&plan);
	free(program);
	return done;
}

int child_wait(struct child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	fd_cleanup(&child->pidfd);
	child->pid = -1;
	return status;
}

bool child_wait_timeout(struct child *child, int timeout_ms, int *status)
{
	struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};
	usec_t deadline = clock_monotonic() + timeout_ms * USEC_PER_MSEC;
	int count;

	do {
		usec_t left = deadline - clock_monotonic();

		count = poll(&ended, 1, left > 0 ? (int)((left + 999) / USEC_PER_MSEC) : 0);
	} while (count < 0 && errno == EINTR);
	if (count <= 0)
		return false;
	*status = child_wait(child);
	return true;
}

int child_stop(struct child *child, bool group, int grace_ms)
{
	pid_t target = group ? -child->pid : child->pid;
	int status;

	kill(target, SIGTERM);
	if (child_wait_timeout(child, grace_ms, &status)) {
		/* What is left of the group has lost its leader. */
		if (group)
			kill(target, SIGKILL);
		return status;
	}
	kill(target, SIGKILL);
	return child_wait(child);
}

/* sigabbrev_np(3), which musl lacks, for the signals that end programs. */
static const char *signal_name(int number)
{
	static const char *const NAMES[] = {
		[SIGHUP] = "HUP",   [SIGINT] = "INT",	[SIGQUIT] = "QUIT", [SIGILL] = "ILL",
		[SIGTRAP] = "TRAP", [SIGABRT] = "ABRT", [SIGBUS] = "BUS",   [SIGFPE] = "FPE",
		[SIGKILL] = "KILL", [SIGUSR1] = "USR1", [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
		[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM", [SIGTERM] = "TERM", [SIGXCPU] = "XCPU",
		[SIGXFSZ] = "XFSZ", [SIGSYS] = "SYS",
	};
	const char *name = number < (int)ARRAY_SIZE(NAMES) ? NAMES[number] : NULL;

	return name ? name : "unknown";
}

const char *wait_status_text(int status)
{
	static _Thread_local char text[64];

	if (WIFEXITED(status)) {
		snprintf(text, sizeof(text), "exited with %d", WEXITSTATUS(status));
	} else if (WIFSIGNALED(status)) {
		snprintf(text, sizeof(text), "killed by signal %d (%s)", WTERMSIG(status),
			 signal_name(WTERMSIG(status)));
	} else {
		snprintf(text, sizeof(text), "ended with status %d", status);
	}
	return text;
}
