/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The static build of the agent is one file that carries muster-shim, which stays a small program of
 * its own: a shim that were the agent under another name would take five times the memory, once for
 * each service.
 */
#pragma once

/*
 * Puts the shim that we carry into the agent's folder, unless it is there, and returns its path; NULL
 * when we carry none. Shims that run are not disturbed. Call it in the agent's folder.
 */
const char *shim_carried(void);
