/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes out of text what looks like a secret, for archives that leave the machine: values behind words like
 * password or token, credentials in addresses, private keys. It cannot know every secret that a
 * program writes, so whoever passes the archive on should still look.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

/* One line without its newline, in the arena. *in_key goes from line to line: within a private key. */
const char *redact_line(struct arena *arena, const char *line, bool *in_key);
