/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a disk may hold after a power cut. POSIX promises only what was synced: a file's content by
 * fsync of the file, a name by fsync of its folder. So the content of each file at its last sync
 * is kept, and each change of a folder's names since the folder's last sync; a cut then undoes some of it,
 * as the seed wants: all that was not synced, only the names, only the contents, or any mixture with
 * torn blocks. Names of one folder come back in their order, as every journal does it.
 */
#pragma once

#include <stdint.h>

#include "calls.h"

struct disk;
struct disk_change; /* of names, prepared before the call that makes it */

/* stash: an empty folder on the same file system, outside of root, for what is removed meanwhile. */
struct disk *disk_new(const char *root, const char *stash);

/* Before the call is made, and after it has succeeded. change is NULL when no name changes. */
struct disk_change *disk_before(struct disk *disk, pid_t pid, const struct call *call);
void disk_after(struct disk *disk, const struct call *call, struct disk_change *change);
void disk_failed(struct disk_change *change);

/* Puts the folder into the state after the cut; nobody may use it meanwhile. */
void disk_cut(struct disk *disk, uint64_t seed);
