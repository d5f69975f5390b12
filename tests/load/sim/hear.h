/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nodes are told. Thousands of desired states may come in a second, so one that is not to be verified is
 * read only as far as it must be to know what it is; whatever looks unusual is read in full.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "protocol/dsse.h"
#include "sim/content.h"

struct heard {
	char node[LIMIT_NODE_ID + 1];
	int64_t generation;
	usec_t issued;
	char digest[DIGEST_SIZE];
	struct content *content; /* not held */
};

struct hearing {
	const struct dsse_key *keys;
	size_t key_count;
	struct contents *contents;
	struct arena *arena; /* the caller resets it */
	usec_t now;
};

/*
 * verify: signature by one of the keys, and the digest is that of the content. ERR_FORBIDDEN: not signed by any,
 * or another digest; else ERR_INVALID, ERR_TOO_LARGE.
 */
MUST_CHECK bool hear_desired(const struct hearing *hearing, const void *payload, size_t size,
			     bool verify, struct heard *out, struct error *err);

/* Kind is a command's; "keys" for a statement on signing keys, which is not verified here. */
MUST_CHECK bool hear_command(const struct hearing *hearing, const void *payload, size_t size,
			     bool verify, const char **node, const char **kind, struct error *err);
