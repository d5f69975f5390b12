/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords, by argon2id. A hash takes 64 MiB and some ten milliseconds, so few run at a time. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

/* The string form, which names its parameters. UNAVAILABLE when too many wait. */
MUST_CHECK bool password_hash(const char *password, struct arena *arena, const char **out,
			      struct error *err);

/* hash NULL: takes as long as one, and *matches is false, so that nobody learns which logins exist. */
MUST_CHECK bool password_check(const char *password, const char *hash, bool *matches,
			       struct error *err);
