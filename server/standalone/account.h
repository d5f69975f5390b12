/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system account under which a child of musterd standalone runs. As root, PostgreSQL and
 * mosquitto get the unprivileged accounts that their Debian packages made; an ordinary user runs
 * everything as itself.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/compiler.h"
#include "base/error.h"
#include "base/spawn.h"

struct account {
	bool change; /* false: stay who we are, and the rest means nothing */
	const char *name;
	uid_t uid;
	gid_t gid;
};

/* name: the account to use as root. ERR_NOT_FOUND when there is none. */
MUST_CHECK bool account_find(const char *name, struct account *out, struct error *err);

/* Makes a child of these options run under the account. */
void account_apply(const struct account *account, struct spawn_options *options);

/* Makes the folder with this mode if it is not there, owned by the account in any case. */
MUST_CHECK bool account_make_folder(const struct account *account, const char *path, mode_t mode,
				    struct error *err);

/* Writes a file that only the account can read. */
MUST_CHECK bool account_write_file(const struct account *account, const char *path,
				   const char *text, struct error *err);

/* Whether the account may enter each folder above path: ERR_FORBIDDEN names the one to open. */
MUST_CHECK bool account_check_reach(const struct account *account, const char *path,
				    struct error *err);
