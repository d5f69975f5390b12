/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of program that every agent knows how to run (agent/drivers/builtin.c). */
#pragma once

#include "base/compiler.h"
#include "base/error.h"

extern const char *const DRIVER_NAMES[]; /* up to NULL */

/* ERR_INVALID at "driver" for a name that no agent knows. NULL, none given, is fine. */
MUST_CHECK bool driver_check(const char *name, struct error *err);
