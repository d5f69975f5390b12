/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __GLIBC__
typedef __rlimit_resource_t rlimit_resource; /* an enum, where POSIX says int */
#else
typedef int rlimit_resource;
#endif

#define CLONE_INTO_CGROUP_FLAG UINT64_C(0x200000000)
#define SYS_CLONE3 435L /* on every architecture */

/* A program that takes our place is told the number. */
enum step {
	STEP_NONE,
	STEP_FORK,
	STEP_SESSION,
	STEP_CGROUP,
	STEP_LIMIT,
	STEP_USER,
	STEP_FOLDER,
	STEP_EXEC,
	STEP_TMP,
	STEP_CAPABILITIES,
};

/* One word each in a packet; the agent puts the spaces back. */
static const char *const STEP_NAMES[] = {
	[STEP_NONE] = "",
	[STEP_FORK] = "create_a_process",
	[STEP_SESSION] = "create_a_session",
	[STEP_CGROUP] = "join_the_cgroup",
	[STEP_LIMIT] = "set_a_resource_limit",
	[STEP_USER] = "become_the_user",
	[STEP_FOLDER] = "enter_the_working_folder",
	[STEP_EXEC] = "execute_the_program",
	[STEP_TMP] = "make_its_private_tmp",
	[STEP_CAPABILITIES] = "set_its_capabilities",
};

const char *service_step_name(int step)
{
	if (step < 0 || (size_t)step >= sizeof(STEP_NAMES) / sizeof(STEP_NAMES[0]))
		return "start_it";
	return STEP_NAMES[step];
}

struct failure {
	enum step step;
	int error;
};

bool cgroup_join(const char *folder, const char *suffix)
{
	char path[4096];
	int length = snprintf(path, sizeof(path), "%s%s/cgroup.procs", folder, suffix);

	if (length < 0 || (size_t)length >= sizeof(path))
		return false;
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool done = write(fd, "0", 1) == 1;
	close(fd);
	return done;
}

static bool user_become(const struct shim_options *options)
{
	if (!options->set_user)
		return true;
	return setgroups(options->group_count, options->groups) == 0 &&
	       setresgid(options->gid, options->gid, options->gid) == 0 &&
	       setresuid(options->uid, options->uid, options->uid) == 0;
}

