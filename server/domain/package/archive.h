/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks through an archive before any device is asked to unpack it: the announced format, only regular
 * files, folders and symlinks that stay inside, nothing that goes through a symlink, no name twice,
 * bounded counts and sizes. Nothing is written.
 */
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "package/tarball.h"

enum {
	ARCHIVE_MAX_ENTRIES = 100000,
	ARCHIVE_MAX_SYMLINKS = 10000,
};

#define ARCHIVE_MAX_PACKED_BYTES (INT64_C(2) << 30)
#define ARCHIVE_MAX_UNPACKED_BYTES (INT64_C(4) << 30)

struct archive_facts {
	int64_t entries;
	int64_t unpacked_bytes;
	struct tarball_facts content; /* without the archive's own hash */
};

/* format: as package/tarball.h names them. INVALID names the entry that is refused, TOO_LARGE the cap. */
MUST_CHECK bool archive_check(const char *path, const char *format, struct archive_facts *out,
			      struct error *err);
