/* SPDX-License-Identifier: Apache-2.0 */
/*
 * muster-shim: holds one service while the agent comes and goes. It starts the
 * service, owns its output, keeps its exit status and does what the agent says on
 * a unix socket. One process, one thread, no allocation, libc only: it has to stay
 * for months and must be small enough to forget.
 *
 * Orphans of the service come back to the shim (child subreaper), so a service is
 * over when the shim has no child left, however often it has forked.
 *
 * Packets on the socket (SOCK_SEQPACKET, text):
 *   agent: status | run TAG | tag TAG | signal N | stop N GRACE_MS | kill | collect [RUN] | leave |
 *          upgrade PROGRAM
 *   shim:  status KEY=VALUE... | exit KEY=VALUE... NEWLINE last-bytes-of-stderr | error TEXT
 *
 * An exit is kept until "collect" names its run (or a later one, or none): the agent says so when
 * it has the exit in safety. Until then each agent that asks for the status is told of it again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "options.h"

enum {
	SHIM_MAX_EXITS = 8, /* not collected yet; then the oldest goes */
	SHIM_MAX_TAG = 160,
	SHIM_MAX_LINE = 4096,
	SHIM_TAIL_BYTES = 4096,
	SHIM_MAX_PACKET = SHIM_TAIL_BYTES + 512,
	SHIM_READ_BYTES = 4096,
	SHIM_WRITE_BYTES = 8192,
	SHIM_CONTROL_FD = 3, /* a connection that the agent hands over at the start */
};

/* Rotating log segments; see agent/process/segment.h for the format. */
struct segments {
	const char *folder;
	int64_t max_bytes;
	int64_t max_count;
	int64_t rate_bytes;
	int fd; /* -1: not open, tried again later */
	uint64_t number;
	int64_t size;
	int64_t lines;	 /* that the records so far stand for */
	int64_t dropped; /* since the last record that said so */
	int64_t tokens;
	int64_t refilled_at; /* monotonic usec */
	int64_t retry_at;
	size_t used;
	char buffer[SHIM_WRITE_BYTES];
};

/* One output pipe of the service. */
struct stream {
	int fd;	   /* -1: closed */
	char kind; /* 'o' or 'e' */
	size_t used;
	char line[SHIM_MAX_LINE];
};

/* The last bytes of stderr of this run. */
struct tail {
	size_t start;
	size_t used;
	char bytes[SHIM_TAIL_BYTES];
};

enum shim_phase {
	PHASE_IDLE, /* no process; the exit is known (or never started) */
	PHASE_RUNNING,
	PHASE_STOPPING, /* signal sent, grace runs */
	PHASE_KILLING,	/* SIGKILL until no child is left */
};

struct exit_status {
	unsigned run;
	int code; /* -1: by signal or never started */
	int signal;
	bool core;
	bool wanted;
	int64_t at; /* UTC usec */
	int step;   /* what failed before exec, see service_step_name; 0: nothing */
	int failed_errno;
};

struct shim {
	struct shim_options options;
	struct segments segments;
	struct stream streams[2];
	struct tail tail;
	enum shim_phase phase;
	pid_t pid;		 /* main process of the service, 0: none */
	int64_t started_at;	 /* UTC usec */
	unsigned run;		 /* counts starts of this shim */
	int64_t deadline;	 /* monotonic usec: next step of STOPPING or KILLING */
	int64_t grace_usec;	 /* of the stop */
	struct exit_status exit; /* of this run, as far as it is known */
	struct exit_status exits[SHIM_MAX_EXITS]; /* not collected, oldest first */
	size_t exit_count;
	char tag[SHIM_MAX_TAG];
	bool terminated; /* the grace is over: all of it was sent SIGTERM */
	bool leaving;	 /* exit as soon as the service is over and its exit collected */
	bool ending;	 /* exit as soon as the service is over: the machine goes down */
	bool done;
	char **argv; /* as we were started */

	int signal_fd;
	int listen_fd;
	ino_t socket_inode;
	int client_fd; /* -1: the agent is away */
};

/* clock of the shim, usec */
int64_t now_utc(void);
int64_t now_monotonic(void);

/* folder.c: calls visit with the name of each entry. */
typedef void (*folder_visit_fn)(const char *name, void *arg);
void folder_visit(const char *path, folder_visit_fn visit, void *arg);

/* segments.c */
void segments_open(struct segments *segments, const struct shim_options *options);
/* Drops and counts when it cannot be written now. */
void segments_line(struct segments *segments, char kind, bool continues, const char *text,
		   size_t length);
/* Says how many lines were dropped, if any. */
void segments_note_dropped(struct segments *segments);
void segments_flush(struct segments *segments);

/* capture.c: reads what is there, a bounded amount. False: end of file. */
bool stream_read(struct stream *stream, struct segments *segments, struct tail *tail);
/* Everything that is left in the pipe, and an unfinished last line. */
void stream_drain(struct stream *stream, struct segments *segments, struct tail *tail);

/* confine.c: in the child, in this order, the change of user between the last two. */
bool private_tmp_make(const struct shim_options *options);
bool capabilities_prepare(const struct shim_options *options);
bool capabilities_set(const struct shim_options *options);

/* child.c */
void service_start(struct shim *shim);
/* One word: "execute_the_program"; "" for 0. */
const char *service_step_name(int step);
/* Moves us into a cgroup; suffix names one from there: "" or "/..". */
bool cgroup_join(const char *folder, const char *suffix);

/* reap.c */
void service_reap(struct shim *shim);
void service_stop(struct shim *shim, int signal_number, int64_t grace_ms);
void service_kill(struct shim *shim);
/* Next step when shim->deadline has come. */
void service_deadline(struct shim *shim);

/* descendants.c: signals every process below us; returns how many. */
int descendants_signal(int signal_number);
/* A direct child, 0: none is visible. */
pid_t descendants_child(void);

/* control.c */
bool control_listen(struct shim *shim);
void control_accept(struct shim *shim);
void control_receive(struct shim *shim);
void control_send_status(struct shim *shim);
/* The service is over: shim->exit is kept until it is collected, and told. */
void control_exited(struct shim *shim);
void control_send_error(struct shim *shim, const char *text);
void control_unlink(struct shim *shim);

/*
 * upgrade.c: another program takes our place, under the same pid, so that the service stays our
 * child. It is asked first whether it understands our state; when not, all stays as it is.
 */
void upgrade_run(struct shim *shim, const char *program);
/* The other side: takes over what shim->options.resume_fd holds. */
bool upgrade_resume(struct shim *shim);
