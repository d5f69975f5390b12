/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the supervisor: one service and what moves it. */
#pragma once

#include "process/cgroup.h"
#include "process/shim_client.h"
#include "supervise/machine.h"
#include "supervise/probe.h"
#include "supervise/restart.h"
#include "supervise/supervisor.h"
#include "supervise/user.h"

#define SUPERVISOR_RUN_DIR "run/shim"

enum { SERVICE_REASON_SIZE = 360, SERVICE_EXIT_TEXT_SIZE = 264 };

struct service {
	struct supervisor *supervisor;
	char name[SPEC_MAX_NAME + 1];
	struct arena *arena; /* of the spec */
	struct service_spec spec;
	bool claimed;  /* has a spec: supervisor_set was called */
	bool halted;   /* stopped by command */
	bool removing; /* forgotten as soon as it is stopped */
	/* EVENT_STOP or EVENT_RESTART that waits for its turn, see service_ask; or none. */
	enum service_event asked_for;
	bool ended; /* there is no process, and none on its way */
	int64_t generation;

	enum service_state state;
	usec_t since; /* UTC */
	char reason[SERVICE_REASON_SIZE];
	unsigned notices; /* bits of enum supervisor_notice, to be delivered */
	int depth;	  /* of dispatch */

	struct shim_client *client;
	bool leaving;			   /* the client's shim was told to go */
	bool spawn_pending;		   /* start as soon as it is gone */
	char shim_digest[SHA256_HEX_SIZE]; /* process_digest that the shim was started with */
	char hot_digest[SHA256_HEX_SIZE];  /* what the process has read */
	unsigned run;			   /* number of the start, per shim */
	unsigned noticed_run;		   /* its exit is to be collected; 0: none */
	pid_t pid;
	bool asked;   /* the start was asked for, it does not follow an exit or ill health */
	bool was_ill; /* NOTICE_RECOVERED is due when it is ready again */
	int restarts;
	usec_t ready_at; /* boot time, 0: not ready */
	int64_t ran_us;	 /* how long it had been ready when it ceased to be */

	usec_t gate_from; /* boot time: since then the health gate counts */
	bool gate_failed;
	char gate_reason[SERVICE_REASON_SIZE];

	struct restart_history history;
	int64_t delay_ms; /* of the next ACTION_BACKOFF or ACTION_HOLD */
	uint64_t timer;
	usec_t retry_at; /* UTC */

	struct probe *probes[SPEC_MAX_PROBES];
	size_t probe_count;
	struct probe_status probe_statuses[SPEC_MAX_PROBES];
	char log_dir[128];

	struct exit_info exit;
	char exit_text[SERVICE_EXIT_TEXT_SIZE];
	char stderr_tail[SUPERVISOR_STDERR_BYTES];
	char cgroups[CGROUP_MAX_BASES][CGROUP_PATH_SIZE];
	size_t cgroup_count;
};

struct supervisor {
	struct supervisor_options options;
	char *root;
	char *shim;
	struct cgroups cgroups;
	struct service *services[SUPERVISOR_MAX_SERVICES]; /* in order of names */
	size_t count;
	uint64_t sweep_timer;
	bool stopping_all;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

/* supervisor.c */
struct service *supervisor_find(const struct supervisor *supervisor, const char *name);
/* NULL: there are too many. */
struct service *supervisor_add(struct supervisor *supervisor, const char *name);
/* Soon: starts what no longer has to wait, stops what may stop now, forgets what is gone. */
void supervisor_poke(struct supervisor *supervisor);

/* service.c */
struct service *service_new(struct supervisor *supervisor, const char *name);
/* The shim and the service stay. */
void service_free(struct service *service);
void service_dispatch(struct service *service, enum service_event event);
/*
 * EVENT_STOP or EVENT_RESTART in its turn: a service ends after those that start after it and have
 * to end as well. At once when it has no process.
 */
void service_ask(struct service *service, enum service_event event);
/* It goes on after all. */
void service_unask(struct service *service);
/* Whose end it has to wait for; NULL: its turn has come. */
const struct service *service_ends_after(const struct service *service);
/* Marks a notice as due; service_deliver calls it out, unless a chain of events still runs. */
void service_notice(struct service *service, enum supervisor_notice notice);
void service_deliver(struct service *service);
void service_set_reason(struct service *service, const char *format, ...) PRINTF_FORMAT(2, 3);
void service_fail_gate(struct service *service, const char *reason);
/* Is something that it starts after still on its way? NULL: no. */
const char *service_waits_for(const struct service *service);
bool service_has_process(const struct service *service);

/* service_spec.c */
void service_take_spec(struct service *service, const struct service_spec *spec,
		       int64_t generation);
void service_reload(struct service *service);

/* service_shim.c */
/* What a program of this spec finds when it starts. */
MUST_CHECK bool spec_folders_make(const struct service_spec *spec, const char *log_dir,
				  const struct user *user, struct error *err);
void service_spawn(struct service *service);
void service_release(struct service *service);
void service_shim_event(const struct shim_event *event, void *arg);
/* The shim may forget the exits that were noticed. */
void service_collect(struct service *service);
/* A shim of an earlier agent. */
void service_adopted(struct service *service, struct shim_client *client,
		     const struct shim_event *status);
/* Notes an exit; moves nothing. */
void service_note_exit(struct service *service, const struct shim_event *event);
/* "<process digest>.<hot digest>" */
void service_tag(const struct service *service, char out[SHIM_CLIENT_TAG_SIZE]);

/* service_probes.c */
void service_probes_build(struct service *service);
void service_probes_free(struct service *service);
void service_probes_prepare(struct service *service);
void service_probes_start(struct service *service, bool adopted);
void service_probes_stop(struct service *service);
void service_probes_evaluate(struct service *service);

/* service_status.c */
void service_status_fill(struct service *service, struct service_status *status);
