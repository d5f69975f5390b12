/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of a program as one table. A value comes from the last of: default,
 * configuration file ("name = value" lines, # comments), environment
 * (PREFIX_NAME in capitals), command line (--name value, --name=value; a bool may
 * be given as --name alone).
 *
 *   static const struct setting SETTINGS[] = {
 *       SETTING_STRING(struct config, database_url, "", "PostgreSQL connection string"),
 *       SETTING_DURATION(struct config, timeout_ms, "30s", "..."),
 *       SETTING_END,
 *   };
 *
 * The name is the member's name with '-' for '_' on the command line; in files
 * both are accepted. Members: string and path: const char * (in the arena; a path
 * may be relative to the folder of the file that names it); int: int64_t; bool:
 * bool; duration: int64_t milliseconds ("500ms", "30s", "5m", "2h", "7d"); size:
 * int64_t bytes ("64KiB", "10MiB", "2GiB", plain digits).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

enum setting_type {
	SETTING_TYPE_END,
	SETTING_TYPE_STRING,
	SETTING_TYPE_PATH,
	SETTING_TYPE_INT,
	SETTING_TYPE_BOOL,
	SETTING_TYPE_DURATION,
	SETTING_TYPE_SIZE,
};

struct setting {
	const char *name; /* snake_case */
	enum setting_type type;
	size_t offset;
	const char *preset; /* default as text; NULL: none */
	const char *help;
	int64_t minimum;
	int64_t maximum;
	bool secret; /* the value is not shown, and not accepted on the command line */
};

#define SETTING_(kind, record, member, value, text, ...)                             \
	{                                                                            \
		.name = #member, .type = (kind), .offset = offsetof(record, member), \
		.preset = (value), .help = (text), __VA_ARGS__                       \
	}
#define SETTING_STRING(type, member, value, help) \
	SETTING_(SETTING_TYPE_STRING, type, member, value, help, .secret = false)
#define SETTING_SECRET(type, member, help) \
	SETTING_(SETTING_TYPE_STRING, type, member, NULL, help, .secret = true)
#define SETTING_PATH(type, member, value, help) \
	SETTING_(SETTING_TYPE_PATH, type, member, value, help, .secret = false)
#define SETTING_INT(type, member, value, min, max, help) \
	SETTING_(SETTING_TYPE_INT, type, member, value, help, .minimum = (min), .maximum = (max))
#define SETTING_BOOL(type, member, value, help) \
	SETTING_(SETTING_TYPE_BOOL, type, member, value, help, .secret = false)
#define SETTING_DURATION(type, member, value, help) \
	SETTING_(SETTING_TYPE_DURATION, type, member, value, help, .maximum = INT64_MAX)
#define SETTING_SIZE(type, member, value, help) \
	SETTING_(SETTING_TYPE_SIZE, type, member, value, help, .maximum = INT64_MAX)
#define SETTING_END          \
	{                    \
		.name = NULL \
	}

/* Each fills in members of config; strings live in the arena. ERR_INVALID names the
 * source (file and line, variable, option). */
MUST_CHECK bool settings_defaults(const struct setting *table, struct arena *arena, void *config,
				  struct error *err);
MUST_CHECK bool settings_file(const struct setting *table, const char *path, struct arena *arena,
			      void *config, struct error *err);
MUST_CHECK bool settings_environment(const struct setting *table, const char *prefix,
				     struct arena *arena, void *config, struct error *err);

/* Reads argv[*index] on while it is an option of the table; stops at "--" (skipped) or at the
 * first argument without "--", with *index there. ERR_INVALID for an option that is not in the
 * table; --config is skipped. */
MUST_CHECK bool settings_arguments(const struct setting *table, int argc, char **argv, int *index,
				   struct arena *arena, void *config, struct error *err);

/*
 * All four in order. config_file may be NULL; "--config FILE" on the command line and
 * PREFIX_CONFIG in the environment override it, and an explicitly named file must exist.
 */
MUST_CHECK bool settings_load(const struct setting *table, const char *prefix,
			      const char *config_file, int argc, char **argv, int *index,
			      struct arena *arena, void *config, struct error *err);

/* The options for --help, and a configuration file with every default commented out. */
void settings_help(const struct setting *table, struct strbuf *out);
void settings_sample(const struct setting *table, struct strbuf *out);

/* "90s" -> 90000; "64KiB" -> 65536. */
MUST_CHECK bool duration_parse(const char *text, int64_t *milliseconds);
MUST_CHECK bool size_parse(const char *text, int64_t *bytes);
