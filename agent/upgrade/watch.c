/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/spawn.h"
#include "base/strbuf.h"
#include "protocol/limits.h"
#include "telemetry/outgoing.h"
#include "upgrade/launch.h"
#include "upgrade/record.h"

enum { CHILD_FD = 3, STOP_GRACE_MS = 10000, MAX_LINE = 256 };

enum trial { TRIAL_RUNS, TRIAL_WON, TRIAL_LOST, TRIAL_TOLD_TO_END };

struct watch {
	const struct upgrade_start *start;
	struct arena *arena;
	struct upgrade_record record;
	struct child child;
	int words;   /* what the child says to us */
	int errors;  /* its stderr, which we pass on */
	int signals; /* SIGTERM and SIGINT */
	struct notify notify;
	bool up;
	bool child_ends; /* because it was told to */
	char line[MAX_LINE];
	size_t line_length;
	char tail[LIMIT_STDERR];
	size_t tail_length;
};

static enum trial lose(struct watch *watch, const char *code, const char *text)
{
	watch->record.code = code;
	watch->record.text = text;
	return TRIAL_LOST;
}

/* --- the child --- */

static bool start_child(struct watch *watch, struct error *err)
{
	const char *program = watch->record.program;
	char number[16];
	int words[2], errors[2];

	if (!program[0])
		program = launch_installed(watch->arena);
	if (pipe2(words, O_CLOEXEC) != 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot make a pipe");
	watch->words = words[0];
	if (pipe2(errors, O_CLOEXEC) != 0) {
		close(words[1]);
		return error_set_errno(err, ERR_INTERNAL, errno, "cannot make a pipe");
	}
	watch->errors = errors[0];
	const struct spawn_fd fds[] = {
		{STDOUT_FILENO, STDOUT_FILENO}, {errors[1], STDERR_FILENO}, {words[1], CHILD_FD}};
	const struct spawn_options options = {
		.program = program,
		.argv = watch->start->argv,
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		/* Else one that hangs would hold the folder when we are killed. */
		.flags = SPAWN_DIE_WITH_PARENT,
	};
	snprintf(number, sizeof(number), "%d", CHILD_FD);
	const char *contained = getenv(UPGRADE_ENV_CONTAINED) ? "1" : NULL;
	setenv(UPGRADE_ENV_TRIAL, number, 1);
	unsetenv(UPGRADE_ENV_CONTAINED);
	bool ok = fchdir(watch->start->origin) == 0
			  ? spawn(&options, &watch->child, err)
			  : error_set_errno(err, ERR_INTERNAL, errno, "cannot enter a folder");
	unsetenv(UPGRADE_ENV_TRIAL);
	if (contained)
		setenv(UPGRADE_ENV_CONTAINED, contained, 1);
	close(words[1]);
	close(errors[1]);
	return ok;
}

static void keep_tail(struct watch *watch, const char *part, size_t size)
{
	size_t over = watch->tail_length + size > sizeof(watch->tail)
			      ? watch->tail_length + size - sizeof(watch->tail)
			      : 0;

	memmove(watch->tail, watch->tail + over, watch->tail_length - over);
	watch->tail_length -= over;
	memcpy(watch->tail + watch->tail_length, part, size);
	watch->tail_length += size;
}

static void pass_errors(struct watch *watch)
{
	char part[sizeof(watch->tail) / 2];
	ssize_t count = read(watch->errors, part, sizeof(part));

	if (count <= 0) {
		fd_cleanup(&watch->errors);
		return;
	}
	keep_tail(watch, part, (size_t)count);
	if (!fd_write_all(STDERR_FILENO, part, (size_t)count))
		log_debug("nobody reads the log");
}

static enum trial hear(struct watch *watch, char *line)
{
	char *text = line + strcspn(line, " ");

	if (*text)
		*text++ = '\0';
	if (strcmp(line, UPGRADE_WORD_OK) == 0)
		return TRIAL_WON;
	if (strcmp(line, UPGRADE_WORD_BACK) == 0)
		return lose(watch, "put_back", arena_strdup(watch->arena, text));
	if (strcmp(line, UPGRADE_WORD_UP) == 0)
		watch->up = true;
	if (strcmp(line, UPGRADE_WORD_END) == 0)
		watch->child_ends = true;
	return TRIAL_RUNS;
}

static enum trial read_words(struct watch *watch)
{
	char *end;
	ssize_t count = read(watch->words, watch->line + watch->line_length,
			     sizeof(watch->line) - 1 - watch->line_length);
	enum trial trial = TRIAL_RUNS;

	if (count <= 0) {
		fd_cleanup(&watch->words);
		return TRIAL_RUNS;
	}
	watch->line_length += (size_t)count;
	watch->line[watch->line_length] = '\0';
	while (trial == TRIAL_RUNS && (end = strchr(watch->line, '\n')) != NULL) {
		*end = '\0';
		trial = hear(watch, watch->line);
		watch->line_length -= (size_t)(end + 1 - watch->line);
		memmove(watch->line, end + 1, watch->line_length + 1);
	}
	/* A line that does not end is nothing that our agents say. */
	if (watch->line_length == sizeof(watch->line) - 1)
		watch->line_length = 0;
	return trial;
}

static enum trial child_ended(struct watch *watch)
{
	/* What it said last is still in the pipes. */
	enum trial trial = watch->words >= 0 ? read_words(watch) : TRIAL_RUNS;
	int status = child_wait(&watch->child);

	watch->child.pid = 0;
	if (watch->errors >= 0 && fcntl(watch->errors, F_SETFL, O_NONBLOCK) == 0)
		pass_errors(watch);
	if (trial != TRIAL_RUNS)
		return trial;
	if (watch->child_ends)
		return TRIAL_TOLD_TO_END;
	return lose(watch, "crashed",
		    arena_printf(watch->arena, "the new agent %s %s", wait_status_text(status),
				 watch->up ? "during its trial" : "before it was up"));
}

static void stop_child(struct watch *watch, int grace_ms)
{
	int status;

	if (watch->child.pid <= 0)
		return;
	if (grace_ms > 0)
		kill(watch->child.pid, SIGTERM);
	if (grace_ms == 0 || !child_wait_timeout(&watch->child, grace_ms, &status)) {
		kill(watch->child.pid, SIGKILL);
		child_wait(&watch->child);
	}
	watch->child.pid = 0;
}

/* --- the trial --- */

static enum trial too_late(struct watch *watch)
{
	long long seconds = (long long)watch->start->deadline_ms / 1000;

	if (watch->up)
		return lose(watch, "unreachable",
			    arena_printf(watch->arena,
					 "the new agent runs, but no server has answered it within "
					 "%lld s",
					 seconds));
	return lose(watch, "hung",
		    arena_printf(watch->arena, "the new agent was not up within %lld s", seconds));
}

static enum trial wait_for_child(struct watch *watch)
{
	const usec_t deadline = clock_boottime() + watch->start->deadline_ms * USEC_PER_MSEC;
	enum trial trial = TRIAL_RUNS;

	while (trial == TRIAL_RUNS) {
		struct pollfd ready[] = {
			{.fd = watch->words, .events = POLLIN},
			{.fd = watch->errors, .events = POLLIN},
			{.fd = watch->signals, .events = POLLIN},
			{.fd = watch->child.pidfd, .events = POLLIN},
		};
		int64_t left_ms = (deadline - clock_boottime()) / USEC_PER_MSEC;

		if (left_ms <= 0)
			return too_late(watch);
		notify_send(&watch->notify, "WATCHDOG=1\nSTATUS=trying another agent");
		if (poll(ready, ARRAY_SIZE(ready), left_ms > 1000 ? 1000 : (int)left_ms) <= 0)
			continue;
		if (ready[1].revents)
			pass_errors(watch);
		if (ready[2].revents)
			return TRIAL_TOLD_TO_END;
		if (ready[0].revents)
			trial = read_words(watch);
		else if (ready[3].revents)
			trial = child_ended(watch);
	}
	return trial;
}

static bool catch_signals(struct watch *watch, struct error *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	watch->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return watch->signals >= 0 ||
	       error_set_errno(err, ERR_INTERNAL, errno, "cannot watch signals");
}

static enum trial try_program(struct watch *watch)
{
	struct error err = {0};

	watch->record.attempts++;
	if (!upgrade_record_save(watch->start->root, &watch->record, &err) ||
	    !catch_signals(watch, &err) || !start_child(watch, &err))
		return lose(watch, "not_started", arena_strdup(watch->arena, err.text));
	log_info("trying another agent program=%s pid=%d attempt=%d", watch->record.program,
		 (int)watch->child.pid, watch->record.attempts);
	return wait_for_child(watch);
}

/* The switch comes before the record goes, so a cut between the two finds a trial that is won. */
static void win(struct watch *watch)
{
	struct error err = {0};

	log_info("the new agent has proved itself program=%s", watch->record.program);
	if (!upgrade_set_current(watch->start->root, watch->record.program, &err) ||
	    !upgrade_record_delete(watch->start->root, &err))
		log_error("could not keep the new agent: %s", err.text);
	stop_child(watch, STOP_GRACE_MS);
	launch_exec(watch->start, watch->record.program[0] ? watch->record.program
							   : launch_installed(watch->arena));
}

static void fall_back(struct watch *watch)
{
	struct error err = {0};

	stop_child(watch, 0);
	log_error("the new agent is undone: %s", watch->record.text);
	watch->record.state = UPGRADE_BROKEN;
	if (watch->tail_length > 0)
		watch->record.stderr_text = text_clean(watch->arena, watch->tail,
						       watch->tail_length, LIMIT_STDERR, true);
	if (!upgrade_record_save(watch->start->root, &watch->record, &err))
		log_error("could not keep why: %s", err.text);
}

int upgrade_watch(const struct upgrade_start *start)
{
	struct watch watch = {
		.start = start, .arena = arena_new(), .words = -1, .errors = -1, .signals = -1};
	struct error err = {0};
	enum trial trial;

	if (!upgrade_record_load(start->root, watch.arena, &watch.record, &err) ||
	    watch.record.state != UPGRADE_TRYING) {
		launch_exec(start, "/proc/self/exe");
		return EXIT_FAILURE;
	}
	launch_restore_manager(start);
	notify_init(&watch.notify);
	trial = try_program(&watch);
	if (trial == TRIAL_TOLD_TO_END) {
		stop_child(&watch, STOP_GRACE_MS);
		watch.record.attempts--;
		if (!upgrade_record_save(start->root, &watch.record, &err))
			log_warn("could not keep the trial: %s", err.text);
		arena_free(watch.arena);
		return EXIT_SUCCESS;
	}
	if (trial == TRIAL_WON)
		win(&watch);
	else
		fall_back(&watch);
	/* The old one again, or the new one could not be run after all. */
	launch_exec(start, "/proc/self/exe");
	return EXIT_FAILURE;
}
