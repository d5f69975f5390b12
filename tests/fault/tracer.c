/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program and lets something go wrong at its nth system call that could change anything outside
 * of it: fault_tracer [OPTION=VALUE...] -- PROGRAM ARGUMENT...
 *
 *   root=DIR     the folder whose files are the disk (needed)
 *   at=N         which call, counted over the program and the children of the same program; 0: none
 *   match=TEXT   count only calls that have this in their name and path, as in "rename /x/y"
 *   fault=KIND   kill: SIGKILL before the call. torn: after it, of a write only a part is done.
 *                cut: power fails before the call (disk.h); everything below root is killed.
 *                EIO, ENOSPC, EROFS, ENOMEM, EAGAIN: the call answers that.
 *                fill: the disk is filled to the last byte with the file named by fill=
 *   times=N      an error comes N times (0: until SIGUSR1 arrives here)
 *   seed=N       of what survives a cut, and of how a write is torn
 *   stash=DIR    an empty folder on root's file system, outside of it, for fault=cut
 *   report=FILE  gets one line when the fault strikes and at the end: how many calls there were, what the nth
 *                was, the exit status (-N: signal N), how many calls have failed
 *   calls=FILE   gets a line for each call that counts
 *
 * Children that execute another program (shims, hooks) are let go: they are what survives. SIGTERM is
 * handed on to the program.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "disk.h"

/* The kernel's struct ptrace_syscall_info, without what seccomp adds. */
struct syscall_info {
	uint8_t op, pad[3];
	uint32_t arch;
	uint64_t instruction, stack;
	union {
		struct {
			uint64_t number, arguments[6];
		} entry;
		struct {
			int64_t value;
			uint8_t is_error;
		} leave;
	};
};

enum { OP_ENTRY = 1, OP_EXIT = 2, GET_SYSCALL_INFO = 0x420e, MAX_TRACEES = 64 };

enum fault { FAULT_NONE, FAULT_KILL, FAULT_TORN, FAULT_CUT, FAULT_FILL, FAULT_ERROR };

struct tracee {
	pid_t pid; /* 0: free */
	bool in_call;
	bool fails;  /* its call was replaced by an error */
	bool killed; /* after its call */
	struct call call;
	struct disk_change *change;
};

static struct {
	const char *root, *stash, *report, *calls, *fill, *match;
	enum fault fault;
	int error_number;
	long at, times, seed;
	pid_t program;
	char executable[PATH_MAX];
	struct tracee tracees[MAX_TRACEES];
	struct disk *disk;
	long count;
	long failures;
	bool ending; /* the fault has killed the program: let all others go */
	int status;
	FILE *list;
	char hit[3 * PATH_MAX];
} run;

static volatile sig_atomic_t lifted, asked_to_end;

static void on_signal(int number)
{
	if (number == SIGUSR1)
		lifted = 1;
	else
		asked_to_end = 1;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "fault_tracer: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* --- options --- */

static const struct {
	const char *name;
	enum fault fault;
	int error_number;
} FAULTS[] = {
	{"none", FAULT_NONE, 0},	 {"kill", FAULT_KILL, 0},
	{"torn", FAULT_TORN, 0},	 {"cut", FAULT_CUT, 0},
	{"fill", FAULT_FILL, 0},	 {"EIO", FAULT_ERROR, EIO},
	{"ENOSPC", FAULT_ERROR, ENOSPC}, {"EROFS", FAULT_ERROR, EROFS},
	{"ENOMEM", FAULT_ERROR, ENOMEM}, {"EAGAIN", FAULT_ERROR, EAGAIN},
};

static void take_fault(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(FAULTS); i++) {
		if (strcmp(FAULTS[i].name, name) != 0)
			continue;
		run.fault = FAULTS[i].fault;
		run.error_number = FAULTS[i].error_number;
		return;
	}
	errno = EINVAL;
	die(name);
}

static void take_option(char *text)
{
	const struct {
		const char *name;
		const char **text;
		long *number;
	} options[] = {
		{"root", &run.root, NULL},     {"stash", &run.stash, NULL},
		{"report", &run.report, NULL}, {"calls", &run.calls, NULL},
		{"fill", &run.fill, NULL},     {"match", &run.match, NULL},
		{"at", NULL, &run.at},	       {"times", NULL, &run.times},
		{"seed", NULL, &run.seed},
	};
	char *value = strchr(text, '=');

	if (value)
		*value++ = '\0';
	for (size_t i = 0; value && i < ARRAY_SIZE(options); i++) {
		if (strcmp(options[i].name, text) != 0)
			continue;
		if (options[i].text)
			*options[i].text = value;
		else
			*options[i].number = strtol(value, NULL, 10);
		return;
	}
	if (!value || strcmp(text, "fault") != 0) {
		errno = EINVAL;
		die(text);
	}
	take_fault(value);
}

/* --- tracees --- */

static struct tracee *find(pid_t pid)
{
	struct tracee *unused = NULL;

