/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must happen to one service, written down a second time and in another way than in
 * agent/supervise: from docs/services.md, with all exits and answers kept in lists that are
 * counted anew each time. A test tells it what it sees (the model_saw_... functions fail when that
 * should not have happened) and what was asked for, and asks it for the state.
 *
 * Times are milliseconds of boot time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/spec.h"
#include "supervise/machine.h"
#include "supervise/probe.h"

enum { MODEL_MAX_PROBES = 2, MODEL_MAX_LIST = 4096, MODEL_NEVER = -1 };

enum model_duty {
	DUTY_LIVE,
	DUTY_END,	    /* told to end, to stay so */
	DUTY_END_AND_START, /* told to end, to start again at once */
	DUTY_SICK,	    /* a liveness probe was bad: it ends, and its policy decides */
};

struct model_probe {
	enum probe_verdict verdict;
	bool was_good;
	int64_t begun;
	bool answers[MODEL_MAX_LIST];
	size_t count;
	int64_t next;	  /* attempt; or MODEL_NEVER */
	int64_t asked_at; /* an attempt without an answer yet; or MODEL_NEVER */
};

struct model {
	const struct service_spec *spec; /* in force; NULL: there is none yet */
	int64_t now;
	bool halted;

	bool alive;
	enum model_duty duty;
	enum service_state standing; /* of a living process without a duty to end */
	int64_t ready_since;	     /* or MODEL_NEVER */
	int64_t ready_ms;	     /* how long the last time */
	struct model_probe probes[MODEL_MAX_PROBES];

	enum service_state resting; /* without a process */
	bool starts;		    /* ... and between these two times there will be one */
	int64_t starts_from, starts_to;
	bool counted; /* that start is one that nobody asked for */

	int64_t exits[MODEL_MAX_LIST]; /* that count, oldest first */
	size_t exit_count;
	bool on_trial; /* has been held, and has not proved itself since */

	int started, ended, held, restarts;
};

void model_begin(struct model *model, int64_t now);

bool model_wanted(const struct model *model);
enum service_state model_state(const struct model *model);

/* The same spec in a new generation (changed: another one; other: only another process can take
 * it over). The spec is referenced until the next call. */
void model_asked_spec(struct model *model, const struct service_spec *spec, bool changed,
		      bool other);
/* restart, or start; not for a service that is not to run */
void model_asked_command(struct model *model, bool restart);
void model_asked_stop(struct model *model);

void model_saw_start(struct model *model);
/* The process is there: it has not failed to be executed. */
void model_saw_process(struct model *model);
void model_saw_stop(struct model *model, int signal_number, int64_t grace_ms);
/* Nothing is left of it. success: it ended with 0, by itself. */
void model_saw_end(struct model *model, bool success);
/* An attempt of a probe begins; silent: no answer comes, else good or not. */
void model_saw_attempt(struct model *model, size_t index, bool silent, bool good);
/* ... and is given up without an answer. */
void model_saw_given_up(struct model *model, size_t index);

/* When will something happen that the model knows of? MODEL_NEVER: nothing. */
int64_t model_next(const struct model *model);
/* Time has come so far, and all that was due has happened: fails when something is overdue. */
void model_settled(const struct model *model);
