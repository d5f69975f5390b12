/* SPDX-License-Identifier: Apache-2.0 */
/* `musterd serve`: the application on an existing PostgreSQL and an existing broker. */
#pragma once

#include "config.h"

/* Runs until SIGTERM or SIGINT. Call in the main thread before any other thread exists. Returns the exit
 * status of the program; failures are logged. */
int serve_run(const struct config *config);
