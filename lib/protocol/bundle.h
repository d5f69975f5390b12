/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bundle (.mst): the desired states of some nodes and the packages in them, to be carried to where
 * no network is. A plain tar file (base/ustar.h) in a fixed order, so that it can be made and
 * read as a stream:
 *
 *   muster-bundle            {"v": 1}
 *   desired/<node>.json      the desired envelope of a node, as it would come over the link but with a
 *                            later expiry; names rise
 *   packages/<sha256>        the archive with this SHA-256; names rise
 *   two zero blocks
 *
 * Nothing in the file is trusted but what is signed: an envelope by its signature, a package by the
 * digest that the envelope's content names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/crypto.h"
#include "base/error.h"
#include "base/ustar.h"
#include "protocol/limits.h"

enum bundle_kind { BUNDLE_DESIRED, BUNDLE_PACKAGE, BUNDLE_END };

struct bundle_entry {
	enum bundle_kind kind;
	char id[SHA256_HEX_SIZE]; /* of the node, or the digest */
	int64_t size;
};

/* --- writing: the caller sends header, content and padding of each --- */

/* The first blocks of each bundle. */
enum { BUNDLE_HEAD_SIZE = 2 * USTAR_BLOCK, BUNDLE_TAIL_SIZE = 2 * USTAR_BLOCK };
void bundle_head(uint8_t out[BUNDLE_HEAD_SIZE]);

/* id must be valid for the kind. BUNDLE_END has no header: it is BUNDLE_TAIL_SIZE zero bytes. */
void bundle_header(const struct bundle_entry *entry, uint8_t out[USTAR_BLOCK]);

/* --- reading --- */

/* At most size bytes into out; *count 0 at the end. False with err. */
typedef bool (*bundle_read_fn)(void *arg, void *out, size_t size, size_t *count, struct error *err);

struct bundle_reader {
	bundle_read_fn read;
	void *arg;
	bool begun;
	struct bundle_entry entry; /* the current one */
	bool has_entry;
	int64_t left; /* of its content */
	size_t padding;
	size_t entries;
};

void bundle_reader_init(struct bundle_reader *reader, bundle_read_fn read, void *arg);

/*
 * The next entry, after skipping what is left of the one before. ERR_INVALID: not a bundle, damaged, cut
 * off, or out of order; ERR_TOO_LARGE over a limit; ERR_CONFLICT: of a newer version.
 */
MUST_CHECK bool bundle_next(struct bundle_reader *reader, struct bundle_entry *out,
			    struct error *err);

/* Content of the current entry; *count 0 at its end. */
MUST_CHECK bool bundle_read(struct bundle_reader *reader, void *out, size_t size, size_t *count,
			    struct error *err);
