/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings a database to the schema of this program, forward only: each file of migrations/ once, in its
 * own transaction, under an advisory lock, with the SHA-256 of its text recorded. A database that holds
 * a migration which this program does not know, or whose text has been edited since, is refused with a
 * message that says what to do.
 */
#pragma once

#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"

struct arena;
struct db;

/* Applies what is missing. Any number of replicas may call it at the same time. applied gets the number
 * of migrations that this call ran. CONFLICT: the state is not one of ours. */
MUST_CHECK bool migrate_run(struct db *db, struct arena *arena, size_t *applied, struct error *err);

/* Whether the database is exactly where this program wants it. CONFLICT: it is not, and the text says
 * what to do. */
MUST_CHECK bool migrate_check(struct db *db, struct arena *arena, struct error *err);
