/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent that was, while another one is tried: it has closed everything, keeps the process that
 * systemd, a container or a person has started, and runs the new agent as its child until that says
 * that the server answers it. Then it becomes the new one by exec. A child that ends, hangs or stays
 * alone until the deadline is killed, and the old agent begins again by exec, with the reason on disk.
 * Services do not notice: their shims hold them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

/* The child's descriptor to the watcher; and the program that was installed, handed on by exec. */
#define UPGRADE_ENV_TRIAL "MUSTER_AGENT_TRIAL"
#define UPGRADE_ENV_INSTALLED "MUSTER_AGENT_INSTALLED"
/* Whoever ends ends the container, so the services stop first. Never set for a child on trial. */
#define UPGRADE_ENV_CONTAINED "MUSTER_AGENT_CONTAINED"

/* What the child says, one line each: the word, a space, a text. */
#define UPGRADE_WORD_UP "up"
#define UPGRADE_WORD_OK "ok"
#define UPGRADE_WORD_BACK "back"
#define UPGRADE_WORD_END "end"

enum { UPGRADE_MANAGER_VARIABLES = 3 };

struct upgrade_start {
	const char *root; /* the agent's folder, absolute */
	char **argv;	  /* as main() got it, for whoever comes next */
	int origin;	  /* folder in which argv was meant */
	int64_t deadline_ms;
	/* How the service manager is reached: the agent takes it out of the environment. */
	const char *manager[UPGRADE_MANAGER_VARIABLES];
};

/* Keeps in the arena, for whoever comes next, what the manager has set. Call it first. */
void upgrade_remember(struct upgrade_start *start, struct arena *arena);

/*
 * First thing of a start: becomes the program in force when that is another one, goes on with a trial
 * that was cut off, and puts a state back that a failed one has left. Returns when this program shall
 * be the agent; *watch is true when it shall first try what the record says.
 */
MUST_CHECK bool upgrade_launch(const struct upgrade_start *start, bool *watch, struct error *err);

/* Everything is up: starts that fail are counted no more. */
void upgrade_started(const char *root);

/* Begins a trial of program. ERR_...: it could not begin; go on as before. */
MUST_CHECK bool upgrade_prepare(const char *root, const char *program, struct error *err);

/* Tries what the record says. Returns only the exit status of the whole: it was told to end. */
int upgrade_watch(const struct upgrade_start *start);
