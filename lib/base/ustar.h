/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers of plain tar files of regular files, as POSIX calls them "ustar" (pax(1), "ustar Interchange
 * Format"): for the few that we write ourselves and read strictly. Everything that is not a name of
 * at most 100 plain characters, a size and fixed fields is refused, so there is no path, link,
 * owner or mode to be careful with. Packages of others are libarchive's work.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

enum { USTAR_BLOCK = 512, USTAR_NAME_SIZE = 101 };

#define USTAR_MAX_SIZE INT64_C(077777777777) /* 8 GiB - 1 */

struct ustar_entry {
	char name[USTAR_NAME_SIZE];
	int64_t size; /* bytes of content, which follows in whole blocks */
};

/* name: 1 to 100 characters of [A-Za-z0-9._/-]; size: up to USTAR_MAX_SIZE. Same input, same bytes. */
void ustar_encode(const struct ustar_entry *entry, uint8_t out[USTAR_BLOCK]);

/* *end: the block is zero, which two of them at the end of the file are. */
MUST_CHECK bool ustar_decode(const uint8_t block[USTAR_BLOCK], struct ustar_entry *out, bool *end,
			     struct error *err);

/* Zero bytes behind a content of this size. */
size_t ustar_padding(int64_t size);
