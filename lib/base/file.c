/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/encoding.h"

enum { UNSIZED_MAX = 256 * 1024, TEMPORARY_BYTES = 6 };

static enum error_code code_of(int error_number)
{
	switch (error_number) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case ENOSPC:
	case EDQUOT:
		return ERR_UNAVAILABLE;
	case EACCES:
	case EPERM:
		return ERR_FORBIDDEN;
	default:
		return ERR_INTERNAL;
	}
}

static bool fail(struct error *err, const char *action, const char *path)
{
	int reason = errno;

	return error_set_errno(err, code_of(reason), reason, "could not %s %s", action, path);
}

bool file_write_error(struct error *err, enum error_code code, const char *what)
{
	if (errno == ENOSPC || errno == EDQUOT)
		return error_set(err, ERR_UNAVAILABLE,
				 "%s: the disk is full; make room there and try again", what);
	return error_set_errno(err, code, errno, "%s", what);
}

void fd_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

bool fd_write_all(int fd, const void *data, size_t size)
{
	const char *bytes = data;

	while (size) {
		ssize_t count = write(fd, bytes, size);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return false;
		bytes += count;
		size -= (size_t)count;
	}
	return true;
}

bool file_exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0;
}

/* Reads until the end or until more than max_bytes are there; -1 with errno on failure. */
static ssize_t read_up_to(int fd, char *buffer, size_t capacity)
{
	size_t total = 0;

	while (total < capacity) {
		ssize_t count = read(fd, buffer + total, capacity - total);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		total += (size_t)count;
	}
	return (ssize_t)total;
}

static void scratch_cleanup(struct arena **scratch)
{
	arena_free(*scratch);
}

bool file_read(const char *path, size_t max_bytes, struct arena *arena, char **data, size_t *size,
	       struct error *err)
{
	CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return fail(err, "read", path);
	if (S_ISREG(status.st_mode) && (uint64_t)status.st_size > max_bytes)
		return error_set(err, ERR_TOO_LARGE, "%s is larger than %zu bytes", path,
				 max_bytes);
	/* Files of /proc say that their size is 0: room for more, which is not kept. */
	bool unsized = status.st_size == 0;
	size_t expected = unsized ? UNSIZED_MAX : (size_t)status.st_size;
	size_t capacity = (expected < max_bytes ? expected : max_bytes) + 1;
	CLEANUP(scratch_cleanup) struct arena *scratch = unsized ? arena_new() : NULL;
	char *buffer = arena_alloc(unsized ? scratch : arena, capacity + 1);
	ssize_t count = read_up_to(fd, buffer, capacity);
	if (count < 0)
		return fail(err, "read", path);
	if ((size_t)count == capacity)
		return error_set(err, ERR_TOO_LARGE, "%s is larger than %zu bytes", path,
				 capacity - 1);
	buffer[count] = '\0';
	*data = unsized ? arena_memdup(arena, buffer, (size_t)count) : buffer;
	if (size)
		*size = (size_t)count;
	return true;
}

/* The folder that holds path, allocated with malloc. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	if (slash == path)
		return xstrdup("/");
	char *folder = xstrdup(path);
	folder[slash - path] = '\0';
	return folder;
}

bool file_sync_folder(const char *path, struct error *err)
{
	CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return fail(err, "sync folder", path);
	return true;
}

bool file_sync_parent(const char *path, struct error *err)
{
	char *folder = parent_of(path);
	bool done = file_sync_folder(folder, err);

	free(folder);
	return done;
}

/* A name beside path that nobody else uses. */
static bool temporary_name(const char *path, char *out, size_t size, struct error *err)
{
	char suffix[HEX_SIZE(TEMPORARY_BYTES)];
	uint8_t bytes[TEMPORARY_BYTES];

	random_bytes(bytes, sizeof(bytes));
	hex_encode(bytes, sizeof(bytes), suffix);
	int length = snprintf(out, size, "%s.%s.tmp", path, suffix);
	if (length < 0 || (size_t)length >= size)
		return error_set(err, ERR_INVALID, "path is too long: %s", path);
	return true;
}

