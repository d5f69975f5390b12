/* SPDX-License-Identifier: Apache-2.0 */
/* Whole trees: remove, copy, measure. Everything goes through folder descriptors and
 * O_NOFOLLOW, so a symlink that appears meanwhile leads nowhere. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { MAX_DEPTH = 128 };

static const int OPEN_FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

static void folder_cleanup(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static bool fail(struct error *err, const char *action, const char *name)
{
	int reason = errno;
	enum error_code code = ERR_INTERNAL;

	if (reason == ENOENT)
		code = ERR_NOT_FOUND;
	else if (reason == ENOSPC || reason == EDQUOT)
		code = ERR_UNAVAILABLE;
	else if (reason == EACCES || reason == EPERM)
		code = ERR_FORBIDDEN;
	return error_set_errno(err, code, reason, "could not %s %s", action, name);
}

static bool too_deep(struct error *err, const char *name)
{
	return error_set(err, ERR_TOO_LARGE, "%s is more than %d folders deep", name, MAX_DEPTH);
}

/* The next entry but "." and "..", or NULL at the end. */
static struct dirent *next_entry(DIR *folder)
{
	struct dirent *entry;

	while ((entry = readdir(folder))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return entry;
	}
	return NULL;
}

/* Opens a folder for reading its entries. */
static DIR *open_folder(int parent, const char *name)
{
	int fd = openat(parent, name, OPEN_FOLDER);

	if (fd < 0)
		return NULL;
	DIR *folder = fdopendir(fd);
	if (!folder)
		close(fd);
	return folder;
}

static bool remove_at(int parent, const char *name, int depth, struct error *err)
{
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return fail(err, "remove", name);
	if (depth > MAX_DEPTH)
		return too_deep(err, name);
	CLEANUP(folder_cleanup) DIR *folder = open_folder(parent, name);
	if (!folder && (errno == EACCES || errno == EPERM)) {
		/* A package may hold folders that even their owner cannot enter. */
		if (fchmodat(parent, name, 0700, 0) == 0)
			folder = open_folder(parent, name);
	}
	if (!folder)
		return fail(err, "open folder", name);
	if (faccessat(dirfd(folder), ".", W_OK | X_OK, AT_EACCESS) < 0 &&
	    fchmod(dirfd(folder), 0700) < 0)
		return fail(err, "change the mode of", name);
	for (struct dirent *entry; (entry = next_entry(folder));) {
		if (!remove_at(dirfd(folder), entry->d_name, depth + 1, err))
			return false;
	}
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail(err, "remove folder", name);
	return true;
}

bool file_remove_tree(const char *path, struct error *err)
{
	return remove_at(AT_FDCWD, path, 0, err) || error_prefix(err, "%s", path);
}

static bool measure_at(int parent, const char *name, int depth, int64_t *bytes, struct error *err)
{
	struct stat status;

	if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, "look at", name);
	if (S_ISREG(status.st_mode))
		*bytes += status.st_size;
	if (!S_ISDIR(status.st_mode))
		return true;
	if (depth > MAX_DEPTH)
		return too_deep(err, name);
	CLEANUP(folder_cleanup) DIR *folder = open_folder(parent, name);
	if (!folder)
		return fail(err, "open folder", name);
	for (struct dirent *entry; (entry = next_entry(folder));) {
		if (!measure_at(dirfd(folder), entry->d_name, depth + 1, bytes, err) &&
		    err->code != ERR_NOT_FOUND) /* gone meanwhile */
			return false;
	}
	return true;
}

bool file_tree_bytes(const char *path, int64_t *bytes, struct error *err)
{
	int64_t total = 0;

	if (!measure_at(AT_FDCWD, path, 0, &total, err))
		return error_prefix(err, "%s", path);
	*bytes = total;
	return true;
}

struct copy {
	int from; /* parent folders */
	int to;
	const char *from_name;
	const char *to_name;
	int depth;
};

