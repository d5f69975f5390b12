/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signer's own process: what "musterd signer --data DIR" runs. It opens (or makes) the keys
 * below data_dir/keys, says on its socket who it is, gives up every right that it does not need and
 * answers requests until the socket is closed. See client.h for what it can be asked.
 */
#pragma once

/* Returns the exit status of the program. */
int signer_run(const char *data_dir);
