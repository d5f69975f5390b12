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

#include "base/crypto.h"
#include "base/encoding.h"
#include "base/file.h"
#include "package/entry_path.h"
#include "package/patch.h"
#include "package/tarball.h"

enum {
	ENTRY_OVERHEAD = 2048,	   /* headers and padding of one entry in a tar */
	WRITE_OUT_BYTES = 1 << 20, /* of a file, from which on the disk may begin at once */
};

struct unpack {
	int root; /* the folder */
	const struct unpack_limits *limits;
	int64_t bytes;
	int entries;
};

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
		if ((offset > end && lseek(fd, offset, SEEK_SET) != offset) ||
		    !fd_write_all(fd, data, size))
			return disk_error(err, path);
		unpack->bytes += (int64_t)size;
		end = offset + (int64_t)size;
	}
	if (code != ARCHIVE_EOF)
		return error_set(err, ERR_INVALID, "the archive is damaged: %s",
				 archive_error_string(archive));
	/* So that the one sync at the end does not have everything to wait for. */
	if (end >= WRITE_OUT_BYTES)
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
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

	if (!target || !entry_link_inside(path, target))
		return error_set(err, ERR_INVALID, "the link %.100s leads out of the package",
				 path);
	return symlinkat(target, folder, name) == 0 || disk_error(err, path);
}

static bool make_entry(struct unpack *unpack, struct archive *archive, struct archive_entry *entry,
		       struct error *err)
{
	const char *given = archive_entry_pathname(entry);
	mode_t type = archive_entry_filetype(entry);
	char path[ENTRY_PATH_MAX];
	const char *name;

	if (!given || !entry_path_clean(given, path, sizeof(path)))
		return error_set(err, ERR_INVALID,
				 "the archive has an entry whose path is not allowed: %.100s",
				 given ? given : "(not UTF-8)");
	if (path[0] == '\0')
		return type == AE_IFDIR || error_set(err, ERR_INVALID, "an entry has no name");
	if (archive_entry_hardlink(entry) || archive_entry_sparse_count(entry) > 0 ||
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

bool unpack_tar(struct tar_source *source, const char *folder, const struct unpack_limits *limits,
		struct error *err)
{
	struct unpack unpack = {.limits = limits};
	struct archive *archive;
	CLEANUP(fd_cleanup)
	int root = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (root < 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "cannot open %s", folder);
	unpack.root = root;
	if (!tar_open(source, &archive, err))
		return false;
	bool ok = walk(&unpack, archive, err);
	archive_read_free(archive);
	/* libarchive only passes on the text of what the source had to say. */
	if (!ok && source->error.code != ERR_NONE)
		*err = source->error;
	return ok;
}

static bool unpack_tarball(struct tarball *tarball, const char *sha256, const char *folder,
			   const struct unpack_limits *limits, struct error *err)
{
	struct tar_source source = tarball_source(tarball);
	struct tarball_facts facts;

	if (!unpack_tar(&source, folder, limits, err) || !tarball_finish(tarball, &facts, err))
		return false;
	return strcmp(facts.file_sha256, sha256) == 0 ||
	       error_set(err, ERR_INVALID, "the archive has another SHA-256 than expected");
}

int64_t unpack_tar_limit(const struct unpack_limits *limits)
{
	return limits->max_bytes + (int64_t)limits->max_entries * ENTRY_OVERHEAD;
}

bool unpack_archive(const char *archive, const char *sha256, const char *folder,
		    const struct unpack_limits *limits, struct error *err)
{
	struct tarball *tarball;
	CLEANUP(fd_cleanup) int in = open(archive, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (in < 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "cannot open %s", archive);
	if (!tarball_open(in, unpack_tar_limit(limits), TARBALL_HASH_FILE, &tarball, err))
		return false;
	bool ok = unpack_tarball(tarball, sha256, folder, limits, err);
	tarball_free(tarball);
	return ok;
}

struct hashed_patch {
	struct patch *patch;
	struct sha256 *hash;
	int64_t size;
};

static bool read_hashed(void *arg, const void **data, size_t *size, struct error *err)
{
	struct hashed_patch *hashed = arg;

	if (!patch_read(hashed->patch, data, size, err))
		return false;
	sha256_update(hashed->hash, *data, *size);
	hashed->size += (int64_t)*size;
	return true;
}

/* Reads what is left, and looks whether all of it was what it should be. */
static bool finish_patch(struct hashed_patch *hashed, const char *sha256, int64_t size,
			 struct error *err)
{
	uint8_t digest[SHA256_SIZE];
	char text[SHA256_HEX_SIZE];
	const void *data;
	size_t count = 1;

	while (count > 0)
		if (!read_hashed(hashed, &data, &count, err))
			return false;
	sha256_final(hashed->hash, digest);
	hex_encode(digest, sizeof(digest), text);
	return (hashed->size == size && strcmp(text, sha256) == 0) ||
	       error_set(err, ERR_INVALID, "the patch makes another tar than the manifest names");
}

bool unpack_patch(const char *patch, const char *base, const char *sha256, int64_t size,
		  const char *folder, const struct unpack_limits *limits, struct error *err)
{
	struct hashed_patch first = {.hash = sha256_new()}, second = {.hash = sha256_new()};
	struct tar_source source = {.read = read_hashed, .arg = &second};
	struct patch *reader = NULL;
	bool ok = patch_open(patch, base, unpack_tar_limit(limits), &reader, err);

	first.patch = second.patch = reader;
	/* The older version may change meanwhile, so that the second time counts as well. */
	ok = ok && finish_patch(&first, sha256, size, err) && patch_rewind(reader, err) &&
	     unpack_tar(&source, folder, limits, err) && finish_patch(&second, sha256, size, err);
	patch_free(reader);
	sha256_free(first.hash);
	sha256_free(second.hash);
	return ok;
}

bool unpack_sync(const char *folder, struct error *err)
{
	CLEANUP(fd_cleanup) int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 || syncfs(root) != 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not sync the package");
	return true;
}