static bool copy_attributes(int fd, const struct stat *status, const char *name, struct error *err)
{
	const struct timespec times[2] = {status->st_atim, status->st_mtim};

	/* The owner first: chown clears set-user-id bits, which the mode then restores. */
	if (geteuid() == 0 && fchown(fd, status->st_uid, status->st_gid) < 0)
		return fail(err, "change the owner of", name);
	if (fchmod(fd, status->st_mode & 07777) < 0 || futimens(fd, times) < 0)
		return fail(err, "change the mode of", name);
	if (fsync(fd) < 0)
		return fail(err, "sync", name);
	return true;
}

static bool copy_file(const struct copy *copy, struct error *err)
{
	CLEANUP(fd_cleanup)
	int from = openat(copy->from, copy->from_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	char buffer[64 * 1024];
	ssize_t count;

	if (from < 0 || fstat(from, &status) < 0)
		return fail(err, "read", copy->from_name);
	CLEANUP(fd_cleanup)
	int to = openat(copy->to, copy->to_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return fail(err, "create", copy->to_name);
	while ((count = read(from, buffer, sizeof(buffer))) != 0) {
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return fail(err, "read", copy->from_name);
		if (!fd_write_all(to, buffer, (size_t)count))
			return fail(err, "write", copy->to_name);
	}
	return copy_attributes(to, &status, copy->to_name, err);
}

static bool copy_symlink(const struct copy *copy, const struct stat *status, struct error *err)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(copy->from, copy->from_name, target, sizeof(target));

	if (length < 0 || (size_t)length == sizeof(target))
		return fail(err, "read symlink", copy->from_name);
	target[length] = '\0';
	if (symlinkat(target, copy->to, copy->to_name) < 0)
		return fail(err, "create symlink", copy->to_name);
	if (geteuid() == 0 && fchownat(copy->to, copy->to_name, status->st_uid, status->st_gid,
				       AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, "change the owner of", copy->to_name);
	return true;
}

static bool copy_at(const struct copy *copy, struct error *err);

static bool copy_folder(const struct copy *copy, const struct stat *status, struct error *err)
{
	if (copy->depth > MAX_DEPTH)
		return too_deep(err, copy->from_name);
	CLEANUP(folder_cleanup) DIR *from = open_folder(copy->from, copy->from_name);
	if (!from)
		return fail(err, "open folder", copy->from_name);
	if (mkdirat(copy->to, copy->to_name, 0700) < 0)
		return fail(err, "create folder", copy->to_name);
	CLEANUP(fd_cleanup) int to = openat(copy->to, copy->to_name, OPEN_FOLDER);
	if (to < 0)
		return fail(err, "open folder", copy->to_name);
	for (struct dirent *entry; (entry = next_entry(from));) {
		const struct copy child = {
			.from = dirfd(from),
			.to = to,
			.from_name = entry->d_name,
			.to_name = entry->d_name,
			.depth = copy->depth + 1,
		};

		if (!copy_at(&child, err))
			return false;
	}
	return copy_attributes(to, status, copy->to_name, err);
}

static bool copy_at(const struct copy *copy, struct error *err)
{
	struct stat status;

	if (fstatat(copy->from, copy->from_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, "look at", copy->from_name);
	if (S_ISREG(status.st_mode))
		return copy_file(copy, err);
	if (S_ISDIR(status.st_mode))
		return copy_folder(copy, &status, err);
	if (S_ISLNK(status.st_mode))
		return copy_symlink(copy, &status, err);
	return error_set(err, ERR_INVALID, "cannot copy %s: not a file, folder or symlink",
			 copy->from_name);
}

bool file_copy_tree(const char *from, const char *to, struct error *err)
{
	const struct copy copy = {
		.from = AT_FDCWD,
		.to = AT_FDCWD,
		.from_name = from,
		.to_name = to,
	};

	if (!copy_at(&copy, err))
		return error_prefix(err, "%s", from);
	return file_sync_parent(to, err);
}
