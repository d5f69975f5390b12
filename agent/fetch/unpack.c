/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "base/file.h"

enum { READ_BYTES = 64 * 1024, MAX_PATH = 1024, MAX_DEPTH = 48 };

struct unpack {
	int root; /* the folder */
	int in;	  /* the archive file */
	struct sha256 *hash;
	const struct unpack_limits *limits;
	int64_t bytes;
	int entries;
	uint8_t buffer[READ_BYTES];
};

bool unpack_clean_path(const char *path, char *out, size_t size)
{
	size_t length = 0;
	int depth = 0;

	if (path[0] == '/' || size == 0)
		return false;
	while (*path) {
		size_t part = strcspn(path, "/");

		if (part == 2 && path[0] == '.' && path[1] == '.')
			return false;
		if (part > 0 && !(part == 1 && path[0] == '.')) {
			if (length + part + 2 > size || part > 255 || ++depth > MAX_DEPTH)
				return false;
			if (length > 0)
				out[length++] = '/';
			memcpy(out + length, path, part);
			length += part;
		}
		path += part;
		path += strspn(path, "/");
	}
	out[length] = '\0';
	return true;
}

bool unpack_link_inside(const char *path, const char *target)
{
	int depth = 0;
	bool down = false;

	if (target[0] == '\0' || target[0] == '/' || strlen(target) >= MAX_PATH)
		return false;
	for (; *path; path++)
		depth += *path == '/';
	while (*target) {
		size_t part = strcspn(target, "/");

		/* ".." behind a name might leave from the other end of a link of that name. */
		if (part == 2 && target[0] == '.' && target[1] == '.') {
			if (down || --depth < 0)
				return false;
		} else if (part > 0 && !(part == 1 && target[0] == '.')) {
			down = true;
		}
		target += part;
		target += strspn(target, "/");
	}
	return true;
}

static bool disk_error(struct error *err, const char *path)
{
	enum error_code code = errno == EEXIST || errno == ENOTDIR || errno == ELOOP ||
					       errno == ENAMETOOLONG || errno == EISDIR
				       ? ERR_INVALID
				       : ERR_UNAVAILABLE;

	return error_set_errno(err, code, errno, "cannot write the entry %.100s", path);
}

