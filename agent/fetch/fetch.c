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
#include "base/log.h"
#include "base/spawn.h"
#include "base/strbuf.h"

enum {
	MAX_LINE = 1024,
	STOP_GRACE_MS = 2000,
	SLACK_BYTES = 1 << 20,
	PATCH_ATTEMPTS = 3,
	PATCH_MIN_BYTES = 128 << 10, /* smaller archives are fetched as fast as asked about */
	PATCH_WAIT_MIN_MS = 5 * 1000,
	PATCH_WAIT_MAX_MS = 60 * 1000,
	SLOW_LINE_BYTES_PER_MS = 125, /* 1 Mbit/s */
};

enum stage { STAGE_FETCH_PATCH, STAGE_PATCH, STAGE_DOWNLOAD, STAGE_UNPACK };

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
	const char *patch;
	const char *folder;
	struct fetch_account account;
};

static const struct {
	const char *code;
	enum fetch_outcome outcome;
} OUTCOMES[] = {
	{"network", FETCH_RETRY},   {"disk", FETCH_RETRY},   {"internal", FETCH_RETRY},
	{"refused", FETCH_EXPIRED}, {"checksum", FETCH_BAD}, {"size", FETCH_BAD},
	{"archive", FETCH_BAD},
};

const char *fetch_patch_url(struct arena *arena, const char *url, const char *base)
{
	size_t path = strcspn(url, "?");

	return arena_printf(arena, "%.*s/from/%s%s", (int)path, url, base, url + path);
}

const char *fetch_cache_url(struct arena *arena, const char *cache, const char *url)
{
	const char *path = strstr(url, "/download/");
	size_t length = strlen(cache);

	while (length > 0 && cache[length - 1] == '/')
		length--;
	return path ? arena_printf(arena, "%.*s%s", (int)length, cache, path) : NULL;
}

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
	fetch->callbacks.done(outcome, code, text, &fetch->account, fetch->callbacks.arg);
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

static bool is_download(const struct fetch *fetch)
{
	return fetch->stage == STAGE_FETCH_PATCH || fetch->stage == STAGE_DOWNLOAD;
}

static void enter(struct fetch *fetch, enum stage stage)
{
	struct error err = {0};

	fetch->stage = stage;
	fetch->code[0] = fetch->text[0] = '\0';
	if (!start_child(fetch, &err))
		finish(fetch, FETCH_RETRY, "internal", err.text);
}

static int64_t size_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? status.st_size : 0;
}

static void settle(struct fetch *fetch)
{
	if (fetch->stage == STAGE_PATCH)
		fetch->account.fetched_bytes += size_of(fetch->patch);
	else if (fetch->job.url_count > 0)
		fetch->account.fetched_bytes += fetch->job.size;
	fetch->account.saved_bytes =
		fetch->job.url_count > 0 && fetch->job.size > fetch->account.fetched_bytes
			? fetch->job.size - fetch->account.fetched_bytes
			: 0;
	unlink(fetch->patch);
	unlink(fetch->part);
	finish(fetch, FETCH_DONE, "done", "");
}

/* Whatever was wrong with the patch, the archive decides. */
static void go_on_without_patch(struct fetch *fetch)
{
	log_debug("no patch for a package: %s", fetch->text);
	fetch->account.fetched_bytes += size_of(fetch->patch);
	unlink(fetch->patch);
	enter(fetch, STAGE_DOWNLOAD);
}

static void give_up(struct fetch *fetch)
{
	/* What was brought and is not good must not stand in the way of a download. */
	if (fetch->job.url_count == 0)
		unlink(fetch->part);
	finish_failed(fetch);
}

