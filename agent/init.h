/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent as process 1 of a container. The kernel hands that process every orphan and gives it no
 * default actions of signals, so it stays small and does two things only: it reaps, and it keeps
 * the agent, which is its child. An agent that a signal killed is started again, and takes over the
 * services, which have not noticed; one that exits ends the container with its status.
 *
 * The end of the container is the end of all that runs in it. So a request to end (SIGTERM, SIGINT,
 * SIGHUP, SIGQUIT, SIGPWR, SIGRTMIN+3) becomes a SIGTERM to the agent, which then stops the services
 * in their order before it exits: see app_run.
 */
#pragma once

#include <stdbool.h>

/*
 * Returns false at once when we are not process 1. Else process 1 stays in here for good, and the
 * call returns true in each child that it starts: that child is the agent.
 */
bool init_hold(void);
