/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of a shim (agent/shim/shim.h has the packets). A client is one
 * connection; closing it leaves the service alone. What happens to the service comes
 * as events from the loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"

enum { SHIM_CLIENT_MAX_PACKET = 4096 + 512, SHIM_CLIENT_TAG_SIZE = 160 };

struct shim_client;

enum shim_event_kind {
	SHIM_EVENT_STATUS, /* started, or a phase began */
	SHIM_EVENT_EXIT,   /* the service is over, nothing of it is left */
	SHIM_EVENT_ERROR,  /* the shim refuses something; text says why */
	SHIM_EVENT_LOST,   /* the shim has ended; free the client */
};

enum shim_phase { SHIM_IDLE, SHIM_RUNNING, SHIM_STOPPING, SHIM_KILLING };

struct shim_event {
	enum shim_event_kind kind;
	unsigned run; /* number of the start; 0: never started */
	enum shim_phase phase;
	pid_t pid;
	bool exit_pending; /* STATUS: an exit that nobody collected follows */
	usec_t at;	   /* UTC: of the start (STATUS) or the exit (EXIT) */
	int code;	   /* EXIT: or -1 */
	int signal;	   /* EXIT: or 0 */
	bool core;	   /* EXIT */
	bool wanted;	   /* EXIT: a stop was asked for */
	int error;	   /* EXIT: errno of a start that failed before exec, or 0 */
	char step[64];	   /* EXIT: what failed then, "execute the program" */
	char tag[SHIM_CLIENT_TAG_SIZE];
	const char *text; /* EXIT: last bytes of stderr; ERROR: reason. Valid in the call. */
	size_t text_size;
};

/* May free the client. */
typedef void (*shim_event_fn)(const struct shim_event *event, void *arg);

struct shim_start {
	struct loop *loop;
	const char *program; /* muster-shim */
	const char *name;
	const char *run_dir;
	const char *log_dir;
	const char *cwd;
	const char *const *command; /* NULL-terminated */
	const char *const *env;	    /* NULL-terminated: all that the service sees */
	const char *user;	    /* "uid:gid:gid,gid", or NULL */
	const char *capabilities;   /* bits in decimal that are kept, or NULL */
	bool new_privileges;
	bool private_tmp;
	const char *const *limits;  /* "nofile=1024", NULL-terminated; may be NULL */
	const char *const *cgroups; /* the service is put there: folders, NULL-terminated */
	const char *const *within;  /* the shim too, see cgroups_take_shim; either may be NULL */
	int stop_signal;
	int64_t grace_ms;
	int64_t segment_bytes;
	int64_t segment_count;
	int64_t rate_bytes;
	shim_event_fn handler;
	void *arg;
};

/* Starts a shim; the service starts with shim_client_run. */
MUST_CHECK bool shim_client_spawn(const struct shim_start *start, struct shim_client **out,
				  struct error *err);

/*
 * Connects to the shim behind <run_dir>/<name>.sock and waits (up to five seconds) for its
 * status, which goes to *status; an exit that nobody collected follows as an event.
 * ERR_NOT_FOUND: nobody is there, the socket file was a leftover and is removed.
 * ERR_TIMEOUT: it was stuck and has been killed, which takes its service along.
 */
MUST_CHECK bool shim_client_connect(struct loop *loop, const char *run_dir, const char *name,
				    shim_event_fn handler, void *arg, struct shim_client **out,
				    struct shim_event *status, struct error *err);

/* Closes the connection; the service and its shim stay. Accepts NULL. */
void shim_client_free(struct shim_client *client);

/* Starts the service (again) when it is idle; tag is kept by the shim. A shim that cannot
 * be told shows as SHIM_EVENT_LOST. */
void shim_client_run(struct shim_client *client, const char *tag);
void shim_client_tag(struct shim_client *client, const char *tag);
void shim_client_signal(struct shim_client *client, int signal_number);
void shim_client_stop(struct shim_client *client, int signal_number, int64_t grace_ms);
void shim_client_kill(struct shim_client *client);
/* The exits up to this run are in safety: the shim may forget them. */
void shim_client_collect(struct shim_client *client, unsigned run);
/* The shim ends when its exits are collected; EVENT_LOST follows when its socket file is gone. */
void shim_client_leave(struct shim_client *client);

/* A shim that was connected to goes on as program, an absolute path, under its pid and with its
 * service; a status follows, or an EVENT_ERROR when it remained what it was. False: it was not
 * asked, since it runs that very file or nobody can tell. */
bool shim_client_upgrade(struct shim_client *client, const char *program);

/* Reads and removes what a shim wrote before a power cut. False: there is nothing. The text
 * points into buffer. */
bool shim_exit_file_take(const char *run_dir, const char *name, char buffer[SHIM_CLIENT_MAX_PACKET],
			 struct shim_event *event);

/* Pure: one packet of a shim. */
MUST_CHECK bool shim_packet_decode(const char *data, size_t size, struct shim_event *event);
