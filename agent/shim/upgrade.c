/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one program tells the next is a memory file of "key=value" lines, then an empty line, then
 * the bytes that some of the lines give the lengths of. Keys that are not known are passed over and
 * those that are missing keep their value, so that older and newer programs may follow each other.
 * Numbers of phases and steps are part of it: their enums only grow at the end.
 */
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	FORMAT = 1, /* grows when an older program could not go on with what is written */
	TEXT_BYTES = 4096,
	MAX_ARGUMENTS = 512,
	CHECK_USEC = 5000000,
	CHECK_PAUSE_USEC = 2000,
};

/* A number or truth value: 1, 4 or 8 bytes. */
struct field {
	const char *key;
	size_t offset;
	size_t size;
};

#define FIELD(type, key, member)                                            \
	{                                                                   \
		key, offsetof(type, member), sizeof(((type *)NULL)->member) \
	}
#define SHIM_FIELD(key, member) FIELD(struct shim, key, member)
#define EXIT_FIELD(key, member) FIELD(struct exit_status, key, member)

static const struct field SHIM_FIELDS[] = {
	SHIM_FIELD("listen", listen_fd),
	SHIM_FIELD("socket", socket_inode),
	SHIM_FIELD("client", client_fd),
	SHIM_FIELD("stdout", streams[0].fd),
	SHIM_FIELD("stderr", streams[1].fd),
	SHIM_FIELD("phase", phase),
	SHIM_FIELD("pid", pid),
	SHIM_FIELD("started", started_at),
	SHIM_FIELD("run", run),
	SHIM_FIELD("deadline", deadline),
	SHIM_FIELD("grace", grace_usec),
	SHIM_FIELD("terminated", terminated),
	SHIM_FIELD("leaving", leaving),
	SHIM_FIELD("ending", ending),
	SHIM_FIELD("exits", exit_count),
	SHIM_FIELD("dropped", segments.dropped),
};

static const struct field EXIT_FIELDS[] = {
	EXIT_FIELD("run", run),	  EXIT_FIELD("code", code),	     EXIT_FIELD("signal", signal),
	EXIT_FIELD("core", core), EXIT_FIELD("wanted", wanted),	     EXIT_FIELD("at", at),
	EXIT_FIELD("step", step), EXIT_FIELD("errno", failed_errno),
};

#define FIELD_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

static int64_t field_get(const struct field *field, const void *record)
{
	const char *at = (const char *)record + field->offset;
	int64_t wide;
	int32_t number;

	if (field->size == sizeof(bool))
		return *(const bool *)at;
	if (field->size == sizeof(number)) {
		memcpy(&number, at, sizeof(number));
		return number;
	}
	memcpy(&wide, at, sizeof(wide));
	return wide;
}

static void field_set(const struct field *field, void *record, int64_t value)
{
	char *at = (char *)record + field->offset;
	int32_t number = (int32_t)value;

	if (field->size == sizeof(bool))
		*(bool *)at = value != 0;
	else if (field->size == sizeof(number))
		memcpy(at, &number, sizeof(number));
	else
		memcpy(at, &value, sizeof(value));
}

/* The text grows in a buffer; what does not fit shows in used. */
struct text {
	size_t used;
	char bytes[TEXT_BYTES];
};

static void put(struct text *text, const char *group, const char *key, int64_t value)
{
	if (text->used >= sizeof(text->bytes))
		return;
	text->used += (size_t)snprintf(text->bytes + text->used, sizeof(text->bytes) - text->used,
				       "%s%s=%lld\n", group, key, (long long)value);
}

static void put_exit(struct text *text, const char *group, const struct exit_status *exit)
{
	for (size_t i = 0; i < FIELD_COUNT(EXIT_FIELDS); i++)
		put(text, group, EXIT_FIELDS[i].key, field_get(&EXIT_FIELDS[i], exit));
}

static void exit_group(size_t index, char out[16])
{
	snprintf(out, 16, "exit%u.", (unsigned)(index % SHIM_MAX_EXITS));
}