	for (size_t i = 0; i < MAX_TRACEES; i++) {
		if (run.tracees[i].pid == pid)
			return &run.tracees[i];
		if (run.tracees[i].pid == 0)
			unused = &run.tracees[i];
	}
	if (!unused)
		die("too many processes");
	*unused = (struct tracee){.pid = pid};
	return unused;
}

static void forget(struct tracee *tracee)
{
	disk_failed(tracee->change);
	*tracee = (struct tracee){0};
}

/* Has it become another program? */
static bool is_stranger(pid_t pid)
{
	char name[64], path[PATH_MAX];

	snprintf(name, sizeof(name), "/proc/%d/exe", (int)pid);
	ssize_t length = readlink(name, path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	return strcmp(path, run.executable) != 0;
}

/* --- what goes wrong --- */

static void write_report(void)
{
	FILE *file = run.report ? fopen(run.report, "we") : stdout;

	if (!file)
		die("report");
	fprintf(file, "%ld\t%s\t%d\t%ld\n", run.count, run.hit,
		WIFSIGNALED(run.status) ? -WTERMSIG(run.status) : WEXITSTATUS(run.status),
		run.failures);
	if (file != stdout)
		fclose(file);
}

static bool lives_below_root(pid_t pid)
{
	char name[64], path[PATH_MAX];
	size_t length = strlen(run.root);

	snprintf(name, sizeof(name), "/proc/%d/cwd", (int)pid);
	ssize_t count = readlink(name, path, sizeof(path) - 1);
	path[count > 0 ? count : 0] = '\0';
	return strncmp(path, run.root, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

/* Shims and services too. Whoever forks meanwhile is found in the next round. */
static void kill_all_below_root(void)
{
	bool found;

	do {
		DIR *folder = opendir("/proc");
		const struct dirent *entry;

		found = false;
		while (folder && (entry = readdir(folder))) {
			pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

			if (pid > 0 && pid != getpid() && lives_below_root(pid))
				found = kill(pid, SIGKILL) == 0 || found;
		}
		if (folder)
			closedir(folder);
	} while (found);
}

static void fill_disk(void)
{
	int fd = open(run.fill, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	off_t end = 0;

	if (fd < 0)
		die(run.fill);
	for (off_t step = 1 << 20; step > 0; step /= 2)
		while (fallocate(fd, 0, end, step) == 0)
			end += step;
	close(fd);
}

/* A full disk still lets go of things, and one that is read only only lets things be looked at. */
static bool error_fits(const struct call *call)
{
	if (run.error_number == EAGAIN || run.error_number == ENOMEM)
		return call->kind == CALL_PROCESS;
	if (!call->disk)
		return false;
	switch (call->kind) {
	case CALL_SYNC:
	case CALL_SYNC_ALL:
		return run.error_number == EIO;
	case CALL_UNLINK:
	case CALL_RMDIR:
	case CALL_TRUNCATE:
	case CALL_ATTRIBUTES:
		return run.error_number != ENOSPC;
	case CALL_OPEN:
		return call->counts || run.error_number == EROFS;
	default:
		return true;
	}
}

static void replace_call(struct tracee *tracee)
{
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, tracee->pid, NULL, &registers) < 0)
		return;
	registers.orig_rax = (unsigned long long)-1;
	ptrace(PTRACE_SETREGS, tracee->pid, NULL, &registers);
	tracee->fails = true;
	run.failures++;
}

static void tear_call(struct tracee *tracee)
{
	struct user_regs_struct registers;
	uint64_t count = tracee->call.count;

	tracee->killed = true;
	if (tracee->call.kind != CALL_WRITE || count < 2 || tracee->call.count_argument != 2 ||
	    ptrace(PTRACE_GETREGS, tracee->pid, NULL, &registers) < 0)
		return;
	registers.rdx = 1 + ((uint64_t)run.seed * 2654435761u + (uint64_t)run.at) % (count - 1);
	ptrace(PTRACE_SETREGS, tracee->pid, NULL, &registers);
}

static void kill_program(void)
{
	kill(run.program, SIGKILL);
	run.ending = true;
}

static void strike(struct tracee *tracee)
{
	if (run.report)
		write_report();
	switch (run.fault) {
	case FAULT_KILL:
		kill_program();
		break;
	case FAULT_TORN:
		tear_call(tracee);
		break;
	case FAULT_CUT:
		kill_program();
		kill_all_below_root();
		break;
	case FAULT_FILL:
		fill_disk();
		break;
	default:
		break;
	}
}

static bool is_counted(const struct call *call)
{
	char text[2 * PATH_MAX];

	if (!call->counts || !run.match)
		return call->counts;
	snprintf(text, sizeof(text), "%s %s", call->name, call->path);
	return strstr(text, run.match) != NULL;
}

static void before_call(struct tracee *tracee, const struct syscall_info *info)
{
	struct call *call = &tracee->call;

	call_read(tracee->pid, info->entry.number, info->entry.arguments, run.root, call);
	if (call->kind == CALL_NONE)
		return;
	if (is_counted(call)) {
		run.count++;
		if (run.list)
			fprintf(run.list, "%ld %s %s %s\n", run.count, call->name, call->path,
				call->other);
		if (run.count == run.at) {
			snprintf(run.hit, sizeof(run.hit), "%s %s %s", call->name, call->path,
				 call->other);
			strike(tracee);
		}
	}
	if (run.fault == FAULT_ERROR && run.at > 0 && run.count >= run.at && !lifted &&
	    (run.times == 0 || run.failures < run.times) && error_fits(call))
		replace_call(tracee);
	if (run.disk && !run.ending)
		tracee->change = disk_before(run.disk, tracee->pid, call);
}

static void after_call(struct tracee *tracee, const struct syscall_info *info)
{
	struct user_regs_struct registers;

	if (tracee->fails && ptrace(PTRACE_GETREGS, tracee->pid, NULL, &registers) == 0) {
		registers.rax = (unsigned long long)-(long long)run.error_number;
		ptrace(PTRACE_SETREGS, tracee->pid, NULL, &registers);
	}
	if (run.disk && tracee->call.kind != CALL_NONE) {
		if (info->leave.is_error || tracee->fails)
			disk_failed(tracee->change);
		else
			disk_after(run.disk, &tracee->call, tracee->change);
	}
	tracee->change = NULL;
	tracee->fails = false;
	if (tracee->killed)
		kill_program();
}

/* --- the loop --- */

static void go_on(struct tracee *tracee, int number)
{
	ptrace(PTRACE_SYSCALL, tracee->pid, NULL, number);
}

static void call_stop(struct tracee *tracee)
{
	struct syscall_info info = {0};

	if (ptrace((enum __ptrace_request)GET_SYSCALL_INFO, tracee->pid, sizeof(info), &info) > 0) {
		if (info.op == OP_ENTRY)
			before_call(tracee, &info);
		else if (info.op == OP_EXIT)
			after_call(tracee, &info);
	}
	go_on(tracee, 0);
}

static void stopped(struct tracee *tracee, int status)
{
	int number = WSTOPSIG(status), event = status >> 16;

	if ((run.ending && tracee->pid != run.program) ||
	    (event == PTRACE_EVENT_EXEC && is_stranger(tracee->pid))) {
		ptrace(PTRACE_DETACH, tracee->pid, NULL, 0);
		/* One that we have sent may still wait for it. */
		kill(tracee->pid, SIGCONT);
		forget(tracee);
	} else if (number == (SIGTRAP | 0x80)) {
		call_stop(tracee);
	} else if (event || number == SIGSTOP || number == SIGTRAP) {
		go_on(tracee, 0);
	} else {
		go_on(tracee, number);
	}
}

static bool any_left(void)
{
	for (size_t i = 0; i < MAX_TRACEES; i++)
		if (run.tracees[i].pid)
			return true;
	return false;
}

static void trace(void)
{
	int status;

	while (any_left()) {
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno != EINTR)
			break;
		if (asked_to_end) {
			asked_to_end = 0;
			kill(run.program, SIGTERM);
		}
		if (pid < 0)
			continue;
		struct tracee *tracee = find(pid);
		if (WIFSTOPPED(status)) {
			stopped(tracee, status);
			continue;
		}
		if (pid == run.program) {
			run.status = status;
			/* Its children follow by themselves, or are on their way to another program. */
			run.ending = true;
			for (size_t i = 0; i < MAX_TRACEES; i++)
				if (run.tracees[i].pid && run.tracees[i].pid != pid)
					kill(run.tracees[i].pid, SIGSTOP);
		}
		forget(tracee);
	}
}

static void start(char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	int status;

	if (!realpath(argv[0], run.executable))
		die(argv[0]);
	run.program = fork();
	if (run.program == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[0], argv);
		die(argv[0]);
	}
	if (run.program < 0 || waitpid(run.program, &status, __WALL) < 0 || !WIFSTOPPED(status))
		die("cannot start");
	if (ptrace(PTRACE_SETOPTIONS, run.program, NULL, options) < 0)
		die("cannot trace");
	go_on(find(run.program), 0);
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = on_signal};
	int i = 1;

	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		take_option(argv[i]);
	if (i + 1 >= argc || !run.root || (run.fault == FAULT_FILL && !run.fill) ||
	    (run.fault == FAULT_CUT && !run.stash)) {
		errno = EINVAL;
		die("root=DIR -- PROGRAM expected");
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	run.list = run.calls ? fopen(run.calls, "we") : NULL;
	if (run.fault == FAULT_CUT)
		run.disk = disk_new(run.root, run.stash);
	start(argv + i + 1);
	trace();
	if (run.fault == FAULT_CUT && run.hit[0]) {
		kill_all_below_root();
		disk_cut(run.disk, (uint64_t)run.seed);
	}
	write_report();
	return 0;
}
