/* SPDX-License-Identifier: Apache-2.0 */
/* Does the program of a service run already, started by somebody else? */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/file.h"
#include "reconcile/take_over.h"

enum { MAX_COMMAND_LINE = 4096, MAX_ANCESTORS = 64, FIRST_ARGUMENTS = 3 };

static ssize_t read_file(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, size - 1);
	out[got > 0 ? got : 0] = '\0';
	return got;
}

static bool read_exe(pid_t pid, char out[PATH_MAX])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	ssize_t length = readlink(path, out, PATH_MAX - 1);
	out[length > 0 ? length : 0] = '\0';
	return length > 0;
}

static pid_t parent_of(pid_t pid)
{
	char text[1024];
	int parent = 0;

	read_file(pid, "stat", text, sizeof(text));
	const char *end = strrchr(text, ')');
	return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* Whatever a service has started, its shim is an ancestor: orphans come back to it. */
static bool is_ours(pid_t pid)
{
	char name[64];

	for (int i = 0; pid > 1 && i < MAX_ANCESTORS; i++, pid = parent_of(pid)) {
		read_file(pid, "comm", name, sizeof(name));
		if (strcmp(name, "muster-shim\n") == 0 || pid == getpid())
			return true;
	}
	return false;
}

/* A program that runs programs says nothing about which one. */
static bool is_interpreter(const char *path)
{
	static const char *const NAMES[] = {"sh",   "bash", "dash", "busybox", "env",
					    "java", "node", "perl", "ruby",    "lua"};
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
		if (strcmp(name, NAMES[i]) == 0)
			return true;
	return strncmp(name, "python", 6) == 0;
}

/* A script shows as an argument of its interpreter. */
static bool is_script(pid_t pid, const char *program)
{
	char line[MAX_COMMAND_LINE];
	ssize_t size = read_file(pid, "cmdline", line, sizeof(line));
	const char *argument = line;

	for (int i = 0; i < FIRST_ARGUMENTS && argument < line + size; i++) {
		if (strcmp(argument, program) == 0)
			return true;
		argument += strlen(argument) + 1;
	}
	return false;
}

static bool runs(pid_t pid, const char *program)
{
	char exe[PATH_MAX];

	if (!read_exe(pid, exe))
		return false;
	return (strcmp(exe, program) == 0 || is_script(pid, program)) && !is_ours(pid);
}

pid_t take_over_rival(const struct service_spec *spec)
{
	char program[PATH_MAX];
	const struct dirent *entry;
	pid_t found = 0;

	if (!realpath(spec->command[0], program) || is_interpreter(program))
		return 0;
	DIR *processes = opendir("/proc");
	while (processes && !found && (entry = readdir(processes))) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0])
				    ? (pid_t)strtol(entry->d_name, NULL, 10)
				    : 0;

		if (pid > 0 && runs(pid, program))
			found = pid;
	}
	if (processes)
		closedir(processes);
	return found;
}
