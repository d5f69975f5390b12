/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/take_over.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/spawn.h"

enum { STOP_MS = 60 * 1000, MAX_NOTE = 64 * 1024, MAX_ARGUMENTS = 64 };

/* How it was, as it is kept. */
struct note {
	int64_t generation; /* that took it over */
	const char *unit;
	const char *pid_file;
	const char *const *start;
	size_t start_count;
	bool active;
	bool enabled;
};

static const struct field NOTE_FIELDS[] = {
	FIELD_INT64(struct note, generation, 0, 0, INT64_MAX),
	FIELD_STRING(struct note, unit, 0, 255),
	FIELD_STRING(struct note, pid_file, 0, 1024),
	FIELD_STRINGS(struct note, start, start_count, 0, MAX_ARGUMENTS, 4096),
	FIELD_BOOL(struct note, active, FIELD_REQUIRED),
	FIELD_BOOL(struct note, enabled, FIELD_REQUIRED),
	FIELD_END,
};

static const char *note_path(struct arena *arena, const char *service)
{
	return arena_printf(arena, "originals/%s/.taken", service);
}

static bool note_read(const char *service, struct arena *arena, struct note *out, bool *found,
		      struct error *err)
{
	struct note note = {0};
	char *text;
	size_t size;
	json_t *json;

	*found = file_exists(note_path(arena, service));
	if (!*found)
		return true;
	if (!file_read(note_path(arena, service), MAX_NOTE, arena, &text, &size, err) ||
	    !json_parse_limited(text, size, 4, &json, err) ||
	    !fields_decode(NOTE_FIELDS, json_keep(json, arena), FIELDS_TOLERANT, arena, &note, err))
		return error_prefix(err, "what was taken over for %s", service);
	*out = note;
	return true;
}

static bool note_write(const char *service, const struct note *note, struct arena *arena,
		       struct error *err)
{
	const char *text = json_text(json_keep(fields_encode(NOTE_FIELDS, note), arena), arena);

	return file_make_folders(arena_printf(arena, "originals/%s", service), 0700, err) &&
	       file_write_atomic(note_path(arena, service), text, strlen(text), 0600, err);
}

/* The program's exit status; -1 with the reason when it could not be run. */
static int run(const char *const *command, struct error *err)
{
	const struct spawn_fd fds[] = {{2, 2}};
	const struct spawn_options options = {
		.argv = (char *const *)(uintptr_t)command,
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
	};
	struct child child;

	if (!spawn(&options, &child, err))
		return -1;
	int status = child_wait(&child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	error_set(err, ERR_UNAVAILABLE, "%s %s %s", command[0], command[1] ? command[1] : "",
		  wait_status_text(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int systemctl(const char *verb, const char *option, const char *unit, struct error *err)
{
	const char *const command[] = {"systemctl", verb, option, unit, NULL};

	return run(command, err);
}

static bool take_unit(const char *service, struct note *note, bool known, struct arena *arena,
		      struct error *err)
{
	struct error answer = {0};

	if (!known) {
		if (systemctl("cat", "--no-pager", note->unit, err) != 0)
			return error_prefix(err, "cannot take over %s", note->unit);
		note->active = systemctl("is-active", "--quiet", note->unit, &answer) == 0;
		note->enabled = systemctl("is-enabled", "--quiet", note->unit, &answer) == 0;
		if (!note_write(service, note, arena, err))
			return false;
	}
	return (!note->enabled || systemctl("disable", "--quiet", note->unit, err) == 0) &&
	       systemctl("stop", "--quiet", note->unit, err) == 0;
}

static bool give_unit(const struct note *note, struct error *err)
{
	struct error answer = {0};

	/* Somebody has removed it meanwhile: there is nobody to give back to. */
	if (systemctl("cat", "--no-pager", note->unit, &answer) > 0)
		return true;
	return (!note->enabled || systemctl("enable", "--quiet", note->unit, err) == 0) &&
	       (!note->active || systemctl("start", "--quiet", note->unit, err) == 0);
}

/* When the process began, as UTC; 0: it is gone. */
static usec_t process_began(pid_t pid)
{
	char path[64], text[1024];
	unsigned long long ticks = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file)
		fclose(file);
	text[size] = '\0';
	/* The name may hold anything, also ") ": what follows its last ')' are numbers. */
	char *field = size ? strrchr(text, ')') : NULL;
	for (int i = 0; field && i < 20; i++)
		field = strchr(field + 1, ' ');
	if (!field || sscanf(field, " %llu", &ticks) != 1)
		return 0;
	return clock_now_utc() - clock_boottime() +
	       (usec_t)(ticks * (USEC_PER_SEC / (unsigned long long)sysconf(_SC_CLK_TCK)));
}

/*
 * The process that a pid file names; 0 when it is gone. A file that is older than the process of
 * this number was left by another one that had the number before, and must not be its end.
 */
static bool pid_read(const char *path, struct arena *arena, pid_t *pid, struct error *err)
{
	struct stat status;
	struct error absent = {0};
	char *text;

	*pid = 0;
	if (!file_read(path, 64, arena, &text, NULL, &absent))
		return absent.code == ERR_NOT_FOUND ||
		       error_set(err, absent.code, "%s", absent.text);
	long number = strtol(text, NULL, 10);
	if (number <= 1 || number > INT32_MAX)
		return error_set(err, ERR_INVALID, "%s holds no process id", path);
	if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode) ||
	    (status.st_uid != 0 && status.st_uid != geteuid()) || (status.st_mode & S_IWOTH))
		return error_set(err, ERR_FORBIDDEN, "%s could be written by anybody", path);
	usec_t began = process_began((pid_t)number);
	usec_t written = status.st_mtim.tv_sec * USEC_PER_SEC + status.st_mtim.tv_nsec / 1000;
	if (began != 0 && began < written + USEC_PER_SEC)
		*pid = (pid_t)number;
	return true;
}

static bool end_process(pid_t pid, struct error *err)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd gone = {.fd = fd, .events = POLLIN};

	if (fd < 0 && errno == ESRCH)
		return true;
	if (fd < 0 || syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) != 0) {
		error_set_errno(err, ERR_FORBIDDEN, errno, "cannot stop the process %d", (int)pid);
		fd_cleanup(&fd);
		return false;
	}
	int ready = poll(&gone, 1, STOP_MS);
	close(fd);
	return ready > 0 || error_set(err, ERR_TIMEOUT, "the process %d did not stop within %d s",
				      (int)pid, STOP_MS / 1000);
}

