/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a patch (package/patch.h) from one archive to another. Takes memory for the unpacked older one, up to
 * 512 MiB, and a quarter of it to find things in it, so it is done in a process of its own (patches.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

/* *size_bytes is that of the patch, which is complete and on disk. */
MUST_CHECK bool patch_make(const char *old_archive, const char *new_archive, const char *path,
			   int64_t *size_bytes, struct error *err);

/* "musterd make-patch OLD NEW OUT": 0 when it is made, 3 when the new archive is as good. */
int patch_main(int argc, char **argv);
