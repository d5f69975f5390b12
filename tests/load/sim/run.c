/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sim/result.h"
#include "sim/worker.h"

enum {
	FILES_SPARE = 100,
	PER_PROCESS_MAX = 20000,
	LOOK_MS = 100,
	/* Connecting goes on for so long without a step forward before the run begins without the rest. */
	STUCK_S = 30,
};

struct run {
	const struct options *options;
	const struct fleet *fleet;
	struct shared *shared;
	pid_t workers[WORKERS_MAX];
	size_t worker_count;
	struct result result;
	usec_t last_print;
	struct stats last; /* as of last_print */
	bool ended;	   /* by a signal, or since a worker has failed */
	bool failed;
};

/* --- workers --- */

/* Processes that the limit of open files asks for. */
static bool count_workers(struct run *run, struct error *err)
{
	size_t nodes = (size_t)run->options->connected, wanted = (size_t)run->options->processes;
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur <= FILES_SPARE)
		return error_set(err, ERR_UNAVAILABLE, "only %llu files may be open",
				 (unsigned long long)files.rlim_cur);
	size_t each = (size_t)files.rlim_cur - FILES_SPARE;
	if (each > PER_PROCESS_MAX)
		each = PER_PROCESS_MAX;
	size_t least = (nodes + each - 1) / each;
	if (wanted == 0)
		wanted = least;
	if (wanted < least || wanted > WORKERS_MAX)
		return error_set(err, ERR_INVALID,
				 "%zu nodes need %zu to %d processes with %zu open files each",
				 nodes, least, WORKERS_MAX, each);
	run->worker_count = wanted < nodes ? wanted : nodes;
	return true;
}

static bool start_worker(struct run *run, size_t number, struct error *err)
{
	size_t nodes = (size_t)run->options->connected, workers = run->worker_count;
	size_t first = nodes * number / workers, end = nodes * (number + 1) / workers;
	pid_t pid = fork();

	if (pid < 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "cannot start a process");
	if (pid == 0) {
		struct error failure = {0};

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The parent says when; a terminal's Ctrl-C reaches us as well. */
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, SIG_IGN);
		signal(SIGUSR1, SIG_IGN);
		if (worker_run(run->options, run->fleet, run->shared, number, first, end - first,
			       &failure))
			exit(EXIT_SUCCESS);
		fprintf(stderr, "\nmuster-sim: %s\n", failure.text);
		exit(EXIT_FAILURE);
	}
	run->workers[number] = pid;
	return true;
}

/* Waits for workers that have ended; block: for all. */
static void reap(struct run *run, bool block)
{
	for (size_t i = 0; i < run->worker_count; i++) {
		int status;

		if (run->workers[i] == 0 ||
		    waitpid(run->workers[i], &status, block ? 0 : WNOHANG) != run->workers[i])
			continue;
		run->workers[i] = 0;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
			run->failed = true;
		run->ended = true;
	}
}

/* --- how it goes --- */

static void print_progress(struct run *run, const char *phase, const struct stats *sum)
{
	usec_t now = clock_monotonic();
	double seconds = (double)(now - run->last_print) / (double)USEC_PER_SEC;
	const _Atomic int64_t *is = sum->counters, *was = run->last.counters;

	if (seconds < 1)
		return;
	fprintf(stderr,
		"%s: %lld of %lld online, %.0f messages/s, %lld applied, %lld failed, %lld not "
		"acknowledged%s\n",
		phase, (long long)is[COUNT_ONLINE], (long long)run->options->connected,
		(double)(is[COUNT_PUBLISHED] - was[COUNT_PUBLISHED]) / seconds,
		(long long)is[COUNT_APPLIED], (long long)is[COUNT_FAILED],
		(long long)is[COUNT_UNACKED],
		stats_faults(sum) ? ", AND WHAT MUST NEVER BE (see the end)" : "");
	run->last = *sum;
	run->last_print = now;
}