static void stage_ended(struct fetch *fetch)
{
	int status = child_stop(&fetch->child, false, STOP_GRACE_MS);

	if (!fetch->good && !fetch->text[0])
		snprintf(fetch->text, sizeof(fetch->text), "the child process %s",
			 wait_status_text(status));
	if (!fetch->good && (fetch->stage == STAGE_FETCH_PATCH || fetch->stage == STAGE_PATCH))
		go_on_without_patch(fetch);
	else if (!fetch->good)
		give_up(fetch);
	else if (is_download(fetch))
		enter(fetch, fetch->stage == STAGE_FETCH_PATCH ? STAGE_PATCH : STAGE_UNPACK);
	else
		settle(fetch);
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

/* How long the server may make a patch: no longer than the archive itself would take on a slow line. */
static int64_t patch_wait_ms(const struct fetch *fetch)
{
	const int64_t wait_ms = fetch->job.size / SLOW_LINE_BYTES_PER_MS;

	if (wait_ms < PATCH_WAIT_MIN_MS)
		return PATCH_WAIT_MIN_MS;
	return wait_ms < PATCH_WAIT_MAX_MS ? wait_ms : PATCH_WAIT_MAX_MS;
}

static json_t *make_urls(struct fetch *fetch)
{
	json_t *urls = json_array();

	for (size_t i = 0; i < fetch->job.url_count; i++) {
		const char *url = fetch->job.urls[i];

		if (fetch->stage == STAGE_FETCH_PATCH)
			url = fetch_patch_url(fetch->arena, url, fetch->job.base);
		json_array_append_new(urls, json_string(url));
	}
	return urls;
}

static char *make_order(struct fetch *fetch)
{
	const struct fetch_job *job = &fetch->job;
	const bool patch = fetch->stage == STAGE_FETCH_PATCH;
	json_auto_t *order = json_pack(
		"{s:o, s:s*, s:I, s:I, s:s, s:I, s:s, s:i, s:I}", "urls", make_urls(fetch),
		"sha256", patch ? NULL : job->sha256, "size", (json_int_t)job->size, "wait_ms",
		(json_int_t)patch_wait_ms(fetch), "ca_file", job->ca_file, "time",
		(json_int_t)job->time, "part", patch ? fetch->patch : fetch->part, "attempts",
		patch && job->attempts > PATCH_ATTEMPTS ? PATCH_ATTEMPTS : job->attempts,
		"rate_bytes", (json_int_t)job->rate_bytes);

	return json_text(order, fetch->arena);
}

static char *const *make_arguments(struct fetch *fetch)
{
	char **arguments = arena_array(fetch->arena, 10, sizeof(*arguments));
	struct arena *arena = fetch->arena;
	size_t n = 0;

	arguments[n++] = arena_strdup(arena, "muster-agent");
	if (is_download(fetch)) {
		arguments[n++] = arena_strdup(arena, "fetch");
		return arguments;
	}
	const bool patch = fetch->stage == STAGE_PATCH;
	arguments[n++] = arena_strdup(arena, patch ? "patch" : "unpack");
	arguments[n++] = arena_strdup(arena, patch ? fetch->patch : fetch->part);
	arguments[n++] = arena_strdup(arena, patch ? fetch->job.tar_sha256 : fetch->job.sha256);
	arguments[n++] = arena_strdup(arena, fetch->folder);
	arguments[n++] = arena_printf(arena, "%lld", (long long)fetch->job.max_unpacked_bytes);
	if (patch) {
		arguments[n++] = arena_strdup(arena, fetch_package_path(arena, fetch->job.base));
		arguments[n++] = arena_printf(arena, "%lld", (long long)fetch->job.tar_size);
	}
	return arguments;
}

static bool spawn_stage(struct fetch *fetch, int in, int out, struct error *err)
{
	const struct spawn_fd fds[] = {{in, 0}, {out, 1}, {2, 2}};
	int64_t largest =
		is_download(fetch) ? fetch->job.size + SLACK_BYTES : fetch->job.max_unpacked_bytes;
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
	const char *order = is_download(fetch) ? make_order(fetch) : "";

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

static void copy_job(struct fetch *fetch, const struct fetch_job *job)
{
	const char **urls = arena_array(fetch->arena, job->url_count, sizeof(*urls));

	for (size_t i = 0; i < job->url_count; i++)
		urls[i] = arena_strdup(fetch->arena, job->urls[i]);
	fetch->job = *job;
	fetch->job.urls = urls;
	fetch->job.sha256 = arena_strdup(fetch->arena, job->sha256);
	fetch->job.base = arena_strdup(fetch->arena, job->base);
	fetch->job.tar_sha256 = arena_strdup(fetch->arena, job->tar_sha256);
	fetch->job.ca_file = arena_strdup(fetch->arena, job->ca_file);
}

static enum stage first_stage(const struct fetch *fetch)
{
	if (fetch->job.url_count == 0)
		return STAGE_UNPACK;
	/* An archive that has begun to come is finished: a patch would have to be fetched on top of it. */
	return fetch->job.base && fetch->job.tar_sha256 && fetch->job.size >= PATCH_MIN_BYTES &&
			       size_of(fetch->part) == 0
		       ? STAGE_FETCH_PATCH
		       : STAGE_DOWNLOAD;
}

bool fetch_start(struct loop *loop, const struct fetch_job *job,
		 const struct fetch_callbacks *callbacks, struct fetch **out, struct error *err)
{
	struct fetch *fetch = xcalloc(1, sizeof(*fetch));

	fetch->loop = loop;
	fetch->arena = arena_new();
	fetch->callbacks = *callbacks;
	copy_job(fetch, job);
	fetch->out = -1;
	fetch->folder = fetch_package_path(fetch->arena, fetch->job.sha256);
	fetch->part = arena_printf(fetch->arena, "%s.part", fetch->folder);
	fetch->patch = arena_printf(fetch->arena, "%s.patch", fetch->folder);
	fetch->stage = first_stage(fetch);
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