bool file_write_atomic(const char *path, const void *data, size_t size, mode_t mode,
		       struct error *err)
{
	char temporary[4096];

	if (!temporary_name(path, temporary, sizeof(temporary), err))
		return false;
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return fail(err, "create", temporary);
	/* fchmod, because the umask took its part of mode. */
	bool done = fchmod(fd, mode) == 0 && fd_write_all(fd, data, size) && fsync(fd) == 0;
	int reason = errno;
	if (close(fd) < 0 && done) {
		done = false;
		reason = errno;
	}
	if (done && rename(temporary, path) < 0) {
		done = false;
		reason = errno;
	}
	if (!done) {
		unlink(temporary);
		errno = reason;
		return fail(err, "write", path);
	}
	return file_sync_parent(path, err);
}

/* "<name>.<suffix of random digits>.tmp" */
static bool is_temporary_of(const char *entry, const char *name)
{
	const size_t name_length = strlen(name), digits = HEX_SIZE(TEMPORARY_BYTES) - 1;

	return strncmp(entry, name, name_length) == 0 && entry[name_length] == '.' &&
	       strspn(entry + name_length + 1, "0123456789abcdef") == digits &&
	       strcmp(entry + name_length + 1 + digits, ".tmp") == 0;
}

void file_sweep_temporaries(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char *folder = parent_of(path);
	DIR *entries = opendir(folder);
	const struct dirent *entry;

	while (entries && (entry = readdir(entries)))
		if (is_temporary_of(entry->d_name, name))
			unlinkat(dirfd(entries), entry->d_name, 0);
	if (entries)
		closedir(entries);
	free(folder);
}

bool file_symlink_atomic(const char *target, const char *path, struct error *err)
{
	char temporary[4096];

	if (!temporary_name(path, temporary, sizeof(temporary), err))
		return false;
	if (symlink(target, temporary) < 0)
		return fail(err, "create", temporary);
	if (rename(temporary, path) < 0) {
		int reason = errno;

		unlink(temporary);
		errno = reason;
		return fail(err, "switch", path);
	}
	return file_sync_parent(path, err);
}

bool file_make_folders(const char *path, mode_t mode, struct error *err)
{
	char *prefix = xstrdup(path);
	bool done = true;

	for (char *slash = strchr(prefix + 1, '/'); done; slash = strchr(slash + 1, '/')) {
		struct stat status;

		if (slash)
			*slash = '\0';
		if (mkdir(prefix, mode) < 0 && errno != EEXIST)
			done = fail(err, "create folder", prefix);
		else if (stat(prefix, &status) < 0)
			done = fail(err, "look at", prefix);
		else if (!S_ISDIR(status.st_mode))
			done = error_set(err, ERR_CONFLICT, "%s is not a folder", prefix);
		if (!slash)
			break;
		*slash = '/';
	}
	free(prefix);
	return done;
}

bool file_free_bytes(const char *path, int64_t *bytes, struct error *err)
{
	struct statvfs status;

	if (statvfs(path, &status) < 0)
		return fail(err, "look at the file system of", path);
	*bytes = (int64_t)(status.f_bavail * status.f_frsize);
	return true;
}

bool file_lock(const char *path, int *fd, struct error *err)
{
	CLEANUP(fd_cleanup) int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	char text[32] = "";

	if (lock < 0)
		return fail(err, "open", path);
	if (flock(lock, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return fail(err, "lock", path);
		ssize_t count = pread(lock, text, sizeof(text) - 1, 0);
		text[count > 0 ? count : 0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		return error_set(err, ERR_CONFLICT, "%s is locked by process %s", path,
				 text[0] ? text : "unknown");
	}
	int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	/* The number is for people only: a full disk must not keep anybody from the lock. */
	if (ftruncate(lock, 0) < 0 || pwrite(lock, text, (size_t)length, 0) != length)
		(void)!ftruncate(lock, 0);
	*fd = lock;
	lock = -1;
	return true;
}
