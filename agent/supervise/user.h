/* SPDX-License-Identifier: Apache-2.0 */
/* Users of this machine that services run as. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"
#include "drivers/spec.h"
#include "process/shim_client.h"

enum { USER_MAX_GROUPS = 32 };

struct user {
	bool change; /* it is another than ours */
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_MAX_GROUPS];
	size_t group_count;
};

/* "uid:gid:gid,gid", as a shim wants it; NULL when it is ourselves. In the arena. */
char *user_shim_text(const struct user *user, struct arena *arena);

/*
 * What the service may do beside its user, for the shim that starts it. ERR_FORBIDDEN: only root
 * can give capabilities or an own /tmp.
 */
MUST_CHECK bool confinement_fill(const struct service_spec *spec, struct arena *arena,
				 struct shim_start *start, struct error *err);

/* ERR_NOT_FOUND: there is none of this name. ERR_FORBIDDEN: only root can become another. */
MUST_CHECK bool user_find(const char *name, struct user *out, struct error *err);
