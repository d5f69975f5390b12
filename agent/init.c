/* SPDX-License-Identifier: Apache-2.0 */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/spawn.h"

enum { PAUSE_S = 1 };

struct init {
	pid_t agent; /* 0: there is none just now */
	bool ending; /* somebody wants the container to end */
	sigset_t watched;
	sigset_t original;
};

static void watch(struct init *init)
{
	const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPWR, SIGRTMIN + 3};

	sigemptyset(&init->watched);
	sigaddset(&init->watched, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		sigaddset(&init->watched, ends[i]);
	sigprocmask(SIG_BLOCK, &init->watched, &init->original);
	/* Until the agent watches it, a request to end must wait and not kill. */
	sigaddset(&init->original, SIGTERM);
}

static void end_agent(const struct init *init)
{
	if (init->agent > 0 && kill(init->agent, SIGTERM) != 0)
		log_warn("could not ask the agent to end: %s", strerror(errno));
}

/* True in the child. */
static bool start_agent(struct init *init)
{
	pid_t pid = fork();

	if (pid == 0) {
		/* Its own session: a Ctrl-C reaches it once, through us. */
		setsid();
		sigprocmask(SIG_SETMASK, &init->original, NULL);
		return true;
	}
	if (pid < 0)
		log_error("could not start the agent: %s", strerror(errno));
	init->agent = pid > 0 ? pid : 0;
	if (init->ending)
		end_agent(init);
	return false;
}

/* All that have ended. An exit of the agent is ours. */
static void reap(struct init *init)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != init->agent)
			continue;
		init->agent = 0;
		if (WIFEXITED(status))
			exit(WEXITSTATUS(status));
		log_error("the agent was %s, another one takes over", wait_status_text(status));
	}
}

/* A signal, or, without an agent, the end of the pause before the next one. */
static void wait_signal(struct init *init)
{
	const struct timespec pause = {.tv_sec = PAUSE_S};
	siginfo_t info = {0};
	int number = init->agent > 0 ? sigwaitinfo(&init->watched, &info)
				     : sigtimedwait(&init->watched, &info, &pause);

	if (number <= 0 || number == SIGCHLD)
		return;
	log_info("asked to end signal=%d", number);
	init->ending = true;
	end_agent(init);
}

bool init_hold(void)
{
	struct init init = {.agent = 0};

	if (getpid() != 1)
		return false;
	watch(&init);
	if (start_agent(&init))
		return true;
	for (;;) {
		while (init.agent > 0) {
			wait_signal(&init);
			reap(&init);
		}
		/* Whatever else ends meanwhile does not shorten the pause. */
		for (usec_t until = clock_boottime() + PAUSE_S * USEC_PER_SEC;
		     clock_boottime() < until; reap(&init))
			wait_signal(&init);
		if (start_agent(&init))
			return true;
	}
}
