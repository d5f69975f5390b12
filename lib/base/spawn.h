/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts child processes, also from a program with threads: everything is
 * prepared before the fork, and between fork and exec the child makes only
 * async-signal-safe calls. The child gets exactly the descriptors it is given,
 * default signal dispositions and an empty signal mask.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"

struct spawn_fd {
	int parent; /* descriptor here */
	int child;  /* its number there */
};

struct spawn_limit {
	int resource; /* RLIMIT_... */
	rlim_t value; /* soft and hard */
};

enum spawn_flags {
	SPAWN_SESSION = 1 << 0,		/* setsid: own session and process group */
	SPAWN_GROUP = 1 << 1,		/* own process group in our session */
	SPAWN_NO_NEW_PRIVS = 1 << 2,	/* set-user-id programs stay ordinary */
	SPAWN_SET_USER = 1 << 3,	/* become uid and gid, without other groups */
	SPAWN_DIE_WITH_PARENT = 1 << 4, /* death_signal when the thread that spawned ends */
};

struct spawn_options {
	const char *program;	    /* a path; NULL: argv[0], looked up in PATH when without '/' */
	char *const *argv;	    /* NULL-terminated */
	char *const *env;	    /* NULL-terminated; NULL: ours */
	const char *folder;	    /* working directory; NULL: ours */
	const struct spawn_fd *fds; /* 0, 1, 2 that are not named become /dev/null */
	size_t fd_count;
	const struct spawn_limit *limits;
	size_t limit_count;
	unsigned flags; /* enum spawn_flags */
	uid_t uid;
	gid_t gid;
	int umask;	  /* 0: inherit */
	int death_signal; /* of SPAWN_DIE_WITH_PARENT; 0: SIGKILL. Set after the change of user */
};

struct child {
	pid_t pid;
	int pidfd; /* readable when the child has ended; the caller's to close */
};

/*
 * On success the child has passed exec. A failure before that (no such program,
 * no permission, no such folder) is reported here: ERR_NOT_FOUND, ERR_FORBIDDEN or
 * ERR_INTERNAL with the step that failed, and there is no child to wait for.
 */
MUST_CHECK bool spawn(const struct spawn_options *options, struct child *out, struct error *err);

/* Waits without limit, closes the pidfd and returns waitpid's status. */
int child_wait(struct child *child);

/* Waits up to timeout_ms. False: still running. On true as child_wait. */
bool child_wait_timeout(struct child *child, int timeout_ms, int *status);

/* SIGTERM (to the group with own session or group), grace, SIGKILL; then as child_wait. */
int child_stop(struct child *child, bool group, int grace_ms);

/* "exited with 3", "killed by signal 9 (KILL)"; a static buffer of the thread. */
const char *wait_status_text(int status);
