/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "muster-agent fetch": the child process that downloads one package. It goes on where an earlier
 * one stopped (Range), checks size and SHA-256, and leaves the verified archive at the part path.
 * Its order comes as JSON on stdin, since the URL is a secret for minutes; it answers on stdout
 * with lines "progress <done> <total>" and at the end "done" or "error <code> <text>"
 * (fetch.h has the codes).
 */
#pragma once

int download_main(void);
