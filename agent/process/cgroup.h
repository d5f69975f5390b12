/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups for services: version 2 where its controllers are ours to use, else
 * version 1, else none. Without one, limits fall back to what rlimits can do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cgroup_kind { CGROUP_NONE, CGROUP_1, CGROUP_2 };

enum {
	CGROUP_MAX_BASES = 4,
	CGROUP_PATH_SIZE = 320,
};

struct cgroups {
	enum cgroup_kind kind;
	bool limits;					/* memory can be limited */
	char bases[CGROUP_MAX_BASES][CGROUP_PATH_SIZE]; /* folder for our services */
	size_t base_count;
};

struct cgroup_limits { /* 0: none */
	int64_t memory_bytes;
	int cpu_percent;
	int pids;
};

/* Finds out and makes the base folders. instance: one word that tells this agent from others
 * on the machine. Failing means CGROUP_NONE. */
void cgroups_detect(struct cgroups *cgroups, const char *instance);

/* Makes the groups of a service, sets their limits and fills in their folders (as many as
 * base_count); returns how many there are. */
size_t cgroups_prepare(const struct cgroups *cgroups, const char *service,
		       const struct cgroup_limits *limits,
		       char paths[CGROUP_MAX_BASES][CGROUP_PATH_SIZE]);

/*
 * May the shim live in this group of the service, so that what it starts is there from the begin?
 * Moving a process takes some ten milliseconds, which a restart should not wait for. Not in one of
 * version 2, where the shim starts into the group without a move, and not where it would have to
 * share a quota of the processor.
 */
bool cgroups_take_shim(const struct cgroups *cgroups, const char *path,
		       const struct cgroup_limits *limits);

/* Does anything live in the groups of a service? Without groups nobody knows: false. */
bool cgroups_busy(const struct cgroups *cgroups, const char *service);

/* SIGKILL to all that lives in the groups of a service, and no more forks until the next
 * cgroups_prepare: for one whose shim was killed. */
void cgroups_kill(const struct cgroups *cgroups, const char *service);

/* Removes the groups of a service that has ended. */
void cgroups_remove(const struct cgroups *cgroups, const char *service);

/* Removes the base folders when they are empty. */
void cgroups_release(const struct cgroups *cgroups);

/* "cgroup2", "cgroup1" or "rlimit": how memory is limited. */
const char *cgroups_limits_name(const struct cgroups *cgroups);
