/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of musterd that do one thing and end: migrate, check, token, user, key. */
#pragma once

/* argv[0] is the name of the command. All return the exit status of the program. */
int command_migrate(int argc, char **argv);
int command_check(int argc, char **argv);
int command_token(int argc, char **argv);
int command_user(int argc, char **argv);
int command_key(int argc, char **argv);
