/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one hook of a spec: a program that helps with a change and then ends. It runs like the
 * service - as its user, in its folder, with its environment - under a shim, in a cgroup of its own,
 * until its deadline. All that it has started ends with it. A hook outlives the agent: who asks for
 * the same one again (by its tag) finds it running, or its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "drivers/spec.h"
#include "supervise/supervisor.h"

struct hook;

enum hook_end {
	HOOK_DONE,	/* exit 0 */
	HOOK_FAILED,	/* exit 2, any other, or a signal: for good */
	HOOK_TRY_AGAIN, /* exit 3 */
	HOOK_TIMED_OUT, /* exit 4, or stopped at its deadline */
};

struct hook_result {
	enum hook_end end;
	int code;	  /* or -1 */
	int signal;	  /* that killed it, or 0 */
	const char *text; /* "exited with 2" ... */
	const char *stderr_tail;
	size_t stderr_size;
};

struct hook_job {
	struct supervisor *supervisor;
	const struct service_spec *spec;
	enum hook_kind kind;
	int64_t timeout_ms;
	const char *tag;	/* of this run, a word */
	const char *const *env; /* beside that of the spec, "NAME=value", NULL-terminated */
	/* Called once from the loop; the hook is gone then. The result is valid in the call. */
	void (*done)(const struct hook_result *result, void *arg);
	void *arg;
};

/* Starts it, or goes on with the one of this tag. Everything is copied but the supervisor. */
MUST_CHECK bool hook_start(const struct hook_job *job, struct hook **out, struct error *err);

/* Ends the hook of a service that an agent before us may have left: without us it has no deadline. */
void hook_kill(struct supervisor *supervisor, const char *name);

/* Lets go without a call; the program goes on under its shim. Accepts NULL. */
void hook_free(struct hook *hook);