/* Opens one folder of a path, made if it is absent; symlinks are not followed. */
static int enter(int parent, const char *name)
{
	if (mkdirat(parent, name, 0755) != 0 && errno != EEXIST)
		return -1;
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The folder of a clean path (a new descriptor) and the last name in it. */
static int enter_parents(int root, const char *path, const char **name)
{
	int folder = fcntl(root, F_DUPFD_CLOEXEC, 0);
	char part[256];
	size_t length;

	while (folder >= 0 && path[length = strcspn(path, "/")] == '/') {
		memcpy(part, path, length);
		part[length] = '\0';
		int next = enter(folder, part);
		int saved = errno;
		close(folder);
		errno = saved;
		folder = next;
		path += length + 1;
	}
	*name = path;
	return folder;
}

static bool write_data(struct unpack *unpack, struct archive *archive, int fd, const char *path,
		       struct error *err)
{
	const void *data;
	size_t size;
	int64_t offset, end = 0;
	int code;

	while ((code = archive_read_data_block(archive, &data, &size, &offset)) == ARCHIVE_OK) {
		if (offset < end || (int64_t)size > unpack->limits->max_bytes - unpack->bytes ||
		    offset > unpack->limits->max_bytes)
			return error_set(err, ERR_TOO_LARGE,
					 "the unpacked files have more than %lld bytes",
					 (long long)unpack->limits->max_bytes);
		unpack->bytes += (int64_t)size;
		end = offset + (int64_t)size;
		if (lseek(fd, offset, SEEK_SET) != offset || !fd_write_all(fd, data, size))
			return disk_error(err, path);
	}
	if (code != ARCHIVE_EOF)
		return error_set(err, ERR_INVALID, "the archive is damaged: %s",
				 archive_error_string(archive));
	return true;
}

static bool make_file(struct unpack *unpack, struct archive *archive, struct archive_entry *entry,
		      int folder, const char *name, struct error *err)
{
	mode_t mode = (archive_entry_perm(entry) & 0755) | 0600;
	CLEANUP(fd_cleanup)
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return disk_error(err, name);
	if (!write_data(unpack, archive, fd, name, err))
		return false;
	/* World-readable as the archive says, so that a service's own user can run it. */
	return fchmod(fd, mode) == 0 || disk_error(err, name);
}

static bool make_link(struct archive_entry *entry, const char *path, int folder, const char *name,
		      struct error *err)
{
	const char *target = archive_entry_symlink(entry);

	if (!target || !unpack_link_inside(path, target))
		return error_set(err, ERR_INVALID, "the link %.100s leads out of the package",
				 path);
	return symlinkat(target, folder, name) == 0 || disk_error(err, path);
}

static bool make_entry(struct unpack *unpack, struct archive *archive, struct archive_entry *entry,
		       struct error *err)
{
	const char *given = archive_entry_pathname(entry);
	mode_t type = archive_entry_filetype(entry);
	char path[MAX_PATH];
	const char *name;

	if (!given || !unpack_clean_path(given, path, sizeof(path)))
		return error_set(err, ERR_INVALID,
				 "the archive has an entry whose path is not allowed: %.100s",
				 given ? given : "(not UTF-8)");
	if (path[0] == '\0')
		return type == AE_IFDIR || error_set(err, ERR_INVALID, "an entry has no name");
	if (archive_entry_hardlink(entry) ||
	    (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK))
		return error_set(err, ERR_INVALID,
				 "the entry %.100s is neither file, folder nor symlink", path);
	CLEANUP(fd_cleanup)
	int folder = enter_parents(unpack->root, path, &name);
	if (folder < 0)
		return disk_error(err, path);
	if (type == AE_IFREG)
		return make_file(unpack, archive, entry, folder, name, err);
	if (type == AE_IFLNK)
		return make_link(entry, path, folder, name, err);
	CLEANUP(fd_cleanup)
	int made = enter(folder, name);
	return made >= 0 || disk_error(err, path);
}

static la_ssize_t read_more(struct archive *archive, void *arg, const void **data)
{
	struct unpack *unpack = arg;
	ssize_t count;

	do
		count = read(unpack->in, unpack->buffer, sizeof(unpack->buffer));
	while (count < 0 && errno == EINTR);
	if (count < 0)
		archive_set_error(archive, errno, "could not read the archive");
	else
		sha256_update(unpack->hash, unpack->buffer, (size_t)count);
	*data = unpack->buffer;
	return count;
}

static bool walk(struct unpack *unpack, struct archive *archive, struct error *err)
{
	struct archive_entry *entry;
	int code;

	while ((code = archive_read_next_header(archive, &entry)) == ARCHIVE_OK ||
	       code == ARCHIVE_WARN) {
		if (++unpack->entries > unpack->limits->max_entries)
			return error_set(err, ERR_TOO_LARGE, "the archive has more than %d entries",
					 unpack->limits->max_entries);
		if (!make_entry(unpack, archive, entry, err))
			return false;
	}
	if (code != ARCHIVE_EOF)
		return error_set(err, ERR_INVALID, "the archive cannot be read: %s",
				 archive_error_string(archive));
	return true;
}

/* What lies behind the end of the archive counts for the hash too. */
static bool hash_matches(struct unpack *unpack, const char *sha256)
{
	uint8_t digest[SHA256_SIZE];
	char text[SHA256_HEX_SIZE];
	ssize_t count;

	while ((count = read(unpack->in, unpack->buffer, sizeof(unpack->buffer))) > 0)
		sha256_update(unpack->hash, unpack->buffer, (size_t)count);
	sha256_final(unpack->hash, digest);
	hex_encode(digest, sizeof(digest), text);
	return count == 0 && strcmp(text, sha256) == 0;
}

static bool unpack_run(struct unpack *unpack, const char *sha256, struct error *err)
{
	struct archive *archive = archive_read_new();

	archive_read_support_format_tar(archive);
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_zstd(archive);
	archive_read_support_filter_xz(archive);
	bool ok = archive_read_open(archive, unpack, NULL, read_more, NULL) == ARCHIVE_OK ||
		  error_set(err, ERR_INVALID, "this is not a tar archive: %s",
			    archive_error_string(archive));
	ok = ok && walk(unpack, archive, err);
	archive_read_free(archive);
	if (ok && !hash_matches(unpack, sha256))
		ok = error_set(err, ERR_INVALID, "the archive has another SHA-256 than expected");
	if (ok && syncfs(unpack->root) != 0)
		ok = error_set_errno(err, ERR_UNAVAILABLE, errno, "could not sync the package");
	return ok;
}

bool unpack_archive(const char *archive, const char *sha256, const char *folder,
		    const struct unpack_limits *limits, struct error *err)
{
	struct unpack *unpack = xcalloc(1, sizeof(*unpack));
	bool ok = false;

	unpack->limits = limits;
	unpack->hash = sha256_new();
	unpack->root = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	unpack->in = open(archive, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (unpack->root < 0 || unpack->in < 0)
		error_set_errno(err, ERR_UNAVAILABLE, errno, "cannot open %s",
				unpack->root < 0 ? folder : archive);
	else
		ok = unpack_run(unpack, sha256, err);
	fd_cleanup(&unpack->root);
	fd_cleanup(&unpack->in);
	sha256_free(unpack->hash);
	free(unpack);
	return ok;
}
