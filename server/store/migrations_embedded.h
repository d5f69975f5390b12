/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of migrations/, embedded into the program by
 * cmake/embed_migrations.py in the order of their names. Used by the code that
 * migrates and by the check at the start of the server.
 */
#pragma once

#include <stddef.h>

struct embedded_migration {
	const char *name; /* "0001_inventory.sql" */
	const char *sql;  /* ends with a zero byte that size_bytes does not count */
	size_t size_bytes;
};

extern const struct embedded_migration MIGRATIONS_EMBEDDED[];
extern const size_t MIGRATIONS_EMBEDDED_COUNT;
