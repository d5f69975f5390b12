/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which program the agent itself is, for the agent that runs: a change that wants another one asks for
 * it here, and the agent hands over to a watcher (watch.h), which tries the new one as its child. The
 * child finds out here that it is on trial, says when it has proved itself, or gives up.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

/* The one service whose program is the agent, and its driver. */
#define UPGRADE_SERVICE "muster-agent"
#define UPGRADE_DRIVER "agent"

struct upgrade;

enum upgrade_answer {
	UPGRADE_RUNS,	/* it is the wanted one, and it has proved itself */
	UPGRADE_WAITS,	/* it is on its way */
	UPGRADE_FAILED, /* it was tried and did not prove itself */
};

struct upgrade_failure {
	const char *code;
	const char *text;
	const char *stderr_text; /* or NULL */
};

struct upgrade_options {
	const char *root; /* the agent's folder, absolute; borrowed */
	/*
	 * Since when the server answers this process, as boot time; 0: not yet. What only the server can
	 * say must be among it: a broker that acknowledges is no server.
	 */
	int64_t (*served)(void *arg);
	/* End soon and hand over to the watcher. */
	void (*handover)(void *arg);
	void *arg;
};

MUST_CHECK bool upgrade_new(const struct upgrade_options *options, struct upgrade **out,
			    struct error *err);
/* Accepts NULL. On trial the watcher learns that the agent ends because it was told to. */
void upgrade_free(struct upgrade *upgrade);

/*
 * Asks for the program (absolute; "": the installed one) and says how far it is; asked again and again.
 * While on trial it must have been served for gate_ms. *reason is valid until the next call.
 */
enum upgrade_answer upgrade_want(struct upgrade *upgrade, const char *program, int64_t gate_ms,
				 const char **reason);

/* Why the last one failed; borrowed. */
const struct upgrade_failure *upgrade_failure(const struct upgrade *upgrade);

/* The program that is wanted, once the handover was asked for; else NULL. */
const char *upgrade_wanted(const struct upgrade *upgrade);

/* Is this program the agent that runs, on trial or not? */
bool upgrade_runs(const struct upgrade *upgrade, const char *program);

bool upgrade_on_trial(const struct upgrade *upgrade);

/* On trial: the agent is up and reads its state; only a server is still missing. */
void upgrade_say_up(struct upgrade *upgrade);

/* The change that wanted this program is durable: the trial is won. Nothing when not on trial. */
void upgrade_confirm(struct upgrade *upgrade);

/* On trial: the change is put back, which the agent before this one does. */
void upgrade_give_up(struct upgrade *upgrade, const char *why);

/* The verdict on a program that failed is kept elsewhere now. */
void upgrade_forget(struct upgrade *upgrade);
