/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A patch builds the tar inside a new archive from the files of an older version that is unpacked here, so
 * that nothing but these files has to be kept. It is "zstd --patch-from" (old bytes as a raw dictionary, RFC
 * 8878) cut into frames of their own, each with no more of the old bytes than it has use for:
 *
 *   magic (8), size of the packed header (u32), size of the header (u32), packed header, frames
 *
 *   header: size of the tar (u64), number of files (u32),
 *           then for each file: its size (u64), length of its path (u16), path
 *   frame:  size of its output (u32), size of its input (u32), number of pages (u32), pages (u32 each), input
 *
 * Numbers are little-endian. The files in this order, one behind the other, are cut into pages; the pages that
 * a frame names, rising, are its dictionary. So whatever the sizes of the two versions, what is in memory at a
 * time is one frame in, one frame out and its pages: 4 MiB at most.
 *
 * A patch need not be trusted: paths and sizes are checked, and the tar that comes out has a SHA-256 that a
 * release key has signed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "package/tarball.h"

#define PATCH_MAGIC "MSTPTCH1"

enum {
	PATCH_MAGIC_SIZE = 8,
	PATCH_START_SIZE = PATCH_MAGIC_SIZE + 8,
	PATCH_HEADER_MAX = 1 << 20,
	PATCH_FILES_MAX = 20000,
	PATCH_FRAME_BYTES = 1 << 20,
	PATCH_PAGE_BYTES = 32 << 10,
	PATCH_PAGES_MAX = 64, /* of a frame */
};

#define PATCH_REFERENCE_MAX (INT64_C(512) << 20)

struct patch;

/*
 * Reads the patch at path; base is the folder of the older version. ERR_INVALID: no such patch, or the
 * folder is not what it was; ERR_TOO_LARGE: over a limit; ERR_UNAVAILABLE: could not be read.
 */
MUST_CHECK bool patch_open(const char *path, const char *base, int64_t max_tar_bytes,
			   struct patch **out, struct error *err);
/* Accepts NULL. */
void patch_free(struct patch *patch);

/* The bytes of the tar, from the begin (again). Valid until the next call; size 0 at the end. */
MUST_CHECK bool patch_read(struct patch *patch, const void **data, size_t *size, struct error *err);
MUST_CHECK bool patch_rewind(struct patch *patch, struct error *err);

struct tar_source patch_source(struct patch *patch);
