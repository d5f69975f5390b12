/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes rights away from the calling process, for good. Used by the signer before and after it has
 * its keys in memory.
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"

/*
 * No core dumps, no reading of our memory by others of the same user, no privileges by exec; as
 * root, become the account that owns folder (root stays root when it owns it).
 */
MUST_CHECK bool confine_begin(const char *folder, struct error *err);

/* From now on no new socket, file, process or program, and no look into other processes. */
MUST_CHECK bool confine_seal(struct error *err);
