/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which names an entry of an archive may have, and where its symlinks may lead: the same rules where a
 * package is published and where it is unpacked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

enum { ENTRY_PATH_MAX = 1024, ENTRY_PATH_DEPTH = 48 };

/*
 * Is this the name of an entry that we take? Relative, no "..", parts of at most 255 bytes. Writes it without
 * "./" and doubled slashes; the root becomes "".
 */
MUST_CHECK bool entry_path_clean(const char *path, char *out, size_t size);

/* May a link at path (clean) point to target? Only ".." at its begin, not above the top. */
bool entry_link_inside(const char *path, const char *target);
