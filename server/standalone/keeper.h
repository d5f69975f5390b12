/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps one child process of musterd standalone alive: started, started again with a growing pause
 * when it ends by itself, stopped by its own signal. If musterd dies, the kernel passes that signal
 * on, so nothing stays behind. Everything happens in the thread that runs the loop, which must be
 * the main thread: it is the one whose end counts as the parent's.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/spawn.h"

struct keeper {
	/* Set by the caller before keeper_start; strings and arrays are borrowed for good. */
	const char *name; /* for log lines: "PostgreSQL" */
	char *const *argv;
	const char *log_path; /* takes the child's output */
	const struct account *account;
	int stop_signal;
	int stop_grace_ms;

	/* Its own. */
	struct loop *loop;
	struct child child; /* pid 0: not running */
	usec_t started_at;
	int pause_ms;
	uint64_t timer;
};

/* Starts the child for the first time. A program that cannot be executed is an error. */
MUST_CHECK bool keeper_start(struct keeper *keeper, struct loop *loop, struct error *err);

/* Whether the child runs at this moment. */
bool keeper_running(const struct keeper *keeper);

/* Stops the child and waits for it. Does nothing when it was never started. */
void keeper_stop(struct keeper *keeper);
