/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade/upgrade.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "upgrade/record.h"
#include "upgrade/watch.h"

struct upgrade {
	struct upgrade_options options;
	struct arena *arena;
	struct upgrade_record record;
	struct upgrade_failure failure;
	const char *running; /* "": the installed one */
	const char *wanted;
	int watcher; /* -1: not on trial */
	bool decided;
	char reason[160];
};

/* The watcher's end, once: nothing that we start shall find it. */
static int take_watcher(void)
{
	const char *text = getenv(UPGRADE_ENV_TRIAL);
	int fd = text ? (int)strtol(text, NULL, 10) : -1;

	unsetenv(UPGRADE_ENV_TRIAL);
	return fd > STDERR_FILENO && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
}

static void say(struct upgrade *upgrade, const char *word, const char *text)
{
	char line[256];
	int length = snprintf(line, sizeof(line), "%s %s\n", word, text);

	if (upgrade->watcher < 0)
		return;
	if (length >= (int)sizeof(line)) {
		length = sizeof(line);
		line[sizeof(line) - 1] = '\n';
	}
	if (!fd_write_all(upgrade->watcher, line, (size_t)length))
		log_warn("nobody watches this trial any more");
}

bool upgrade_new(const struct upgrade_options *options, struct upgrade **out, struct error *err)
{
	struct upgrade *upgrade = xcalloc(1, sizeof(*upgrade));

	*upgrade = (struct upgrade){
		.options = *options, .arena = arena_new(), .watcher = take_watcher()};
	if (!upgrade_record_load(options->root, upgrade->arena, &upgrade->record, err)) {
		upgrade_free(upgrade);
		return false;
	}
	upgrade->running = upgrade->watcher >= 0 ? upgrade->record.program
						 : upgrade_current(options->root, upgrade->arena);
	if (upgrade->record.state == UPGRADE_BROKEN)
		upgrade->failure = (struct upgrade_failure){
			.code = upgrade->record.code ? upgrade->record.code : "failed",
			.text = upgrade->record.text ? upgrade->record.text : "it failed",
			.stderr_text = upgrade->record.stderr_text,
		};
	*out = upgrade;
	return true;
}

void upgrade_free(struct upgrade *upgrade)
{
	if (!upgrade)
		return;
	if (!upgrade->decided)
		say(upgrade, UPGRADE_WORD_END, "");
	fd_cleanup(&upgrade->watcher);
	arena_free(upgrade->arena);
	free(upgrade);
}

/* On trial: only who is heard may stay. */
static enum upgrade_answer judge_trial(struct upgrade *upgrade, int64_t gate_ms)
{
	int64_t since = upgrade->options.served(upgrade->options.arg);

	if (since == 0) {
		snprintf(upgrade->reason, sizeof(upgrade->reason),
			 "the new agent waits for an answer of the server");
		return UPGRADE_WAITS;
	}
	if (clock_boottime() - since < gate_ms * USEC_PER_MSEC) {
		snprintf(upgrade->reason, sizeof(upgrade->reason),
			 "the new agent is served, but not for long enough yet");
		return UPGRADE_WAITS;
	}
	return UPGRADE_RUNS;
}

enum upgrade_answer upgrade_want(struct upgrade *upgrade, const char *program, int64_t gate_ms,
				 const char **reason)
{
	*reason = upgrade->reason;
	upgrade->reason[0] = '\0';
	if (strcmp(upgrade->running, program) == 0)
		return upgrade->watcher < 0 || upgrade->decided ? UPGRADE_RUNS
								: judge_trial(upgrade, gate_ms);
	if (upgrade->watcher >= 0) {
		upgrade_give_up(upgrade, "another agent is wanted meanwhile");
		return UPGRADE_WAITS;
	}
	if (upgrade->record.state == UPGRADE_BROKEN &&
	    strcmp(upgrade->record.program, program) == 0) {
		snprintf(upgrade->reason, sizeof(upgrade->reason), "%s", upgrade->failure.text);
		return UPGRADE_FAILED;
	}
	snprintf(upgrade->reason, sizeof(upgrade->reason), "the new agent is being tried");
	if (!upgrade->wanted) {
		upgrade->wanted = arena_strdup(upgrade->arena, program);
		upgrade->options.handover(upgrade->options.arg);
	}
	return UPGRADE_WAITS;
}

const struct upgrade_failure *upgrade_failure(const struct upgrade *upgrade)
{
	return &upgrade->failure;
}

const char *upgrade_wanted(const struct upgrade *upgrade)
{
	return upgrade->wanted;
}

bool upgrade_runs(const struct upgrade *upgrade, const char *program)
{
	return strcmp(upgrade->running, program) == 0;
}

bool upgrade_on_trial(const struct upgrade *upgrade)
{
	return upgrade->watcher >= 0 && !upgrade->decided;
}

void upgrade_say_up(struct upgrade *upgrade)
{
	say(upgrade, UPGRADE_WORD_UP, "");
}

static void decide(struct upgrade *upgrade, const char *word, const char *text)
{
	if (!upgrade_on_trial(upgrade))
		return;
	upgrade->decided = true;
	say(upgrade, word, text);
}

void upgrade_confirm(struct upgrade *upgrade)
{
	decide(upgrade, UPGRADE_WORD_OK, "");
}

void upgrade_give_up(struct upgrade *upgrade, const char *why)
{
	decide(upgrade, UPGRADE_WORD_BACK, why);
}

void upgrade_forget(struct upgrade *upgrade)
{
	struct error err = {0};

	if (upgrade->record.state != UPGRADE_BROKEN || upgrade_on_trial(upgrade))
		return;
	if (!upgrade_record_delete(upgrade->options.root, &err))
		log_warn("could not forget the agent that failed: %s", err.text);
	upgrade->record.state = UPGRADE_NONE;
}
