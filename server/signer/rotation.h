/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the key that signs desired states is replaced. Nodes learn of another key by a statement: "from now
 * on exactly these keys", numbered, signed with all keys that hold before and after it, and kept for ever,
 * so that a node which was away for years follows them one by one.
 *
 * begin makes the next key and the statement {current, next}; from then on everything is signed with
 * both. finish makes the statement {next}, and the next key becomes the current one. The statements are
 * DATA/keys/trust.json, whose last one decides what the key files mean: a cut in between is put
 * right by the next look. Both run as commands of their own, since the signer opens no files.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "signer/keys.h"

/* Loads statements and the next key beside the current one. Strings and JSON live in the arena. */
MUST_CHECK bool rotation_load(const char *folder, struct arena *arena, struct signer_keys *keys,
			      struct error *err);

/* CONFLICT: one is under way (begin), or none is (finish). *number is that of the new statement. */
MUST_CHECK bool rotation_begin(const char *folder, usec_t now, struct arena *arena, int *number,
			       struct error *err);
MUST_CHECK bool rotation_finish(const char *folder, usec_t now, struct arena *arena, int *number,
				struct error *err);
