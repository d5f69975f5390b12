/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/spawn.h"
#include "base/strbuf.h"
#include "protocol/limits.h"

enum { MAX_LINE = 1024, ORDERS_FD = 3, SILENCE_MS = 60 * 1000 };

struct import {
	struct loop *loop;
	struct import_callbacks callbacks;
	struct child child;
	int out;	/* the child's stdout */
	int orders;	/* or -1 */
	uint64_t timer; /* a stick that answers no more */
	struct strbuf text;
	size_t envelope; /* bytes of it that are still to come, plus one; 0: lines */
	bool good;
	char failure[MAX_LINE];
};

static void release(struct import *import)
{
	loop_timer_cancel(import->loop, import->timer);
	if (import->out >= 0) {
		loop_remove_fd(import->loop, import->out);
		close(import->out);
	}
	fd_cleanup(&import->orders);
	strbuf_release(&import->text);
	free(import);
}

static void ended(struct import *import)
{
	int status = child_stop(&import->child, false, 0);

	if (!import->good && !import->failure[0])
		snprintf(import->failure, sizeof(import->failure), "the child process %s",
			 wait_status_text(status));
	import->callbacks.done(import->good ? NULL : import->failure, import->callbacks.arg);
	release(import);
}

static void take_line(struct import *import, const char *line)
{
	long long done, total;
	size_t size;

	if (strcmp(line, "done") == 0)
		import->good = true;
	else if (sscanf(line, "progress %lld %lld", &done, &total) == 2)
		import->callbacks.progress(done, total, import->callbacks.arg);
	else if (sscanf(line, "envelope %zu", &size) == 1 && size <= LIMIT_DOWN_MESSAGE)
		import->envelope = size + 1;
	else if (strncmp(line, "error ", 6) == 0)
		snprintf(import->failure, sizeof(import->failure), "%s", line + 6);
}

/* The envelope once it is there as a whole. The callee may end us, so this is the last of a turn. */
static void take_envelope(struct import *import)
{
	size_t size = import->envelope - 1;
	char *copy;

	if (import->text.length < size)
		return;
	import->envelope = 0;
	copy = xcalloc(1, size + 1);
	memcpy(copy, import->text.data, size);
	strbuf_consume(&import->text, size);
	import->callbacks.envelope(copy, size, import->callbacks.arg);
	free(copy);
}

static void take_lines(struct import *import)
{
	char *end;

	while (import->envelope == 0 &&
	       (end = memchr(import->text.data, '\n', import->text.length)) != NULL) {
		size_t length = (size_t)(end - import->text.data);

		*end = '\0';
		take_line(import, import->text.data);
		strbuf_consume(&import->text, length + 1);
	}
}

static void silent(void *arg)
{
	struct import *import = arg;

	import->timer = 0;
	snprintf(import->failure, sizeof(import->failure), "the bundle could not be read for %d s",
		 SILENCE_MS / 1000);
	import->good = false;
	ended(import);
}

static void output_ready(int fd, short revents, void *arg)
{
	struct import *import = arg;
	char buffer[4096];
	ssize_t count = read(fd, buffer, sizeof(buffer));

	(void)revents;
	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (count <= 0 || !strbuf_append(&import->text, buffer, (size_t)count)) {
		/* Its last words may have come together with the envelope. */
		take_lines(import);
		ended(import);
		return;
	}
	loop_timer_cancel(import->loop, import->timer);
	import->timer = loop_timer_set(import->loop, SILENCE_MS, silent, import);
	take_lines(import);
	if (import->envelope > 0)
		take_envelope(import);
}

static bool spawn_child(struct import *import, const char *node, int bundle, int out, int orders,
			struct error *err)
{
	const struct spawn_fd fds[] = {{bundle, 0}, {out, 1}, {2, 2}, {orders, ORDERS_FD}};
	const struct spawn_limit limits[] = {{RLIMIT_CORE, 0}};
	struct arena *arena = arena_new();
	char *arguments[] = {arena_strdup(arena, "muster-agent"), arena_strdup(arena, "import"),
			     arena_strdup(arena, node), NULL};
	const struct spawn_options options = {
		.program = "/proc/self/exe",
		.argv = arguments,
		.fds = fds,
		.fd_count = ARRAY_SIZE(fds),
		.limits = limits,
		.limit_count = ARRAY_SIZE(limits),
		.flags = SPAWN_NO_NEW_PRIVS | SPAWN_DIE_WITH_PARENT,
	};
	bool ok = spawn(&options, &import->child, err);

	arena_free(arena);
	return ok;
}

bool import_start(struct loop *loop, int bundle, const char *node,
		  const struct import_callbacks *callbacks, struct import **out, struct error *err)
{
	int words[2] = {-1, -1}, orders[2] = {-1, -1};
	struct import *import = xcalloc(1, sizeof(*import));

	*import = (struct import){.loop = loop, .callbacks = *callbacks, .out = -1, .orders = -1};
	strbuf_init(&import->text, NULL, LIMIT_DOWN_MESSAGE + MAX_LINE);
	bool ok = file_make_folders("packages", 0755, err);
	if (ok && (pipe2(words, O_CLOEXEC) != 0 || pipe2(orders, O_CLOEXEC) != 0))
		ok = error_set_errno(err, ERR_UNAVAILABLE, errno, "could not make a pipe");
	ok = ok && spawn_child(import, node, bundle, words[1], orders[0], err);
	close(bundle);
	fd_cleanup(&words[1]);
	fd_cleanup(&orders[0]);
	if (!ok) {
		fd_cleanup(&words[0]);
		fd_cleanup(&orders[1]);
		release(import);
		return false;
	}
	import->out = words[0];
	import->orders = orders[1];
	import->timer = loop_timer_set(loop, SILENCE_MS, silent, import);
	loop_add_fd(loop, import->out, POLLIN, output_ready, import);
	*out = import;
	return true;
}

bool import_want(struct import *import, const struct import_package *packages, size_t count,
		 struct error *err)
{
	struct arena *arena = arena_new();
	struct strbuf text;

	strbuf_init(&text, arena, 32 * 1024);
	for (size_t i = 0; i < count; i++)
		strbuf_printf(&text, "%s %" PRId64 "\n", packages[i].sha256, packages[i].size);
	strbuf_append_string(&text, "go\n");
	/* It fits into the pipe. A child that has gone says why on its own. */
	bool ok = !text.overflow &&
		  (fd_write_all(import->orders, text.data, text.length) || errno == EPIPE);
	arena_free(arena);
	fd_cleanup(&import->orders);
	return ok || error_set(err, ERR_UNAVAILABLE, "could not tell the child what is wanted");
}

void import_cancel(struct import *import)
{
	if (!import)
		return;
	child_stop(&import->child, false, 0);
	release(import);
}