/* A moment of waiting; signals end it early. */
static void look(struct run *run, const char *phase, struct stats *sum)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	int number = sigtimedwait(&signals, NULL, &pause);
	if (number == SIGUSR1)
		result_storm(&run->result, run->shared);
	else if (number > 0)
		run->ended = true;
	reap(run, false);
	stats_sum(sum, run->shared->stats, run->worker_count);
	result_look(&run->result, sum);
	print_progress(run, phase, sum);
}

static void wait_connected(struct run *run)
{
	usec_t moved = clock_monotonic();
	struct stats *sum = xcalloc(1, sizeof(*sum));
	int64_t best = -1;

	while (!run->ended) {
		look(run, "connecting", sum);
		int64_t now = sum->counters[COUNT_ONLINE] + sum->counters[COUNT_ANSWERED];

		if (sum->counters[COUNT_ANSWERED] >= run->options->connected)
			break;
		if (now > best)
			moved = clock_monotonic();
		best = now > best ? now : best;
		if (clock_monotonic() - moved > STUCK_S * USEC_PER_SEC) {
			fprintf(stderr,
				"muster-sim: %lld nodes are not answered; going on without them\n",
				(long long)(run->options->connected -
					    sum->counters[COUNT_ANSWERED]));
			break;
		}
	}
	free(sum);
}

static void wait_duration(struct run *run)
{
	usec_t begun = clock_monotonic(), storm = run->options->storm * USEC_PER_MSEC;
	usec_t end = run->options->duration * USEC_PER_MSEC;
	struct stats *sum = xcalloc(1, sizeof(*sum));

	while (!run->ended && (end == 0 || clock_monotonic() - begun < end)) {
		look(run, "running", sum);
		if (storm > 0 && clock_monotonic() - begun >= storm) {
			result_storm(&run->result, run->shared);
			storm = 0;
		}
	}
	free(sum);
}

/* What is under way ends, and is acknowledged. */
static void wait_drained(struct run *run)
{
	usec_t begun = clock_monotonic(), patience = run->options->drain * USEC_PER_MSEC;
	struct stats *sum = xcalloc(1, sizeof(*sum));

	run->ended = run->failed;
	do
		look(run, "draining", sum);
	while (!run->ended && sum->counters[COUNT_UNACKED] > 0 &&
	       clock_monotonic() - begun < patience);
	free(sum);
}

static void block_signals(void)
{
	sigset_t signals;

	/* Blocked, so that sigtimedwait gets them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool run_fleet(const struct options *options, const struct fleet *fleet, bool *clean,
	       struct error *err)
{
	struct run *run = xcalloc(1, sizeof(*run));
	struct stats *sum = xcalloc(1, sizeof(*sum));
	bool ok = true;

	run->options = options;
	run->fleet = fleet;
	run->shared = mmap(NULL, sizeof(*run->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->shared == MAP_FAILED)
		out_of_memory(sizeof(*run->shared));
	block_signals();
	ok = count_workers(run, err);
	result_begin(&run->result, options);
	run->last_print = clock_monotonic();
	fflush(NULL);
	for (size_t i = 0; ok && i < run->worker_count; i++)
		ok = start_worker(run, i, err);
	if (ok) {
		wait_connected(run);
		result_connected(&run->result);
		atomic_store(&run->shared->running, true);
		wait_duration(run);
		atomic_store(&run->shared->draining, true);
		wait_drained(run);
	}
	atomic_store(&run->shared->stopping, true);
	stats_sum(sum, run->shared->stats, run->worker_count);
	reap(run, true);
	*clean = stats_faults(sum) == 0;
	if (ok && run->failed)
		ok = error_set(err, ERR_UNAVAILABLE, "a worker has ended early");
	if (ok)
		result_print(&run->result, sum, &run->shared->rollouts);
	munmap(run->shared, sizeof(*run->shared));
	free(sum);
	free(run);
	return ok;
}
