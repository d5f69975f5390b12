/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom this node obeys, when that changes: statements "from now on exactly these keys", numbered, each
 * signed with a key that was trusted before it. They come one after another, also to a node that
 * was away during several rotations, and are on disk before they count.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/error.h"
#include "identity.h"

/* Is this message of the command channel a statement on keys? It is not verified yet. */
bool trust_is_statement(const void *payload, size_t size);

/*
 * Verifies the statement, keeps it in keys/identity.json and changes the identity, whose arena it uses.
 * *changed is false for one that is known. ERR_FORBIDDEN: no trusted key has signed it.
 */
MUST_CHECK bool trust_receive(struct identity *identity, struct arena *arena, const void *payload,
			      size_t size, bool *changed, struct error *err);
