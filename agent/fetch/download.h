/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "muster-agent fetch": the child process that downloads one archive, or one patch. It goes on where an
 * earlier one stopped (Range), asks one address after the other, checks size and SHA-256, and leaves the
 * archive at the part path. All addresses but the last are caches: what they say is only believed once the
 * SHA-256 is right, and who said something else is not asked again. Its order comes as JSON on stdin, since
 * the URLs are secret for an hour; it answers on stdout with lines "progress <done> <total>" and at the end
 * "done" or "error <code> <text>" (fetch.h has the codes).
 */
#pragma once

int download_main(void);