static bool bytes_write(int fd, const char *data, size_t size)
{
	return write(fd, data, size) == (ssize_t)size;
}

static bool state_write(const struct shim *shim, int fd)
{
	const struct tail *tail = &shim->tail;
	struct text text = {0};
	char group[16];

	put(&text, "", "format", FORMAT);
	for (size_t i = 0; i < FIELD_COUNT(SHIM_FIELDS); i++)
		put(&text, "", SHIM_FIELDS[i].key, field_get(&SHIM_FIELDS[i], shim));
	for (size_t i = 0; i < shim->exit_count; i++) {
		exit_group(i, group);
		put_exit(&text, group, &shim->exits[i]);
	}
	put_exit(&text, "exit.", &shim->exit);
	put(&text, "", "tag.size", (int64_t)strlen(shim->tag));
	put(&text, "", "tail.size", (int64_t)tail->used);
	put(&text, "", "stdout.size", (int64_t)shim->streams[0].used);
	put(&text, "", "stderr.size", (int64_t)shim->streams[1].used);
	if (text.used + 1 >= sizeof(text.bytes))
		return false;
	text.bytes[text.used++] = '\n';
	/* The tail is a ring: it is written from its begin on. */
	size_t first = SHIM_TAIL_BYTES - tail->start;
	first = first < tail->used ? first : tail->used;
	return bytes_write(fd, text.bytes, text.used) &&
	       bytes_write(fd, shim->tag, strlen(shim->tag)) &&
	       bytes_write(fd, tail->bytes + tail->start, first) &&
	       bytes_write(fd, tail->bytes, tail->used - first) &&
	       bytes_write(fd, shim->streams[0].line, shim->streams[0].used) &&
	       bytes_write(fd, shim->streams[1].line, shim->streams[1].used);
}

/* What follows the empty line, in its order. */
struct sizes {
	int64_t format;
	int64_t tag;
	int64_t tail;
	int64_t lines[2];
};

static void sizes_set(struct sizes *sizes, const char *key, int64_t value)
{
	if (strcmp(key, "format") == 0)
		sizes->format = value;
	else if (strcmp(key, "tag.size") == 0)
		sizes->tag = value;
	else if (strcmp(key, "tail.size") == 0)
		sizes->tail = value;
	else if (strcmp(key, "stdout.size") == 0)
		sizes->lines[0] = value;
	else if (strcmp(key, "stderr.size") == 0)
		sizes->lines[1] = value;
}

static void exits_set(struct shim *shim, const char *key, int64_t value)
{
	for (size_t i = 0; i <= SHIM_MAX_EXITS; i++) {
		char group[16] = "exit.";

		if (i < SHIM_MAX_EXITS)
			exit_group(i, group);
		if (strncmp(key, group, strlen(group)) != 0)
			continue;
		for (size_t j = 0; j < FIELD_COUNT(EXIT_FIELDS); j++) {
			if (strcmp(key + strlen(group), EXIT_FIELDS[j].key) == 0)
				field_set(&EXIT_FIELDS[j],
					  i < SHIM_MAX_EXITS ? &shim->exits[i] : &shim->exit,
					  value);
		}
	}
}

static void line_take(struct shim *shim, struct sizes *sizes, char *line)
{
	char *value = strchr(line, '=');

	if (!value)
		return;
	*value++ = '\0';
	int64_t number = strtoll(value, NULL, 10);
	for (size_t i = 0; i < FIELD_COUNT(SHIM_FIELDS); i++) {
		if (strcmp(line, SHIM_FIELDS[i].key) == 0)
			field_set(&SHIM_FIELDS[i], shim, number);
	}
	sizes_set(sizes, line, number);
	exits_set(shim, line, number);
}

/* Reads a piece behind the text into its place. */
static bool bytes_read(int fd, off_t *at, int64_t size, char *out, int64_t max)
{
	if (size < 0 || size > max || pread(fd, out, (size_t)size, *at) != (ssize_t)size)
		return false;
	*at += size;
	return true;
}

