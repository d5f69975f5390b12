/* SPDX-License-Identifier: Apache-2.0 */
/* What a new database needs before the application can use it. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct db;

/*
 * Brings the schema up to date. In a database without users it makes the first administrator and
 * writes his login to login_path, readable for the owner only, before that becomes true; *password
 * is then his password, else NULL.
 */
MUST_CHECK bool first_prepare(struct db *db, const char *login_path, const char *dashboard_url,
			      struct arena *arena, const char **password, struct error *err);
