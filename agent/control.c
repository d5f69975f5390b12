/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fields.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"

enum {
	MAX_CLIENTS = 16,
	MAX_OF_ONE_USER = 8, /* others than root and ourselves */
	KEPT_FREE = 4,	     /* for those two, whoever else comes */
	MAX_GROUPS = 256,
	MAX_DEPTH = 4,
	ASK_WITHIN_MS = 5000,
};

static const gid_t NO_GROUP = (gid_t)-1;

struct control_client {
	struct control *control;
	int fd; /* -1: free */
	struct control_peer peer;
	enum control_right right;
	size_t length;
	char line[CONTROL_MAX_REQUEST];
	int file; /* that came with the request, or -1 */
	bool asked;
	bool ending; /* nothing more to say than what is queued */
	struct strbuf out;
	uint64_t timer; /* until it has asked */
	void (*gone)(void *arg);
	void *gone_arg;
};

struct control {
	struct control_options options;
	gid_t group, readers;
	bool everybody_reads;
	int fd;
	struct control_client clients[MAX_CLIENTS];
};

/* --- pure parts --- */

bool control_request_parse(const char *line, size_t length, struct arena *arena, json_t **out,
			   struct error *err)
{
	json_t *request;

	if (length > CONTROL_MAX_REQUEST)
		return error_set(err, ERR_TOO_LARGE, "the request is too long");
	if (!json_parse_limited(line, length, MAX_DEPTH, &request, err))
		return error_prefix(err, "the request");
	json_keep(request, arena);
	if (!json_is_string(json_object_get(request, "do")))
		return error_set(err, ERR_INVALID, "the request has no \"do\"");
	*out = request;
	return true;
}

static bool is_in(const struct control_peer *peer, gid_t group)
{
	bool in = group != NO_GROUP && peer->gid == group;

	for (size_t i = 0; i < peer->group_count && !in; i++)
		in = group != NO_GROUP && peer->groups[i] == group;
	return in;
}

enum control_right control_right_of(const struct control_peer *peer, uid_t own, gid_t group,
				    gid_t readers, bool everybody_reads)
{
	if (peer->uid == 0 || peer->uid == own || is_in(peer, group))
		return CONTROL_CHANGE;
	return everybody_reads || is_in(peer, readers) ? CONTROL_READ : CONTROL_NOTHING;
}

/* --- answering --- */

static void client_ready(int fd, short revents, void *arg);

static void close_client(struct control_client *client)
{
	void (*gone)(void *) = client->ending ? NULL : client->gone;

	loop_timer_cancel(client->control->options.loop, client->timer);
	loop_remove_fd(client->control->options.loop, client->fd);
	close(client->fd);
	fd_cleanup(&client->file);
	strbuf_release(&client->out);
	client->fd = -1;
	client->gone = NULL;
	if (gone)
		gone(client->gone_arg);
}

/* Gives the socket what it takes, and watches for more room when there is more. */
static void flush(struct control_client *client)
{
	while (client->out.length > 0) {
		ssize_t count = send(client->fd, client->out.data, client->out.length,
				     MSG_DONTWAIT | MSG_NOSIGNAL);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno == EAGAIN)
			break;
		if (count < 0) {
			close_client(client);
			return;
		}
		strbuf_consume(&client->out, (size_t)count);
	}
	if (client->out.length == 0 && client->ending) {
		close_client(client);
		return;
	}
	loop_mod_fd(client->control->options.loop, client->fd,
		    client->out.length > 0 ? POLLIN | POLLOUT : POLLIN);
}

bool control_send(struct control_client *client, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	size_t before = client->out.length;
	bool ok = client->fd >= 0 && text && strbuf_append_string(&client->out, text) &&
		  strbuf_append_char(&client->out, '\n');

	free(text);
	json_decref(line);
	if (client->fd >= 0 && before == 0)
		flush(client);
	return ok && client->fd >= 0;
}

void control_end(struct control_client *client, json_t *line)
{
	client->gone = NULL;
	if (line)
		control_send(client, line);
	if (client->fd < 0)
		return;
	client->ending = true;
	flush(client);
}

