/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POLL_SIGNAL, POLL_LISTEN, POLL_CLIENT, POLL_STDOUT, POLL_STDERR, POLL_COUNT };

/* To the agent that has started us; without one, to whoever watches stderr. */
static int fail(const char *text)
{
	char packet[256] = "error ";
	size_t length = strnlen(text, sizeof(packet) - 8);

	memcpy(packet + 6, text, length);
	if (send(SHIM_CONTROL_FD, packet, length + 6, MSG_NOSIGNAL) < 0) {
		packet[length + 6] = '\n';
		ssize_t ignored = write(STDERR_FILENO, packet, length + 7);
		(void)ignored;
	}
	return 1;
}

static bool is_socket(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

static bool signals_prepare(struct shim *shim)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return false;
	signal(SIGPIPE, SIG_IGN);
	shim->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return shim->signal_fd >= 0;
}

/* The last that the system should kill for memory is what holds the service. */
static void oom_score_lower(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* Only root may; others live with the usual score. */
	ssize_t ignored = write(fd, "-900", 4);
	(void)ignored;
	close(fd);
}

static void signals_handle(struct shim *shim)
{
	struct signalfd_siginfo info;

	while (read(shim->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGTERM && info.ssi_signo != SIGINT)
			continue;
		/* The machine goes down: the service gets its proper stop first. */
		if (shim->phase == PHASE_IDLE)
			shim->done = true;
		shim->ending = true;
		service_stop(shim, shim->options.stop_signal, shim->options.grace_ms);
	}
	service_reap(shim);
}

static int poll_timeout(const struct shim *shim)
{
	if (shim->phase != PHASE_STOPPING && shim->phase != PHASE_KILLING)
		return -1;
	int64_t left = shim->deadline - now_monotonic();
	if (left <= 0)
		return 0;
	return (int)(left / 1000 + 1);
}

static void turn(struct shim *shim)
{
	struct pollfd fds[POLL_COUNT] = {
		[POLL_SIGNAL] = {.fd = shim->signal_fd, .events = POLLIN},
		[POLL_LISTEN] = {.fd = shim->listen_fd, .events = POLLIN},
		[POLL_CLIENT] = {.fd = shim->client_fd, .events = POLLIN},
		[POLL_STDOUT] = {.fd = shim->streams[0].fd, .events = POLLIN},
		[POLL_STDERR] = {.fd = shim->streams[1].fd, .events = POLLIN},
	};

	if (poll(fds, POLL_COUNT, poll_timeout(shim)) < 0)
		return;
	for (int i = 0; i < 2; i++) {
		struct stream *stream = &shim->streams[i];

		if (fds[POLL_STDOUT + i].revents &&
		    !stream_read(stream, &shim->segments, &shim->tail))
			stream_drain(stream, &shim->segments, &shim->tail);
	}
	if (fds[POLL_SIGNAL].revents)
		signals_handle(shim);
	if (shim->client_fd >= 0 && shim->client_fd == fds[POLL_CLIENT].fd &&
	    fds[POLL_CLIENT].revents)
		control_receive(shim);
	if (fds[POLL_LISTEN].revents)
		control_accept(shim);
	if ((shim->phase == PHASE_STOPPING || shim->phase == PHASE_KILLING) &&
	    now_monotonic() >= shim->deadline)
		service_deadline(shim);
	segments_flush(&shim->segments);
}

/* A service that is to be there by itself says why it cannot be. */
static void groups_enter(struct shim_options *options)
{
	for (size_t i = 0; i < options->within_count; i++) {
		if (!cgroup_join(options->within[i], "") &&
		    options->cgroup_count < SHIM_MAX_CGROUPS)
			options->cgroups[options->cgroup_count++] = options->within[i];
	}
}

/* What is empty can be removed; the agent does that when it sees us go. */
static void groups_leave(const struct shim_options *options)
{
	for (size_t i = 0; i < options->within_count; i++)
		cgroup_join(options->within[i], "/..");
}

/* As a process of our own; NULL: all is there, else what could not be done. */
static const char *begin(struct shim *shim)
{
	/* The agent waits for this first process only; we belong to nobody. */
	pid_t pid = fork();

	if (pid < 0)
		return "could not fork";
	if (pid > 0)
		_exit(0);
	setsid();
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return "could not become a subreaper";
	if (!signals_prepare(shim))
		return "could not watch signals";
	if (is_socket(SHIM_CONTROL_FD)) {
		shim->client_fd = SHIM_CONTROL_FD;
		fcntl(SHIM_CONTROL_FD, F_SETFD, FD_CLOEXEC);
	}
	if (!control_listen(shim))
		return "could not listen on the control socket";
	oom_score_lower();
	groups_enter(&shim->options);
	segments_open(&shim->segments, &shim->options);
	if (shim->client_fd < 0)
		service_start(shim);
	return NULL;
}

/* In the place of an earlier program; there is a service to hold, whatever goes wrong. */
static void go_on(struct shim *shim)
{
	upgrade_resume(shim);
	signals_prepare(shim);
	groups_enter(&shim->options);
	segments_open(&shim->segments, &shim->options);
	/* What ended in between. */
	service_reap(shim);
	control_send_status(shim);
}

int main(int argc, char **argv)
{
	static struct shim shim = {
		.options = {.stop_signal = SIGTERM, .grace_ms = 10000, .resume_fd = -1},
		.streams = {{.fd = -1, .kind = 'o'}, {.fd = -1, .kind = 'e'}},
		.client_fd = -1,
		.listen_fd = -1,
	};
	const char *why;

	shim.argv = argv;
	if (!options_parse(argc, argv, &shim.options, &why))
		return fail(why);
	if (shim.options.check)
		return upgrade_resume(&shim) ? 0 : 1;
	if (shim.options.resume_fd >= 0) {
		go_on(&shim);
	} else {
		why = begin(&shim);
		if (why)
			return fail(why);
	}
	while (!shim.done)
		turn(&shim);
	segments_flush(&shim.segments);
	control_unlink(&shim);
	groups_leave(&shim.options);
	return 0;
}
