/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/package/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/encoding.h"
#include "base/file.h"
#include "package/entry_path.h"

enum { ENTRY_OVERHEAD = 2048 }; /* headers and padding of one entry in a tar */

struct check {
	struct archive *archive;
	json_t *paths; /* clean path -> true: nothing may lie below it */
	int symlinks;
	struct archive_facts facts;
	struct error *err;
};

static void archive_cleanup(struct archive **archive)
{
	archive_read_free(*archive);
}

static void tarball_cleanup(struct tarball **tarball)
{
	tarball_free(*tarball);
}

static bool refuse(struct check *check, const char *path, const char *reason)
{
	return error_set_field(check->err, ERR_INVALID, "archive", "archive entry \"%.120s\": %s",
			       path, reason);
}

static bool path_check(struct check *check, const char *path, char clean[ENTRY_PATH_MAX])
{
	if (!path || !utf8_valid(path, strlen(path)))
		return refuse(check, path ? path : "", "name is not UTF-8");
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return refuse(check, path, "name holds control characters");
	return entry_path_clean(path, clean, ENTRY_PATH_MAX) ||
	       refuse(check, path, "path leads out of the archive, is too long or too deep");
}

/*
 * A name comes once; a folder may also be named after what lies in it. An earlier symlink on the way
 * would let the entry land elsewhere.
 */
static bool way_check(struct check *check, const char *path, bool folder)
{
	char way[ENTRY_PATH_MAX];
	json_t *known = json_object_get(check->paths, path);

	if (known && (!folder || json_is_true(known)))
		return refuse(check, path, "comes twice");
	json_object_set_new(check->paths, path, json_boolean(!folder));
	snprintf(way, sizeof(way), "%s", path);
	for (char *end = strrchr(way, '/'); end; end = strrchr(way, '/')) {
		*end = '\0';
		known = json_object_get(check->paths, way);
		if (json_is_true(known))
			return refuse(check, path, "is below a file or symlink of the archive");
		if (!known)
			json_object_set_new(check->paths, way, json_false());
	}
	return true;
}

static bool symlink_check(struct check *check, const char *path, struct archive_entry *entry)
{
	const char *target = archive_entry_symlink(entry);

	if (!target || !entry_link_inside(path, target))
		return refuse(check, path, "symlink has no target inside the archive");
	return ++check->symlinks <= ARCHIVE_MAX_SYMLINKS ||
	       error_set_field(check->err, ERR_TOO_LARGE, "archive",
			       "archive has more than %d symlinks", ARCHIVE_MAX_SYMLINKS);
}

static bool entry_check(struct check *check, struct archive_entry *entry)
{
	const unsigned int type = archive_entry_filetype(entry);
	int64_t size = archive_entry_size(entry);
	char path[ENTRY_PATH_MAX];

	if (!path_check(check, archive_entry_pathname(entry), path) ||
	    !way_check(check, path, type == AE_IFDIR))
		return false;
	if (++check->facts.entries > ARCHIVE_MAX_ENTRIES)
		return error_set_field(check->err, ERR_TOO_LARGE, "archive",
				       "archive has more than %d entries", ARCHIVE_MAX_ENTRIES);
	if (archive_entry_hardlink(entry))
		return refuse(check, path, "is a hard link");
	if (archive_entry_sparse_count(entry) > 0)
		return refuse(check, path, "is a sparse file");
	switch (type) {
	case AE_IFDIR:
		return true;
	case AE_IFLNK:
		return symlink_check(check, path, entry);
	case AE_IFREG:
		check->facts.unpacked_bytes += size > 0 ? size : 0;
		break;
	default:
		return refuse(check, path, "is neither a file, a folder nor a symlink");
	}
	if (size < 0 || check->facts.unpacked_bytes > ARCHIVE_MAX_UNPACKED_BYTES)
		return error_set_field(check->err, ERR_TOO_LARGE, "archive",
				       "archive unpacks to more than %" PRId64 " bytes",
				       ARCHIVE_MAX_UNPACKED_BYTES);
	return true;
}

static bool broken(struct check *check)
{
	const char *reason = archive_error_string(check->archive);

	return error_set_field(check->err, ERR_INVALID, "archive",
			       "archive cannot be read after %" PRId64 " entries: %.120s",
			       check->facts.entries, reason ? reason : "no reason given");
}

static bool walk(struct check *check)
{
	struct archive_entry *entry;
	int status;

	while ((status = archive_read_next_header(check->archive, &entry)) == ARCHIVE_OK) {
		/* Decompresses to the end of the entry: a damaged archive shows itself here. */
		if (!entry_check(check, entry))
			return false;
		if (archive_read_data_skip(check->archive) != ARCHIVE_OK)
			return broken(check);
	}
	if (status != ARCHIVE_EOF)
		return broken(check);
	if (!check->facts.entries)
		return error_set_field(check->err, ERR_INVALID, "archive", "archive is empty");
	return true;
}

static bool check_content(struct tarball *tarball, struct archive_facts *out, struct error *err)
{
	CLEANUP(archive_cleanup) struct archive *archive = NULL;
	json_auto_t *paths = json_object();
	struct tar_source source = tarball_source(tarball);
	struct check check = {.paths = paths, .err = err};

	if (!tar_open(&source, &archive, err))
		return false;
	check.archive = archive;
	if (!walk(&check)) {
		if (source.error.code == ERR_TOO_LARGE)
			*err = source.error;
		return false;
	}
	if (!tarball_finish(tarball, &check.facts.content, err))
		return false;
	*out = check.facts;
	return true;
}

bool archive_check(const char *path, const char *format, struct archive_facts *out,
		   struct error *err)
{
	const int64_t limit =
		ARCHIVE_MAX_UNPACKED_BYTES + (int64_t)ARCHIVE_MAX_ENTRIES * ENTRY_OVERHEAD;
	CLEANUP(tarball_cleanup) struct tarball *tarball = NULL;
	CLEANUP(fd_cleanup) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set_errno(err, ERR_INTERNAL, errno, "could not open the archive");
	bool ok = tarball_open(fd, limit, TARBALL_HASH_CONTENT, &tarball, err);
	if (ok && strcmp(tarball_format(tarball), format) != 0)
		ok = error_set(err, ERR_INVALID, "archive is a %s, not a %s as its manifest says",
			       tarball_format(tarball), format);
	ok = ok && check_content(tarball, out, err);
	if (!ok && !err->field[0])
		snprintf(err->field, sizeof(err->field), "archive");
	return ok;
}
