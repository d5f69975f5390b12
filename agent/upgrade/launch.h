/* SPDX-License-Identifier: Apache-2.0 */
/* What launch.c (starts) and watch.c (trials) share. */
#pragma once

#include "base/arena.h"
#include "upgrade/watch.h"

/* Absolute path of the installed program; also puts it into the environment for who comes next. */
const char *launch_installed(struct arena *arena);

/* Puts the manager's variables back into the environment. */
void launch_restore_manager(const struct upgrade_start *start);

/* Becomes the program. Returns only when that is not possible. */
void launch_exec(const struct upgrade_start *start, const char *program);