void control_fail(struct control_client *client, const struct error *err)
{
	control_end(client, json_pack("{s:s, s:s}", "error", err->text, "code",
				      error_code_name(err->code)));
}

size_t control_backlog(const struct control_client *client)
{
	return client->out.length;
}

uid_t control_uid(const struct control_client *client)
{
	return client->peer.uid;
}

int control_take_fd(struct control_client *client)
{
	int file = client->file;

	client->file = -1;
	return file;
}

void control_on_gone(struct control_client *client, void (*gone)(void *arg), void *arg)
{
	client->gone = gone;
	client->gone_arg = arg;
}

/* --- asking --- */

static void refuse(struct control_client *client, const char *verb)
{
	const char *group = client->control->options.group;
	struct error err = {0};

	log_warn("refused \"%s\" to the local user %u", verb, (unsigned)client->peer.uid);
	error_set(&err, ERR_FORBIDDEN,
		  "user %u may not ask for \"%s\": use sudo or the agent's own user (%u), or %s%s",
		  (unsigned)client->peer.uid, verb, (unsigned)geteuid(),
		  group[0] ? "become a member of the group " : "name a group with control_group",
		  group[0] ? group : " in agent.conf");
	control_fail(client, &err);
}

static void dispatch(struct control_client *client)
{
	const struct control_options *options = &client->control->options;
	struct arena *arena = arena_new();
	struct error err = {0};
	json_t *request;

	if (!control_request_parse(client->line, client->length, arena, &request, &err)) {
		control_fail(client, &err);
		arena_free(arena);
		return;
	}
	const char *verb = json_string_value(json_object_get(request, "do"));
	const struct control_verb *found = NULL;
	for (size_t i = 0; i < options->verb_count && !found; i++)
		if (strcmp(options->verbs[i].name, verb) == 0)
			found = &options->verbs[i];
	if (!found) {
		error_set(&err, ERR_INVALID, "this agent does not know \"%.32s\"", verb);
		control_fail(client, &err);
	} else if (client->right < found->right) {
		refuse(client, found->name);
	} else {
		found->run(client, request, options->arg);
	}
	arena_free(arena);
}

/* Keeps one file that was passed; more, and what does not fit, the kernel or we close. */
static void take_files(struct control_client *client, struct msghdr *message)
{
	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part;
	     part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int file;

			memcpy(&file, CMSG_DATA(part) + i * sizeof(int), sizeof(file));
			if (client->file < 0)
				client->file = file;
			else
				close(file);
		}
	}
}

static ssize_t receive(struct control_client *client)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec part = {client->line + client->length, sizeof(client->line) - client->length};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	ssize_t count = recvmsg(client->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (count > 0)
		take_files(client, &message);
	return count;
}

/* After its question a client has nothing to say: only its end is looked for. */
static bool is_gone(struct control_client *client)
{
	char ignored[256];
	ssize_t count = recv(client->fd, ignored, sizeof(ignored), MSG_DONTWAIT);

	return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

static void client_ready(int fd, short revents, void *arg)
{
	struct control_client *client = arg;

	(void)fd;
	if (client->asked) {
		if ((revents & (POLLIN | POLLHUP | POLLERR)) && is_gone(client))
			close_client(client);
		else if (revents & POLLOUT)
			flush(client);
		return;
	}
	ssize_t count = receive(client);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0) {
		close_client(client);
		return;
	}
	client->length += (size_t)count;
	char *end = memchr(client->line, '\n', client->length);
	if (!end && client->length < sizeof(client->line))
		return;
	client->asked = true;
	loop_timer_cancel(client->control->options.loop, client->timer);
	client->timer = 0;
	client->length = end ? (size_t)(end - client->line) : client->length;
	dispatch(client);
}

static void too_slow(void *arg)
{
	struct control_client *client = arg;

	client->timer = 0;
	close_client(client);
}

