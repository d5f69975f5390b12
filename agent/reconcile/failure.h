/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The failure of a change as it is kept in the journal and in verdicts: the JSON text of the
 * message that the server gets. What is read back may be torn or of another agent's making, so
 * reading never fails: what cannot be read says so.
 */
#pragma once

#include "base/arena.h"
#include "protocol/failure.h"

/* In the arena. */
char *failure_text(const struct msg_failure *failure, struct arena *arena);

/* text may be NULL. phase, code and text of *out are never NULL; all lives in the arena. */
void failure_read(const char *text, struct arena *arena, struct msg_failure *out);