static void signals_default(void)
{
	/* The kernel's struct sigaction, all zero: the default on every architecture. */
	static const char standard[64];
	sigset_t none;

	sigemptyset(&none);
	/* signal() keeps off the C library's own two, which may come to us ignored. */
	for (int i = 1; i < NSIG; i++)
		syscall(SYS_rt_sigaction, i, standard, NULL, (size_t)NSIG / 8);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void oom_score_reset(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* May be refused; then the score stays as it was given to us. */
	ssize_t ignored = write(fd, "0", 1);
	(void)ignored;
	close(fd);
}

/* Where the machine allows less than the limit, it limits enough already. */
static bool limit_set(int resource, rlim_t value)
{
	struct rlimit limit = {value, value};

	if (setrlimit((rlimit_resource)resource, &limit) == 0)
		return true;
	if (getrlimit((rlimit_resource)resource, &limit) < 0 || limit.rlim_max > value)
		return false;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit((rlimit_resource)resource, &limit) == 0;
}

static enum step child_prepare(const struct shim_options *options, bool placed)
{
	if (setsid() < 0)
		return STEP_SESSION;
	oom_score_reset();
	for (size_t i = 0; i < options->cgroup_count && !placed; i++) {
		if (!cgroup_join(options->cgroups[i], ""))
			return STEP_CGROUP;
	}
	for (size_t i = 0; i < options->limit_count; i++)
		if (!limit_set(options->limits[i].resource, options->limits[i].value))
			return STEP_LIMIT;
	if (!private_tmp_make(options))
		return STEP_TMP;
	if (!capabilities_prepare(options))
		return STEP_CAPABILITIES;
	if (!user_become(options))
		return STEP_USER;
	if (!capabilities_set(options))
		return STEP_CAPABILITIES;
	if (!options->new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return STEP_USER;
	/* Set last, since a change of user clears it: without a shim nobody would hold the
	 * service, and a second copy would be started beside it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (options->cwd && chdir(options->cwd) < 0)
		return STEP_FOLDER;
	return STEP_EXEC;
}

static _Noreturn void child_main(const struct shim_options *options, bool placed,
				 const int outputs[2], int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(outputs[0], STDOUT_FILENO);
	dup2(outputs[1], STDERR_FILENO);
	errno = 0;
	struct failure failure = {.step = child_prepare(options, placed)};
	if (failure.step == STEP_EXEC) {
		/* After the change of user: for that the C library signals its own threads, if an
		 * instrumented build has some. */
		signals_default();
		execvp(options->command[0], options->command);
	}
	failure.error = errno;
	ssize_t ignored = write(report, &failure, sizeof(failure));
	(void)ignored;
	_exit(127);
}

/*
 * Moving a process into a group waits for the whole system to pass a quiet point (some ten
 * milliseconds); a process that is born in it does not (clone3(2), cgroups version 2, Linux 5.7).
 * False in *placed: it has to move by itself. Returns as fork does.
 */
static pid_t placed_fork(const struct shim_options *options, bool *placed)
{
	/* As in linux/sched.h, which not every C library's compiler finds. */
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
		uint64_t stack, stack_size, tls, set_tid, set_tid_size, cgroup;
	} arguments = {.flags = CLONE_INTO_CGROUP_FLAG, .exit_signal = SIGCHLD};

	*placed = false;
	if (options->cgroup_count != 1)
		return fork();
	int folder = open(options->cgroups[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return fork();
	arguments.cgroup = (uint64_t)folder;
	*placed = true;
	long pid = syscall(SYS_CLONE3, &arguments, sizeof(arguments));
	close(folder);
	if (pid >= 0)
		return (pid_t)pid;
	*placed = false;
	return fork();
}

static void start_failed(struct shim *shim, const struct failure *failure)
{
	shim->phase = PHASE_IDLE;
	shim->pid = 0;
	shim->exit = (struct exit_status){
		.code = -1,
		.at = now_utc(),
		.step = (int)failure->step,
		.failed_errno = failure->error,
	};
	for (int i = 0; i < 2; i++)
		stream_drain(&shim->streams[i], &shim->segments, &shim->tail);
	control_exited(shim);
}

/* pipes[0] and [1] for output, [2] for the report of what failed before exec. */
static bool pipes_open(int pipes[3][2])
{
	for (int i = 0; i < 3; i++) {
		if (pipe2(pipes[i], O_CLOEXEC) < 0) {
			while (i-- > 0) {
				close(pipes[i][0]);
				close(pipes[i][1]);
			}
			return false;
		}
	}
	return true;
}

void service_start(struct shim *shim)
{
	struct failure failure = {.step = STEP_FORK};
	int pipes[3][2];

	shim->run++;
	shim->tail.used = 0;
	shim->exit = (struct exit_status){0};
	shim->started_at = now_utc();
	if (!pipes_open(pipes)) {
		failure.error = errno;
		start_failed(shim, &failure);
		return;
	}
	bool placed;
	pid_t pid = placed_fork(&shim->options, &placed);
	if (pid == 0) {
		int outputs[2] = {pipes[0][1], pipes[1][1]};

		child_main(&shim->options, placed, outputs, pipes[2][1]);
	}
	failure.error = errno;
	for (int i = 0; i < 3; i++)
		close(pipes[i][1]);
	for (int i = 0; i < 2; i++) {
		fcntl(pipes[i][0], F_SETFL, O_NONBLOCK);
		shim->streams[i].fd = pipes[i][0];
		shim->streams[i].kind = i == 0 ? 'o' : 'e';
		shim->streams[i].used = 0;
	}
	bool failed = pid < 0 || read(pipes[2][0], &failure, sizeof(failure)) > 0;
	close(pipes[2][0]);
	if (failed) {
		/* A child that failed ends by itself and is reaped with the next SIGCHLD. */
		start_failed(shim, &failure);
		return;
	}
	shim->pid = pid;
	shim->phase = PHASE_RUNNING;
	control_send_status(shim);
}
