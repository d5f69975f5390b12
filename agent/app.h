/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running agent: makes its parts in order, connects them, runs the loop, and takes them down
 * in mirror order. SIGTERM and SIGINT end the agent only; services go on under their shims.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/error.h"
#include "config.h"

/*
 * Until it is told to end, or until another agent shall be tried: then *program is its path in the arena
 * ("": the installed one) and everything is closed; else NULL.
 */
MUST_CHECK bool app_run(const struct config *config, struct arena *arena, const char **program,
			struct error *err);

/* Stops all services in order when no agent runs in the folder. */
MUST_CHECK bool app_stop_services(const struct config *config, struct arena *arena,
				  struct error *err);

/* Enters the agent's folder and makes what belongs into it. */
MUST_CHECK bool app_enter_folder(const struct config *config, struct error *err);
