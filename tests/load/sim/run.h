/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent: starts the workers, says when the run begins and ends, prints how it goes, and the sum of it.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "sim/fleet.h"
#include "sim/options.h"

/* *clean: nothing was seen that must never be. */
MUST_CHECK bool run_fleet(const struct options *options, const struct fleet *fleet, bool *clean,
			  struct error *err);
