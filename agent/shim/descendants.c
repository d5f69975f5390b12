/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_DEPTH = 64 };

/* The parent of a process, 0 when it is gone; *zombie: it has ended already. */
static pid_t parent_of(pid_t pid, bool *zombie)
{
	char path[64];
	char text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got <= 0)
		return 0;
	text[got] = '\0';
	/* The name in brackets may hold anything, brackets too. */
	const char *end = strrchr(text, ')');
	if (!end || strlen(end) < 5)
		return 0;
	*zombie = end[2] == 'Z';
	/* Not sscanf, which is a tenth of the static shim. */
	return (pid_t)strtol(end + 4, NULL, 10);
}

static bool is_below(pid_t pid, pid_t ancestor)
{
	bool zombie;

	for (int i = 0; i < MAX_DEPTH && pid > 1; i++) {
		pid = parent_of(pid, &zombie);
		if (pid == ancestor)
			return true;
	}
	return false;
}

struct signal_visit {
	int signal_number;
	pid_t self;
	int count;
};

static void signal_one(const char *name, void *arg)
{
	struct signal_visit *visit = arg;
	bool zombie = false;
	int64_t number;

	if (!number_parse(name, INT32_MAX, &number))
		return;
	pid_t pid = (pid_t)number;
	if (pid != visit->self && is_below(pid, visit->self) && parent_of(pid, &zombie) > 0 &&
	    !zombie && kill(pid, visit->signal_number) == 0)
		visit->count++;
}

int descendants_signal(int signal_number)
{
	struct signal_visit visit = {.signal_number = signal_number, .self = getpid()};

	folder_visit("/proc", signal_one, &visit);
	return visit.count;
}

struct child_visit {
	pid_t self;
	pid_t found;
};

static void child_one(const char *name, void *arg)
{
	struct child_visit *visit = arg;
	bool zombie = false;
	int64_t pid;

	if (visit->found == 0 && number_parse(name, INT32_MAX, &pid) &&
	    parent_of((pid_t)pid, &zombie) == visit->self && !zombie)
		visit->found = (pid_t)pid;
}

pid_t descendants_child(void)
{
	struct child_visit visit = {.self = getpid()};

	folder_visit("/proc", child_one, &visit);
	return visit.found;
}
