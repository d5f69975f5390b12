/* SPDX-License-Identifier: Apache-2.0 */
#include "control_ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "control.h"

enum { MAX_DEPTH = 16 };

static bool connect_agent(int *out, struct error *err)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX, .sun_path = CONTROL_SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&where, sizeof(where)) == 0) {
		*out = fd;
		return true;
	}
	int reason = errno;
	fd_cleanup(&fd);
	if (reason == ENOENT || reason == ECONNREFUSED)
		return error_set(err, ERR_NOT_FOUND,
				 "no agent runs here; \"muster-agent run\" starts one, and --dir "
				 "names another folder");
	return error_set_errno(err, reason == EACCES ? ERR_FORBIDDEN : ERR_UNAVAILABLE, reason,
			       "cannot ask the agent");
}

static bool send_request(int fd, const json_t *request, int file, struct error *err)
{
	struct arena *arena = arena_new();
	char *text = arena_printf(arena, "%s\n", json_text(request, arena));
	struct iovec part = {text, strlen(text)};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (file >= 0) {
		message.msg_control = control.space;
		message.msg_controllen = sizeof(control.space);
		control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						  .cmsg_type = SCM_RIGHTS,
						  .cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(&control.header), &file, sizeof(file));
	}
	/* A request is far smaller than the buffer of a socket: it goes as a whole. */
	bool ok = sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)part.iov_len;
	arena_free(arena);
	return ok || error_set_errno(err, ERR_UNAVAILABLE, errno, "the agent does not listen");
}

static enum error_code code_of(const char *name)
{
	for (int code = 0; name && code <= ERR_INTERNAL; code++)
		if (strcmp(error_code_name((enum error_code)code), name) == 0)
			return (enum error_code)code;
	return ERR_INTERNAL;
}

/* False: that was all, or it went wrong (*failed). */
static bool take_line(const char *text, size_t length, control_line_fn on_line, void *arg,
		      bool *failed, struct error *err)
{
	json_t *line;

	if (!json_parse_limited(text, length, MAX_DEPTH, &line, err)) {
		*failed = true;
		return false;
	}
	const char *error = json_string_value(json_object_get(line, "error"));
	const char *code = json_string_value(json_object_get(line, "code"));
	bool more = false;
	if (error && code)
		*failed = !error_set(err, code_of(code), "%s", error);
	else
		more = on_line(line, arg);
	json_decref(line);
	return more;
}

static bool receive(int fd, control_line_fn on_line, void *arg, struct error *err)
{
	struct arena *arena = arena_new();
	struct strbuf text;
	char part[4096];
	bool failed = false, more = true, any = false;
	ssize_t count = 0;

	strbuf_init(&text, arena, CONTROL_MAX_BACKLOG);
	while (more && (count = read(fd, part, sizeof(part))) != 0) {
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 || !strbuf_append(&text, part, (size_t)count))
			break;
		char *end;
		while (more && (end = memchr(text.data, '\n', text.length)) != NULL) {
			size_t length = (size_t)(end - text.data);

			any = true;
			more = take_line(text.data, length, on_line, arg, &failed, err);
			strbuf_consume(&text, length + 1);
		}
	}
	arena_free(arena);
	if (failed)
		return false;
	/* A long answer may be without a line; one that is cut off is not. */
	return any || count == 0 ||
	       error_set(err, ERR_UNAVAILABLE, "the agent ended before it answered");
}

bool control_ask_lines(const json_t *request, int file, control_line_fn on_line, void *arg,
		       struct error *err)
{
	CLEANUP(fd_cleanup) int fd = -1;

	return connect_agent(&fd, err) && send_request(fd, request, file, err) &&
	       receive(fd, on_line, arg, err);
}

struct single {
	struct arena *arena;
	json_t *answer;
};

static bool keep_first(json_t *line, void *arg)
{
	struct single *single = arg;

	single->answer = json_keep(json_incref(line), single->arena);
	return false;
}

bool control_ask(const json_t *request, struct arena *arena, json_t **answer, struct error *err)
{
	struct single single = {.arena = arena};

	if (!control_ask_lines(request, -1, keep_first, &single, err))
		return false;
	*answer = single.answer;
	return single.answer ||
	       error_set(err, ERR_UNAVAILABLE, "the agent ended before it answered");
}
