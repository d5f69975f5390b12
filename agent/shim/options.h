/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent has started the shim with. Options are never taken away again: a program that takes
 * the place of an older one is started with the arguments of that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum { SHIM_MAX_CGROUPS = 4, SHIM_MAX_GROUPS = 32, SHIM_MAX_LIMITS = 8 };

struct shim_limit {
	int resource;
	rlim_t value;
};

struct shim_options {
	const char *name;
	const char *run_dir;
	const char *log_dir;
	const char *cwd;
	int64_t segment_bytes;
	int64_t segment_count;
	int64_t rate_bytes; /* per second; more is dropped and counted */
	bool set_user;
	uid_t uid;
	gid_t gid;
	gid_t groups[SHIM_MAX_GROUPS];
	size_t group_count;
	bool set_capabilities;
	uint64_t capabilities; /* bits by number: what is kept */
	bool new_privileges;   /* may it gain some by executing a file? */
	bool private_tmp;
	struct shim_limit limits[SHIM_MAX_LIMITS];
	size_t limit_count;
	const char *cgroups[SHIM_MAX_CGROUPS]; /* the service is put there */
	size_t cgroup_count;
	const char *within[SHIM_MAX_CGROUPS]; /* the shim goes there, what it starts is there */
	size_t within_count;
	int resume_fd;	 /* state of the program that we replace, -1: none */
	bool check;	 /* only say whether that state can be taken over */
	int stop_signal; /* for a SIGTERM to the shim itself */
	int64_t grace_ms;
	char **command;
};

/* False after having written the reason to *why. Points into argv, which stays as it was. */
bool options_parse(int argc, char **argv, struct shim_options *options, const char **why);
/* A whole decimal number in 0 .. max. */
bool number_parse(const char *text, int64_t max, int64_t *out);
