/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/strbuf.h"

enum { MAX_LINE = 1024, STOP_GRACE_MS = 2000, SLACK_BYTES = 1 << 20 };

enum stage { STAGE_DOWNLOAD, STAGE_UNPACK };

struct fetch {
	struct loop *loop;
	struct arena *arena;
	struct fetch_job job;
	struct fetch_callbacks callbacks;
	enum stage stage;
	struct child child;
	int out; /* the child's stdout, or -1 */
	struct strbuf line;
	bool good; /* it said "done" */
	char code[32];
	char text[MAX_LINE];
	const char *part;
	const char *folder;
};

static const struct {
	const char *code;
	enum fetch_outcome outcome;
} OUTCOMES[] = {
	{"network", FETCH_RETRY},   {"disk", FETCH_RETRY},   {"internal", FETCH_RETRY},
	{"refused", FETCH_EXPIRED}, {"checksum", FETCH_BAD}, {"size", FETCH_BAD},
	{"archive", FETCH_BAD},
};

const char *fetch_package_path(struct arena *arena, const char *sha256)
{
	return arena_printf(arena, "packages/%s", sha256);
}

bool fetch_archive_here(const char *sha256, int64_t size)
{
	struct arena *arena = arena_new();
	struct stat status;
	bool here = stat(arena_printf(arena, "packages/%s.part", sha256), &status) == 0 &&
		    S_ISREG(status.st_mode) && status.st_size == size;

	arena_free(arena);
	return here;
}

static void release(struct fetch *fetch)
{
	if (fetch->out >= 0) {
		loop_remove_fd(fetch->loop, fetch->out);
		close(fetch->out);
	}
	strbuf_release(&fetch->line);
	arena_free(fetch->arena);
	free(fetch);
}

static void finish(struct fetch *fetch, enum fetch_outcome outcome, const char *code,
		   const char *text)
{
	fetch->callbacks.done(outcome, code, text, fetch->callbacks.arg);
	release(fetch);
}

static void finish_failed(struct fetch *fetch)
{
	for (size_t i = 0; i < ARRAY_SIZE(OUTCOMES); i++) {
		if (strcmp(OUTCOMES[i].code, fetch->code) == 0) {
			finish(fetch, OUTCOMES[i].outcome, fetch->code, fetch->text);
			return;
		}
	}
	finish(fetch, FETCH_RETRY, "internal", fetch->text);
}

static void take_line(struct fetch *fetch, char *line)
{
	long long done, total;
	int skip = 0;

	if (strcmp(line, "done") == 0) {
		fetch->good = true;
	} else if (sscanf(line, "progress %lld %lld", &done, &total) == 2) {
		if (fetch->callbacks.progress)
			fetch->callbacks.progress(done, total, fetch->callbacks.arg);
	} else if (sscanf(line, "error %31s %n", fetch->code, &skip) == 1 && skip > 0) {
		snprintf(fetch->text, sizeof(fetch->text), "%s", line + skip);
	}
}

static void take_output(struct fetch *fetch, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] != '\n') {
			strbuf_append_char(&fetch->line, data[i]);
			continue;
		}
		take_line(fetch, fetch->line.data);
		strbuf_reset(&fetch->line);
	}
}

static bool start_child(struct fetch *fetch, struct error *err);

static void stage_ended(struct fetch *fetch)
{
	int status = child_stop(&fetch->child, false, STOP_GRACE_MS);
	struct error err = {0};

	if (!fetch->good) {
		if (!fetch->text[0])
			snprintf(fetch->text, sizeof(fetch->text), "the child process %s",
				 wait_status_text(status));
		/* What was brought and is not good must not stand in the way of a download. */
		if (!fetch->job.url)
			unlink(fetch->part);
		finish_failed(fetch);
		return;
	}
	if (fetch->stage == STAGE_UNPACK) {
		unlink(fetch->part);
		finish(fetch, FETCH_DONE, "done", "");
		return;
	}
	fetch->stage = STAGE_UNPACK;
	if (!start_child(fetch, &err))
		finish(fetch, FETCH_RETRY, "internal", err.text);
}

static void output_ready(int fd, short revents, void *arg)
{
	struct fetch *fetch = arg;
	char buffer[4096];
	ssize_t count = read(fd, buffer, sizeof(buffer));

	(void)revents;
	if (count > 0) {
		take_output(fetch, buffer, (size_t)count);
		return;
	}
	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* It closes stdout only by ending. */
	loop_remove_fd(fetch->loop, fd);
	close(fd);
	fetch->out = -1;
	stage_ended(fetch);
}

