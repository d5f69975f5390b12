/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local door: run/agent.sock. Anybody may connect; the kernel says who it is (SO_PEERCRED,
 * SO_PEERGROUPS, see unix(7)), and a table says what each may ask: root, the agent's own user and
 * one group everything, others at most what changes nothing. Who may not is told what to do.
 *
 * A client sends one line, a JSON object with "do", perhaps with one open file beside it, and gets
 * lines of JSON back until the agent closes. The last one may be {"error", "code"}. A client that does not
 * read is held back, one that does not ask is dropped, and nobody can take the places of others.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"

enum { CONTROL_MAX_REQUEST = 4096, CONTROL_MAX_BACKLOG = 1024 * 1024 };

#define CONTROL_SOCKET "run/agent.sock"

struct control;
struct control_client;

enum control_right { CONTROL_NOTHING, CONTROL_READ, CONTROL_CHANGE };

/* Answers with control_send and control_end or control_fail, now or later. request is borrowed. */
typedef void (*control_fn)(struct control_client *client, json_t *request, void *arg);

struct control_verb {
	const char *name;
	enum control_right right;
	control_fn run;
};

struct control_options {
	struct loop *loop;
	const struct control_verb *verbs;
	size_t verb_count;
	const char *group;   /* may do everything; "": nobody beside root and the agent's user */
	const char *readers; /* group that may read, "*": everybody, "": nobody more */
	void *arg;
};

/* Options are borrowed. ERR_INVALID: a group does not exist. */
MUST_CHECK bool control_new(const struct control_options *options, struct control **out,
			    struct error *err);
void control_free(struct control *control); /* accepts NULL */

/* Queues a line (takes it over). False: the client is too far behind, or gone. */
bool control_send(struct control_client *client, json_t *line);

/* The last line (takes it over; NULL: none). The client is closed when it has read all. */
void control_end(struct control_client *client, json_t *line);
void control_fail(struct control_client *client, const struct error *err);

/* Bytes that the client has not taken yet: a long answer waits for few. */
size_t control_backlog(const struct control_client *client);

uid_t control_uid(const struct control_client *client);

/* The open file that came with the request, now the caller's; -1: none. */
int control_take_fd(struct control_client *client);

/* Called once if the client goes before control_end; then it must not be used any more. */
void control_on_gone(struct control_client *client, void (*gone)(void *arg), void *arg);

/* --- pure parts, for tests --- */

/* A request line without its newline: an object with a string "do". */
MUST_CHECK bool control_request_parse(const char *line, size_t length, struct arena *arena,
				      json_t **out, struct error *err);

struct control_peer {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* supplementary ones */
	size_t group_count;
};

/* group and readers as ids; (gid_t)-1: none. */
enum control_right control_right_of(const struct control_peer *peer, uid_t own, gid_t group,
				    gid_t readers, bool everybody_reads);