/* Who it is, as the kernel saw it when he connected. */
static bool identify(int fd, struct control_peer *peer, gid_t groups[MAX_GROUPS])
{
	struct ucred who;
	socklen_t size = sizeof(who), room = (socklen_t)(MAX_GROUPS * sizeof(gid_t));

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
		return false;
	*peer = (struct control_peer){.uid = who.uid, .gid = who.gid};
	/* Linux 4.13; without it only the first group counts. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &room) == 0) {
		peer->groups = groups;
		peer->group_count = room / sizeof(gid_t);
	}
	return true;
}

static struct control_client *find_place(struct control *control, uid_t uid)
{
	const bool trusted = uid == 0 || uid == geteuid();
	struct control_client *place = NULL;
	int of_user = 0, free = 0;

	for (size_t i = 0; i < MAX_CLIENTS; i++) {
		struct control_client *client = &control->clients[i];

		if (client->fd < 0) {
			place = client;
			free++;
		} else if (client->peer.uid == uid) {
			of_user++;
		}
	}
	if (!trusted && (of_user >= MAX_OF_ONE_USER || free <= KEPT_FREE))
		return NULL;
	return place;
}

static void client_arrived(int fd, short revents, void *arg)
{
	struct control *control = arg;
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct control_client *client;
	struct control_peer peer;
	gid_t groups[MAX_GROUPS];

	(void)revents;
	if (connection < 0)
		return;
	if (!identify(connection, &peer, groups) || !(client = find_place(control, peer.uid))) {
		close(connection);
		return;
	}
	*client = (struct control_client){
		.control = control, .fd = connection, .file = -1, .peer = {.uid = peer.uid}};
	client->right = control_right_of(&peer, geteuid(), control->group, control->readers,
					 control->everybody_reads);
	strbuf_init(&client->out, NULL, CONTROL_MAX_BACKLOG);
	client->timer = loop_timer_set(control->options.loop, ASK_WITHIN_MS, too_slow, client);
	loop_add_fd(control->options.loop, connection, POLLIN, client_ready, client);
}

/* --- life --- */

static bool find_group(const char *name, const char *setting, gid_t *out, struct error *err)
{
	const struct group *group;

	*out = NO_GROUP;
	if (!name[0])
		return true;
	errno = 0;
	group = getgrnam(name);
	if (!group)
		return error_set(err, ERR_INVALID, "%s: there is no group \"%s\"", setting, name);
	*out = group->gr_gid;
	return true;
}

static bool start_listening(int *out, struct error *err)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX, .sun_path = CONTROL_SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlink(CONTROL_SOCKET);
	/* Who may connect is not who may ask: a refusal shall be an answer. */
	mode_t before = umask(0111);
	bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&where, sizeof(where)) == 0 &&
		  listen(fd, MAX_CLIENTS) == 0;
	umask(before);
	if (!ok) {
		error_set_errno(err, ERR_UNAVAILABLE, errno, "could not listen on %s",
				CONTROL_SOCKET);
		fd_cleanup(&fd);
		return false;
	}
	*out = fd;
	return true;
}

bool control_new(const struct control_options *options, struct control **out, struct error *err)
{
	bool everybody = strcmp(options->readers, "*") == 0;
	gid_t group, readers;
	int fd;

	if (!find_group(options->group, "control_group", &group, err) ||
	    !find_group(everybody ? "" : options->readers, "control_readers", &readers, err) ||
	    !start_listening(&fd, err))
		return false;
	struct control *control = xcalloc(1, sizeof(*control));
	*control = (struct control){.options = *options,
				    .group = group,
				    .readers = readers,
				    .everybody_reads = everybody,
				    .fd = fd};
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		control->clients[i].fd = -1;
	loop_add_fd(options->loop, fd, POLLIN, client_arrived, control);
	*out = control;
	return true;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	for (size_t i = 0; i < MAX_CLIENTS; i++)
		if (control->clients[i].fd >= 0)
			close_client(&control->clients[i]);
	loop_remove_fd(control->options.loop, control->fd);
	close(control->fd);
	unlink(CONTROL_SOCKET);
	free(control);
}