static char *make_order(struct fetch *fetch)
{
	const struct fetch_job *job = &fetch->job;
	json_auto_t *order = json_pack("{s:s, s:s, s:I, s:s, s:s, s:i, s:I}", "url", job->url,
				       "sha256", job->sha256, "size", (json_int_t)job->size,
				       "ca_file", job->ca_file, "part", fetch->part, "attempts",
				       job->attempts, "rate_bytes", (json_int_t)job->rate_bytes);

	return json_text(order, fetch->arena);
}

static char *const *make_arguments(struct fetch *fetch)
{
	char **arguments = arena_array(fetch->arena, 8, sizeof(*arguments));
	size_t n = 0;

	arguments[n++] = arena_strdup(fetch->arena, "muster-agent");
	if (fetch->stage == STAGE_DOWNLOAD) {
		arguments[n++] = arena_strdup(fetch->arena, "fetch");
		return arguments;
	}
	arguments[n++] = arena_strdup(fetch->arena, "unpack");
	arguments[n++] = arena_strdup(fetch->arena, fetch->part);
	arguments[n++] = arena_strdup(fetch->arena, fetch->job.sha256);
	arguments[n++] = arena_strdup(fetch->arena, fetch->folder);
	arguments[n++] =
		arena_printf(fetch->arena, "%lld", (long long)fetch->job.max_unpacked_bytes);
	return arguments;
}

static bool spawn_stage(struct fetch *fetch, int in, int out, struct error *err)
{
	const struct spawn_fd fds[] = {{in, 0}, {out, 1}, {2, 2}};
	int64_t largest = fetch->stage == STAGE_DOWNLOAD ? fetch->job.size + SLACK_BYTES
							 : fetch->job.max_unpacked_bytes;
	const struct spawn_limit limits[] = {{RLIMIT_FSIZE, (rlim_t)largest}, {RLIMIT_CORE, 0}};
	const struct spawn_options options = {
		.program = "/proc/self/exe",
		.argv = make_arguments(fetch),
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.limits = limits,
		.limit_count = ARRAY_SIZE(limits),
		.flags = SPAWN_NO_NEW_PRIVS | SPAWN_DIE_WITH_PARENT,
	};

	return spawn(&options, &fetch->child, err);
}

/* The order fits into the pipe, so that writing it never waits for the child. */
static bool start_child(struct fetch *fetch, struct error *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	const char *order = fetch->stage == STAGE_DOWNLOAD ? make_order(fetch) : "";

	fetch->good = false;
	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
		fd_cleanup(&in[0]);
		fd_cleanup(&in[1]);
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not make a pipe");
	}
	bool ok = fd_write_all(in[1], order, strlen(order)) || order[0] == '\0';
	fd_cleanup(&in[1]);
	ok = ok ? spawn_stage(fetch, in[0], out[1], err)
		: error_set_errno(err, ERR_INTERNAL, errno, "could not write to a pipe");
	fd_cleanup(&in[0]);
	fd_cleanup(&out[1]);
	if (!ok) {
		fd_cleanup(&out[0]);
		return false;
	}
	fetch->out = out[0];
	loop_add_fd(fetch->loop, fetch->out, POLLIN, output_ready, fetch);
	return true;
}

bool fetch_start(struct loop *loop, const struct fetch_job *job,
		 const struct fetch_callbacks *callbacks, struct fetch **out, struct error *err)
{
	struct fetch *fetch = xcalloc(1, sizeof(*fetch));

	fetch->loop = loop;
	fetch->arena = arena_new();
	fetch->callbacks = *callbacks;
	fetch->job = *job;
	fetch->job.url = job->url ? arena_strdup(fetch->arena, job->url) : NULL;
	fetch->stage = job->url ? STAGE_DOWNLOAD : STAGE_UNPACK;
	fetch->job.sha256 = arena_strdup(fetch->arena, job->sha256);
	fetch->job.ca_file = arena_strdup(fetch->arena, job->ca_file);
	fetch->out = -1;
	fetch->folder = fetch_package_path(fetch->arena, fetch->job.sha256);
	fetch->part = arena_printf(fetch->arena, "%s.part", fetch->folder);
	strbuf_init(&fetch->line, NULL, MAX_LINE);
	if (!file_make_folders("packages", 0755, err) || !start_child(fetch, err)) {
		release(fetch);
		return false;
	}
	*out = fetch;
	return true;
}

void fetch_cancel(struct fetch *fetch)
{
	if (!fetch)
		return;
	child_stop(&fetch->child, false, 0);
	release(fetch);
}
