/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the command, checks its arguments, runs it, and says what went wrong. */
#pragma once

/* What main returns: an enum exit_status. */
int cli_run(int argc, char **argv);
