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
 *   agent: status | run TAG | tag TAG | signal N | stop N GRACE_MS | kill | collect | leave
 *   shim:  status KEY=VALUE... | exit KEY=VALUE... NEWLINE last-bytes-of-stderr | error TEXT
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum {
	SHIM_MAX_CGROUPS = 4,
	SHIM_MAX_GROUPS = 32,
	SHIM_MAX_LIMITS = 8,
	SHIM_MAX_TAG = 160,
	SHIM_MAX_LINE = 4096,
	SHIM_TAIL_BYTES = 4096,
	SHIM_MAX_PACKET = SHIM_TAIL_BYTES + 512,
	SHIM_READ_BYTES = 4096,
	SHIM_WRITE_BYTES = 8192,
	SHIM_CONTROL_FD = 3, /* a connection that the agent hands over at the start */
};

struct shim_limit {
	int resource;
	rlim_t value;
};

struct shim_options {
	const char *name;
	const char *run_dir;
	const char *log_dir;
	const char *cwd;
	int64_t segment_bytes;
	int64_t segment_count;
	int64_t rate_bytes; /* per second; more is dropped and counted */
	bool set_user;
	uid_t uid;
	gid_t gid;
	gid_t groups[SHIM_MAX_GROUPS];
	size_t group_count;
	struct shim_limit limits[SHIM_MAX_LIMITS];
	size_t limit_count;
	const char *cgroups[SHIM_MAX_CGROUPS];
	size_t cgroup_count;
	int stop_signal; /* for a SIGTERM to the shim itself */
	int64_t grace_ms;
	char **command;
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
	bool known; /* not collected yet */
	int code;   /* -1: by signal or never started */
	int signal;
	bool core;
	bool wanted;
	int64_t at;		 /* UTC usec */
	const char *failed_step; /* NULL, or what failed before exec */
	int failed_errno;
};

struct shim {
	struct shim_options options;
	struct segments segments;
	struct stream streams[2];
	struct tail tail;
	enum shim_phase phase;
	pid_t pid;	    /* main process of the service, 0: none */
	int64_t started_at; /* UTC usec */
	unsigned run;	    /* counts starts of this shim */
	int64_t deadline;   /* monotonic usec: next step of STOPPING or KILLING */
	struct exit_status exit;
	char tag[SHIM_MAX_TAG];
	bool leaving; /* exit as soon as the service is over */
	bool done;
	int signal_fd;
	int listen_fd;
	ino_t socket_inode;
	int client_fd; /* -1: the agent is away */
};

/* options.c: false after having written the reason to *why. */
bool options_parse(int argc, char **argv, struct shim_options *options, const char **why);
/* A whole decimal number in 0 .. max. */
bool number_parse(const char *text, int64_t max, int64_t *out);

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

/* child.c */
void service_start(struct shim *shim);

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
void control_send_exit(struct shim *shim);
void control_unlink(struct shim *shim);
