/* SPDX-License-Identifier: Apache-2.0 */
/* Help and completion, made from the table of commands. */
#pragma once

#include "cli.h"

extern const struct option_spec GLOBAL_OPTIONS[];

/* Of one command, of a group, or (both NULL) of everything. */
void help_print(const char *group, const struct command *command);

/* The command or group whose name is closest to what was typed, or NULL when none is close. */
const char *help_nearest(const char *group, const char *typed);

/* The same for an option of a command, or one that is allowed everywhere; without "--". */
const char *help_nearest_option(const struct command *command, const char *typed);

/* Command completion: prints a script for bash or zsh. */
bool completion_command(struct cli *cli, struct error *err);
