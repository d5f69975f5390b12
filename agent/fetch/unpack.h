/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacks an archive from outside into an empty folder: regular files, folders and symlinks that
 * stay inside, nothing else; no path is ever followed through a symlink, no name comes twice,
 * modes lose set-id bits, sizes and counts are capped. Nothing is executed. The archive is
 * hashed while it is read and refused when it is not the one that was meant.
 *
 * "muster-agent unpack" does it in a child process that has given up network, new programs
 * and privileges before it reads the first byte.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

struct tar_source; /* package/tarball.h */

struct unpack_limits {
	int64_t max_bytes; /* of all files together */
	int max_entries;
};

/*
 * folder must exist and be empty. ERR_INVALID: not a safe archive (or another one);
 * ERR_TOO_LARGE: over a limit; ERR_UNAVAILABLE: the disk did not take it.
 */
MUST_CHECK bool unpack_archive(const char *archive, const char *sha256, const char *folder,
			       const struct unpack_limits *limits, struct error *err);

/* The same from any source; what the source is, its reader knows. */
MUST_CHECK bool unpack_tar(struct tar_source *source, const char *folder,
			   const struct unpack_limits *limits, struct error *err);

/* The most bytes that a tar within the limits can have. */
int64_t unpack_tar_limit(const struct unpack_limits *limits);

/* Brings to the disk what was unpacked, in one go for all files. */
MUST_CHECK bool unpack_sync(const char *folder, struct error *err);

/*
 * Unpacks what a patch (package/patch.h) makes of the older version in base, once all of it has turned out to
 * have the SHA-256 and size of the tar that was meant: nothing else is taken apart. Errors as above.
 */
MUST_CHECK bool unpack_patch(const char *patch, const char *base, const char *sha256, int64_t size,
			     const char *folder, const struct unpack_limits *limits,
			     struct error *err);

/* Arguments: archive, sha256, folder, max_bytes. Answers like download.h. */
int unpack_main(int argc, char **argv);

/* Arguments: patch, sha256 of the tar, folder, max_bytes, base, size of the tar. */
int unpack_patch_main(int argc, char **argv);