static bool state_read(struct shim *shim, int fd)
{
	struct sizes sizes = {0};
	char text[TEXT_BYTES + 1];
	ssize_t got = pread(fd, text, TEXT_BYTES, 0);

	if (got <= 0)
		return false;
	text[got] = '\0';
	char *end = strstr(text, "\n\n");
	if (!end)
		return false;
	off_t at = end + 2 - text;
	end[1] = '\0';
	for (char *line = text, *next; *line; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		line_take(shim, &sizes, line);
	}
	if (sizes.format != FORMAT || shim->exit_count > SHIM_MAX_EXITS ||
	    (unsigned)shim->phase > PHASE_KILLING ||
	    !bytes_read(fd, &at, sizes.tag, shim->tag, SHIM_MAX_TAG - 1) ||
	    !bytes_read(fd, &at, sizes.tail, shim->tail.bytes, SHIM_TAIL_BYTES) ||
	    !bytes_read(fd, &at, sizes.lines[0], shim->streams[0].line, SHIM_MAX_LINE) ||
	    !bytes_read(fd, &at, sizes.lines[1], shim->streams[1].line, SHIM_MAX_LINE))
		return false;
	shim->tag[sizes.tag] = '\0';
	shim->tail.used = (size_t)sizes.tail;
	shim->streams[0].used = (size_t)sizes.lines[0];
	shim->streams[1].used = (size_t)sizes.lines[1];
	return true;
}

static void handed_over_set(const struct shim *shim, int flags)
{
	const int fds[] = {shim->listen_fd, shim->client_fd, shim->streams[0].fd,
			   shim->streams[1].fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			fcntl(fds[i], F_SETFD, flags);
}

bool upgrade_resume(struct shim *shim)
{
	bool done = state_read(shim, shim->options.resume_fd);

	if (shim->options.check)
		return done;
	close(shim->options.resume_fd);
	handed_over_set(shim, FD_CLOEXEC);
	return done;
}

/* Our own arguments again, with an option and its value in front. False: there are too many. */
static bool arguments_build(const struct shim *shim, char *option, char *value,
			    char *out[MAX_ARGUMENTS])
{
	char **argument = shim->argv + 1;
	size_t count = 0;

	out[count++] = shim->argv[0];
	out[count++] = option;
	out[count++] = value;
	if (*argument && strcmp(*argument, option) == 0)
		argument += 2;
	for (; *argument; argument++) {
		if (count + 1 == MAX_ARGUMENTS)
			return false;
		out[count++] = *argument;
	}
	out[count] = NULL;
	return true;
}

/* Asks the program by a child beside the service, which has to end well, and soon. */
static bool check_passes(const char *program, char **arguments)
{
	int64_t deadline = now_monotonic() + CHECK_USEC;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execv(program, arguments);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0) {
		if (now_monotonic() > deadline)
			kill(pid, SIGKILL);
		usleep(CHECK_PAUSE_USEC);
	}
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Returns only when it did not come to it: why. */
static const char *replace(struct shim *shim, const char *program, int state)
{
	char number[16], resume[] = "--resume", check[] = "--check";
	char *arguments[MAX_ARGUMENTS];

	snprintf(number, sizeof(number), "%d", state);
	if (!arguments_build(shim, resume, number, arguments))
		return "too many arguments";
	arguments[1] = check;
	if (!check_passes(program, arguments))
		return "the program does not take over";
	arguments[1] = resume;
	handed_over_set(shim, 0);
	execv(program, arguments);
	handed_over_set(shim, FD_CLOEXEC);
	return strerror(errno);
}

void upgrade_run(struct shim *shim, const char *program)
{
	const char *why = "the state could not be written";
	char text[256];

	segments_flush(&shim->segments);
	/* Both programs inherit it. */
	int state = memfd_create("muster-shim", 0);
	if (state >= 0 && state_write(shim, state))
		why = replace(shim, program, state);
	if (state >= 0)
		close(state);
	snprintf(text, sizeof(text), "upgrade: %s", why);
	control_send_error(shim, text);
}