static bool take_pid_file(const char *service, struct note *note, bool known, struct arena *arena,
			  struct error *err)
{
	pid_t pid;

	if (!pid_read(note->pid_file, arena, &pid, err))
		return false;
	if (!known) {
		note->active = pid != 0;
		if (!note_write(service, note, arena, err))
			return false;
	}
	return pid == 0 || end_process(pid, err);
}

bool take_over(const char *service, int64_t generation, const struct take_over_spec *spec,
	       struct error *err)
{
	struct arena *arena = arena_new();
	struct note note = {.generation = generation,
			    .unit = spec->unit,
			    .pid_file = spec->pid_file,
			    .start = spec->start,
			    .start_count = spec->start_count};
	bool known = false;
	bool ok = note_read(service, arena, &note, &known, err) &&
		  (note.unit ? take_unit(service, &note, known, arena, err)
			     : take_pid_file(service, &note, known, arena, err));

	arena_free(arena);
	return ok;
}

static bool start_again(const struct note *note, struct error *err)
{
	const char *command[MAX_ARGUMENTS + 1] = {NULL};

	if (!note->active || note->start_count == 0)
		return true;
	for (size_t i = 0; i < note->start_count; i++)
		command[i] = note->start[i];
	return run(command, err) == 0;
}

bool take_over_undo(const char *service, int64_t generation, struct error *err)
{
	struct arena *arena = arena_new();
	struct note note = {0};
	bool known = false;
	bool ok = note_read(service, arena, &note, &known, err);

	if (ok && known && (generation == 0 || note.generation == generation))
		ok = (note.unit ? give_unit(&note, err) : start_again(&note, err)) &&
		     file_remove_tree(note_path(arena, service), err);
	arena_free(arena);
	return ok;
}

static int say(bool ok, const struct error *err)
{
	if (!ok)
		printf("%s", err->text);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int take_over_main(int argc, char **argv)
{
	struct take_over_spec spec = {0};
	struct error err = {.text = "service, generation, kind and name expected"};

	if (argc < 4)
		return say(false, &err);
	if (strcmp(argv[2], "unit") == 0)
		spec.unit = argv[3];
	else
		spec.pid_file = argv[3];
	spec.start = (const char *const *)(uintptr_t)(argv + 4);
	spec.start_count = (size_t)argc - 4;
	return say(take_over(argv[0], strtoll(argv[1], NULL, 10), &spec, &err), &err);
}

int give_back_main(int argc, char **argv)
{
	struct error err = {.text = "service and generation expected"};

	if (argc != 2)
		return say(false, &err);
	return say(take_over_undo(argv[0], strtoll(argv[1], NULL, 10), &err), &err);
}

const char *const *take_over_arguments(struct arena *arena, const struct service_spec *spec,
				       int64_t generation)
{
	const struct take_over_spec *given = &spec->change.take_over;
	const char **list = arena_array(arena, given->start_count + 6, sizeof(*list));
	size_t n = 0;

	list[n++] = "take-over";
	list[n++] = spec->name;
	list[n++] = arena_printf(arena, "%lld", (long long)generation);
	list[n++] = given->unit ? "unit" : "pid-file";
	list[n++] = given->unit ? given->unit : given->pid_file;
	for (size_t i = 0; i < given->start_count; i++)
		list[n++] = given->start[i];
	return list;
}

const char *const *give_back_arguments(struct arena *arena, const char *service, int64_t generation)
{
	const char **list = arena_array(arena, 4, sizeof(*list));

	list[0] = "give-back";
	list[1] = service;
	list[2] = arena_printf(arena, "%lld", (long long)generation);
	return list;
}
