/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that survive power cuts, and trees that are safe to remove. All paths
 * are bytes without a zero; errors name the path. ERR_NOT_FOUND when absent,
 * ERR_TOO_LARGE over a limit, ERR_FORBIDDEN without permission, ERR_UNAVAILABLE
 * when the disk is full, else ERR_INTERNAL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/error.h"

/* The whole file in the arena, followed by a zero byte. size may be NULL. */
MUST_CHECK bool file_read(const char *path, size_t max_bytes, struct arena *arena, char **data,
			  size_t *size, struct error *err);

/* Old content or new content, never a mixture: temporary file beside it, fsync, rename,
 * fsync of the folder. */
MUST_CHECK bool file_write_atomic(const char *path, const void *data, size_t size, mode_t mode,
				  struct error *err);

/* Removes the temporary files of file_write_atomic(path) that a kill or a power cut left beside it.
 * Only for who is the one writer of path. */
void file_sweep_temporaries(const char *path);

/* Points the symlink path at target in one step, and syncs the folder. */
MUST_CHECK bool file_symlink_atomic(const char *target, const char *path, struct error *err);

/* Syncs a folder's entries. */
MUST_CHECK bool file_sync_folder(const char *path, struct error *err);

/* Syncs the folder that holds path. */
MUST_CHECK bool file_sync_parent(const char *path, struct error *err);

/* mkdir -p. Existing folders keep their mode. */
MUST_CHECK bool file_make_folders(const char *path, mode_t mode, struct error *err);

/* Removes a file or a whole tree without following symlinks. Absent is success. */
MUST_CHECK bool file_remove_tree(const char *path, struct error *err);

/* Copies a file or a tree: regular files, folders and symlinks with modes and, as root,
 * owners; anything else is refused. Everything is synced. The target must not exist. */
MUST_CHECK bool file_copy_tree(const char *from, const char *to, struct error *err);

/* Sum of the sizes of the regular files of a tree. */
MUST_CHECK bool file_tree_bytes(const char *path, int64_t *bytes, struct error *err);

/* Free bytes for us on the file system of path. */
MUST_CHECK bool file_free_bytes(const char *path, int64_t *bytes, struct error *err);

bool file_exists(const char *path);

/* Writes all or fails; errno is set. Handles short writes and EINTR. */
MUST_CHECK bool fd_write_all(int fd, const void *data, size_t size);

/* Closes *fd when >= 0 and sets it to -1: for CLEANUP(fd_cleanup). */
void fd_cleanup(int *fd);

/* "WHAT: the disk is full, ..." as ERR_UNAVAILABLE when errno is of that kind, its own text with code otherwise.
 * Returns false. */
bool file_write_error(struct error *err, enum error_code code, const char *what);

/*
 * Takes an exclusive lock on path and writes our process id into it. ERR_CONFLICT
 * names the holder's pid. *fd is the caller's; closing it unlocks. The file stays.
 */
MUST_CHECK bool file_lock(const char *path, int *fd, struct error *err);
