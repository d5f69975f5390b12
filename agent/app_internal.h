/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What app.c (life), hello.c, health.c, notices.c (messages), status.c (local answers) and beat.c
 * (the service manager) share.
 */
#pragma once

#include "app.h"
#include "base/notify.h"
#include "control.h"
#include "identity.h"
#include "link/link.h"
#include "reconcile/reconcile.h"
#include "renewal.h"
#include "telemetry/follow.h"
#include "telemetry/host.h"

struct health_meter {
	char name[64];
	struct cpu_meter cpu;
};

/* The last health message: while all is about the same, a beat suffices. */
struct health_told {
	usec_t at;	 /* boot time, 0: none on this connection */
	usec_t asked_at; /* when the server last said that it has none */
	int mark;	 /* what beats call it; 0: there was none */
	char digest[SHA256_HEX_SIZE];
	char texts[SHA256_HEX_SIZE]; /* of what failed probes say */
	int64_t clock_offset_ms;
	double cpu_percent[SUPERVISOR_MAX_SERVICES];
	int64_t mem_bytes[SUPERVISOR_MAX_SERVICES];
};

/* Noticed, and not kept yet. */
struct notices {
	struct arena *arena; /* NULL: there are none */
	struct notice_event *first;
	struct notice_event *last;
	uint64_t timer;
};

struct app {
	const struct config *config;
	struct arena *arena; /* of the whole run */
	struct identity identity;
	char root[4096]; /* the folder, absolute */
	struct loop *loop;
	struct state *state;
	struct supervisor *supervisor;
	struct outgoing outgoing;
	struct notices notices;
	struct trusted_time time;
	struct upgrade *upgrade;
	struct renewal *renewal;
	struct reconcile *reconcile;
	struct link *link;
	struct follow *follow;
	struct control *control;
	struct apply *apply;			/* a bundle is being read */
	struct control_client *shutdown_client; /* waits for the end of all services */
	int signal_fd;
	int lock_fd;
	uint64_t health_timer;
	struct notify notify;
	uint64_t beat_timer;
	bool ending;
	bool disk_low; /* the event was sent */
	struct cpu_meter host_cpu;
	struct health_meter meters[SUPERVISOR_MAX_SERVICES];
	struct health_told told;
};

/*
 * Stops all services in order, then ends; the client (or NULL) hears of the end. False: under way
 * already.
 */
bool app_shut_down(struct app *app, struct control_client *client);

/* Ends the reading of a bundle, if there is one. */
void apply_cancel(struct app *app);

/* Says who we are and what we have; the server answers with what we lack. */
void hello_send(struct app *app);

/* From the supervisor; arg is the app. */
void notices_receive(enum supervisor_notice notice, const struct service_status *status, void *arg);
/* Keeps what was noticed; happens by itself in the next turn of the loop. */
void notices_flush(struct app *app);

/* Sends one health message or beat now, and the next after the interval. */
void health_send(struct app *app);
/* The next one must not be a beat: the server may not have had the last message. */
void health_tell_all(struct app *app);
/* The server says that it lacks what beats refer to. */
void health_asked(struct app *app);

/* health_told.c: is there nothing in it that a beat does not say? Notes it as told, under a new mark, if not. */
bool health_is_told(struct health_told *told, const struct msg_health *health, struct arena *arena);

/* The answers to "status" and "explain" (only: one service, or NULL). The caller owns them. */
json_t *status_answer(struct app *app);
json_t *explain_answer(struct app *app, const char *only);

/*
 * Tells the service manager that we are ready, and from then on, at half of its watchdog's time,
 * that the loop still turns, with a line on how things are.
 */
void beat_start(struct app *app);

/* Tells it that we are about to end. The beats go on until we do. */
void beat_end(struct app *app);
