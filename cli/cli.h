/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The muster command: what every subcommand is given and what a subcommand is. All of them are rows
 * of one table (commands.c), from which help, completion and argument checking are made.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

struct client;
struct cli;

/* Exit statuses, for pipelines; docs/cli.md says the same. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_ERROR = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_SUCCEEDED =
		3, /* a rollout that was waited for failed, was aborted, or was paused */
	EXIT_WAITED_TOO_LONG = 4,
};

/* An option of a command; a table ends with name NULL. */
struct option_spec {
	const char *name;  /* without "--" */
	const char *value; /* what --help calls the value; NULL: a switch */
	const char *help;
	bool repeatable;
};

struct command {
	const char *group; /* "node"; NULL: the command stands alone */
	const char *name;
	const char *arguments; /* "NODE [LABEL...]" */
	const char *summary;
	const struct option_spec *options; /* or NULL */
	int least, most;		   /* positional arguments; most < 0: any number */
	bool offline;			   /* needs no server */
	bool (*run)(struct cli *cli, struct error *err);
};

struct option {
	const char *name;
	const char *value;
};

struct cli {
	struct arena *arena;
	const struct command *command;
	struct client *client; /* NULL for a command that is offline */
	const char *const *arguments;
	size_t argument_count;
	const struct option *options;
	size_t option_count;
	bool json;  /* --output json */
	bool quiet; /* --quiet */
	bool utc;   /* --utc */
	bool tty;   /* stdout is a terminal */
	enum exit_status status;
};

extern const struct command COMMANDS[];
extern const size_t COMMANDS_COUNT;

/* Value of an option; NULL when absent, "" for a switch that is given. The last one wins. */
const char *cli_option(const struct cli *cli, const char *name);
bool cli_switch(const struct cli *cli, const char *name);

/* All values of a repeatable option, in the arena. */
const char *const *cli_options(const struct cli *cli, const char *name, size_t *count);

/* A whole number from an option. ERR_INVALID names the option. */
MUST_CHECK bool cli_option_int(const struct cli *cli, const char *name, long long preset,
			       long long *out, struct error *err);

/* true or false (yes and no will do). ERR_INVALID names the option. */
MUST_CHECK bool bool_parse(const char *name, const char *text, bool *out, struct error *err);

/* "5s", "500ms" or plain milliseconds. */
MUST_CHECK bool cli_option_ms(const struct cli *cli, const char *name, long long preset,
			      long long *out, struct error *err);

/* Prints a line for people, unless --quiet or JSON is asked for. */
void cli_say(const struct cli *cli, const char *format, ...) PRINTF_FORMAT(2, 3);

/* path with each "%s" replaced by an encoded segment or query value. */
const char *cli_path(struct cli *cli, const char *format, ...);

/* key=value&... appended to a path; a NULL value is left out. Pairs end with NULL. */
const char *cli_query(struct cli *cli, const char *path, ...);
