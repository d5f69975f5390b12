/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a musterd that was killed may have left: a PostgreSQL that still shuts down, or only its pid
 * file with a number that belongs to somebody else by now.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"

/*
 * Makes sure that no PostgreSQL runs on the cluster data_folder, and that a stale pid file does not
 * keep a new one from starting. The caller holds the lock of the data directory, so nobody starts
 * one meanwhile.
 */
MUST_CHECK bool leftover_stop(const char *data_folder, struct arena *arena, struct error *err);
