/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps services in the state that their specs ask for. Each service runs under a
 * muster-shim, which outlives us; at our start the running ones are adopted.
 *
 * Single-threaded, on the agent's loop; nothing here blocks longer than a local
 * answer takes. All paths are relative to the agent's folder, which is the working
 * directory of the process. Strings in a status are valid until the next call or turn.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "drivers/spec.h"
#include "supervise/machine.h"

enum { SUPERVISOR_MAX_SERVICES = 64, SUPERVISOR_STDERR_BYTES = 4096 };

struct supervisor;

struct exit_info {
	bool known;  /* has the service ended at least once? */
	int code;    /* exit code, or -1 */
	int signal;  /* that killed it, or 0 */
	bool wanted; /* we had stopped it */
	usec_t at;   /* UTC */
	const char
		*text; /* "exited with 3", "killed by signal 9 (Killed)", "could not start: ..." */
	const char *stderr_tail; /* last bytes of stderr as they came, perhaps not UTF-8 */
	size_t stderr_size;	 /* at most SUPERVISOR_STDERR_BYTES */
};

struct probe_status {
	enum probe_kind kind;
	const char *target; /* what it asks, "8080/ready"; "" for the process itself */
	bool readiness;
	bool liveness;
	bool known; /* has it answered often enough to say? */
	bool good;
	int64_t duration_us; /* of the last attempt; -1: none yet */
	const char *text;    /* why the last attempt failed, or "" */
};

struct service_status {
	const char *name;
	enum service_state state; /* service_state_name() gives the word for reports */
	const char *reason;	  /* never empty unless running: what it waits for, or why */
	usec_t since;		  /* UTC, of the state */
	usec_t retry_at;	  /* UTC, next try in backoff and held; 0 otherwise */
	bool run;		  /* wanted? */
	bool ready;
	int64_t ready_for_ms; /* boot time; 0 when not ready */
	pid_t pid;	      /* 0: none */
	int restarts;	      /* without being asked, since the agent first saw the service */
	int64_t generation;   /* of the spec in force */
	const char *driver;
	const char *cgroup; /* folder for accounting, or NULL */
	struct exit_info exit;
	const struct probe_status *probes;
	size_t probe_count;
};

enum supervisor_notice {
	NOTICE_STATE,	   /* anything below, and every other change of state */
	NOTICE_STARTED,	   /* event service.started: a process exists */
	NOTICE_EXITED,	   /* service.exited: status->exit tells how */
	NOTICE_UNHEALTHY,  /* service.unhealthy */
	NOTICE_RECOVERED,  /* service.recovered: ready for a second after exit or ill health */
	NOTICE_CRASH_LOOP, /* service.crash_loop: held now */
	NOTICE_RELOADED,
	NOTICE_REMOVED, /* forgotten; last notice of this name */
};

/* Called once per notice, from the loop or from within a call below; may call back into the
 * supervisor. */
typedef void (*supervisor_notice_fn)(enum supervisor_notice notice,
				     const struct service_status *status, void *arg);

struct supervisor_options {
	struct loop *loop;
	const char *root;      /* the agent's folder, absolute, = working directory */
	const char *shim;      /* path of muster-shim; NULL: beside our binary, then PATH */
	int64_t segment_bytes; /* logs/<name>/: size of one segment; 0: 1 MiB */
	int segment_count;     /* kept segments; 0: 4 */
	bool collects_later; /* exits are in safety with supervisor_collect, not with the notice */
	supervisor_notice_fn notice;
	void *arg;
};

struct supervisor *supervisor_new(const struct supervisor_options *options);
/* Lets go of everything; services run on under their shims. */
void supervisor_free(struct supervisor *supervisor);

/*
 * Finds the services that run under shims of an earlier agent. Call once, before
 * the first supervisor_set. They stay untouched until supervisor_set claims them;
 * exits that nobody has seen are noticed then.
 */
MUST_CHECK bool supervisor_adopt(struct supervisor *supervisor, struct error *err);

/* What was noticed so far is in safety: the shims may forget the exits. */
void supervisor_collect(struct supervisor *supervisor);

/* Stops and forgets what was adopted and never claimed. Call after the last set at start. */
void supervisor_prune(struct supervisor *supervisor);

/*
 * The service shall be so. Nothing happens to a running one unless process_digest
 * changed (restart) or only hot_digest (reload); probes, policies and order are
 * taken over on the fly. Ends a crash loop's hold. The spec is copied.
 */
MUST_CHECK bool supervisor_set(struct supervisor *supervisor, const struct service_spec *spec,
			       int64_t generation, struct error *err);

/* Stops the service, then forgets it (NOTICE_REMOVED). Absent: does nothing. */
void supervisor_remove(struct supervisor *supervisor, const char *name);

/* Commands; ERR_NOT_FOUND, or ERR_CONFLICT when the service is not to run. Stop lasts until
 * start, restart or the next set. */
MUST_CHECK bool supervisor_restart(struct supervisor *supervisor, const char *name,
				   struct error *err);
MUST_CHECK bool supervisor_stop(struct supervisor *supervisor, const char *name, struct error *err);
MUST_CHECK bool supervisor_start(struct supervisor *supervisor, const char *name,
				 struct error *err);

/* Stops everything, dependants before what they depend on, and then calls done. */
void supervisor_stop_all(struct supervisor *supervisor, void (*done)(void *arg), void *arg);

/* False: there is no such service. */
bool supervisor_status(struct supervisor *supervisor, const char *name,
		       struct service_status *status);
/* In order of names. */
size_t supervisor_count(const struct supervisor *supervisor);
void supervisor_status_at(struct supervisor *supervisor, size_t index,
			  struct service_status *status);

enum supervisor_gate { GATE_WAIT, GATE_OK, GATE_FAILED };

/*
 * The health gate of an apply: since the last supervisor_set of the service, is it
 * ready for gate_ms without an exit (or stopped, if it shall not run)? FAILED: it has
 * exited, was found dead, or cannot start. *reason (never NULL) is what it waits for or
 * the cause.
 */
enum supervisor_gate supervisor_gate(struct supervisor *supervisor, const char *name,
				     int64_t gate_ms, const char **reason);

/* How limits are enforced here: "cgroup2", "cgroup1" or "rlimit". */
const char *supervisor_limits_kind(const struct supervisor *supervisor);
