/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "upgrade/launch.h"
#include "upgrade/record.h"
#include "upgrade/watch.h"

enum { MAX_TRIALS = 3, MAX_STARTS = 5 };

static const char SELF[] = "/proc/self/exe";

/* The path of the last exec, which knows wrappers too; else a script would be run for ever. */
static const char ENV_LAUNCHED[] = "MUSTER_AGENT_LAUNCHED";

/* The program that was started first, before any upgrade. */
const char *launch_installed(struct arena *arena)
{
	const char *known = getenv(UPGRADE_ENV_INSTALLED);
	char target[PATH_MAX];

	if (!known) {
		ssize_t length = readlink(SELF, target, sizeof(target) - 1);

		known = length > 0 ? arena_strndup(arena, target, (size_t)length) : SELF;
		setenv(UPGRADE_ENV_INSTALLED, known, 1);
	}
	return known;
}

static const char *const MANAGER[UPGRADE_MANAGER_VARIABLES] = {"NOTIFY_SOCKET", "WATCHDOG_USEC",
							       "WATCHDOG_PID"};

void upgrade_remember(struct upgrade_start *start, struct arena *arena)
{
	for (size_t i = 0; i < ARRAY_SIZE(MANAGER); i++) {
		const char *value = getenv(MANAGER[i]);

		start->manager[i] = arena_strdup(arena, value);
	}
}

void launch_restore_manager(const struct upgrade_start *start)
{
	for (size_t i = 0; i < ARRAY_SIZE(MANAGER); i++)
		if (start->manager[i])
			setenv(MANAGER[i], start->manager[i], 1);
}

void launch_exec(const struct upgrade_start *start, const char *program)
{
	if (fchdir(start->origin) != 0)
		log_warn("the folder that the agent was started in is gone");
	setenv(ENV_LAUNCHED, program, 1);
	launch_restore_manager(start);
	execv(program, start->argv);
	log_error("could not run %s: %s", program, strerror(errno));
}

static bool is_self(const char *program)
{
	const char *launched = getenv(ENV_LAUNCHED);
	struct stat ours, theirs;

	if (launched && strcmp(launched, program) == 0)
		return true;
	return stat(SELF, &ours) == 0 && stat(program, &theirs) == 0 &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* Starts of the program in force that did not come up; not durable, since only a loop matters. */
static int count_start(const char *root)
{
	char where[PATH_MAX];
	int count = 0;

	snprintf(where, sizeof(where), "%s/agent/starts", root);
	FILE *file = fopen(where, "re");
	if (file) {
		if (fscanf(file, "%d", &count) != 1)
			count = 0;
		fclose(file);
	}
	file = fopen(where, "we");
	if (file) {
		fprintf(file, "%d\n", count + 1);
		fclose(file);
	}
	return count;
}

void upgrade_started(const char *root)
{
	char where[PATH_MAX];

	snprintf(where, sizeof(where), "%s/agent/starts", root);
	unlink(where);
}

/* Does not return when another program is in force and can be run. */
static void become_current(const struct upgrade_start *start, struct arena *arena)
{
	const char *installed = launch_installed(arena);
	const char *program = upgrade_current(start->root, arena);

	if (!program[0])
		program = installed;
	if (is_self(program) || access(program, X_OK) != 0) {
		if (!file_exists(program))
			log_error("%s is gone, going on as the installed agent", program);
		return;
	}
	if (count_start(start->root) >= MAX_STARTS) {
		log_error("%s does not come up, going on as the installed agent", program);
		return;
	}
	launch_exec(start, program);
}

static bool give_up(const struct upgrade_start *start, struct upgrade_record *record,
		    struct error *err)
{
	record->state = UPGRADE_BROKEN;
	record->code = "interrupted";
	record->text = "the machine or the agent was stopped again and again during its trial";
	return upgrade_record_save(start->root, record, err) &&
	       upgrade_restore_state(start->root, err);
}

bool upgrade_launch(const struct upgrade_start *start, bool *watch, struct error *err)
{
	struct arena *arena = arena_new();
	struct upgrade_record record;
	bool ok = true;

	*watch = false;
	if (getenv(UPGRADE_ENV_TRIAL)) {
		arena_free(arena);
		return true;
	}
	become_current(start, arena);
	if (!upgrade_record_load(start->root, arena, &record, err)) {
		log_error("forgetting an upgrade of the agent: %s", err->text);
		ok = upgrade_record_delete(start->root, err);
	} else if (record.state == UPGRADE_BROKEN) {
		ok = upgrade_restore_state(start->root, err);
	} else if (record.state == UPGRADE_TRYING) {
		/* A cut between the switch and the end of the record leaves one that is won. */
		if (strcmp(record.program, upgrade_current(start->root, arena)) == 0)
			ok = upgrade_record_delete(start->root, err);
		else if (record.attempts >= MAX_TRIALS)
			ok = give_up(start, &record, err);
		else
			*watch = true;
	}
	arena_free(arena);
	return ok;
}

bool upgrade_prepare(const char *root, const char *program, struct error *err)
{
	const struct upgrade_record record = {.state = UPGRADE_TRYING, .program = program};

	return upgrade_record_delete(root, err) && upgrade_keep_state(root, err) &&
	       upgrade_record_save(root, &record, err);
}
