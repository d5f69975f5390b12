/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/package/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/encoding.h"

enum { BLOCK_BYTES = 64 << 10 };

struct check {
	struct archive *archive;
	json_t *symlinks; /* used as a set of paths */
	struct archive_facts facts;
	struct error *err;
};

static void archive_cleanup(struct archive **archive)
{
	archive_read_free(*archive);
}

static bool refuse(struct check *check, const char *path, const char *reason)
{
	return error_set_field(check->err, ERR_INVALID, "archive", "archive entry \"%.120s\": %s",
			       path, reason);
}

/*
 * A target may climb at its start only, and not above the root: from there on it can only descend. A
 * later ".." behind another symlink could lead anywhere.
 */
static bool stays_inside(const char *target, int depth)
{
	bool climbing = true;

	while (*target) {
		size_t size = strcspn(target, "/");

		if (size == 2 && target[0] == '.' && target[1] == '.') {
			if (!climbing || --depth < 0)
				return false;
		} else if (size > 0 && !(size == 1 && target[0] == '.')) {
			climbing = false;
		}
		target += size;
		target += *target == '/';
	}
	return true;
}

static bool has_parent_segment(const char *path)
{
	for (const char *found = path; (found = strstr(found, "..")); found += 2) {
		bool starts = found == path || found[-1] == '/';

		if (starts && (found[2] == '/' || !found[2]))
			return true;
	}
	return false;
}

static bool path_check(struct check *check, const char *path)
{
	size_t length = path ? strlen(path) : 0;

	if (!path || !utf8_valid(path, length))
		return refuse(check, path ? path : "", "name is not UTF-8");
	if (length == 0 || length > ARCHIVE_MAX_PATH)
		return refuse(check, path, "name is empty or longer than 1024 bytes");
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return refuse(check, path, "name holds control characters");
	if (path[0] == '/' || has_parent_segment(path))
		return refuse(check, path, "path leads out of the archive");
	return true;
}

/* "./a//b/" and "a/b" are the same path. */
static void normalise(const char *path, char out[ARCHIVE_MAX_PATH + 1])
{
	size_t length = 0;

	while (*path) {
		size_t size = strcspn(path, "/");

		if (size > 0 && !(size == 1 && path[0] == '.')) {
			if (length)
				out[length++] = '/';
			memcpy(out + length, path, size);
			length += size;
		}
		path += size;
		path += *path == '/';
	}
	out[length] = '\0';
}

/* An earlier symlink on the way would let the entry land elsewhere. */
static bool way_check(struct check *check, const char *path)
{
	char way[ARCHIVE_MAX_PATH + 1];

	normalise(path, way);
	for (char *end = way + strlen(way); end; end = strrchr(way, '/')) {
		*end = '\0';
		if (json_object_get(check->symlinks, way))
			return refuse(check, path, "is below or replaces a symlink of the archive");
	}
	return true;
}

static bool symlink_check(struct check *check, const char *path, struct archive_entry *entry)
{
	const char *target = archive_entry_symlink(entry);
	char clean[ARCHIVE_MAX_PATH + 1];
	int depth = 0;

	normalise(path, clean);
	for (const char *c = clean; *c; c++)
		depth += *c == '/';
	if (!target || !target[0] || strlen(target) > ARCHIVE_MAX_PATH)
		return refuse(check, path, "symlink has no usable target");
	if (target[0] == '/' || !stays_inside(target, depth))
		return refuse(check, path, "symlink leads out of the archive");
	if (json_object_size(check->symlinks) >= ARCHIVE_MAX_SYMLINKS)
		return error_set_field(check->err, ERR_TOO_LARGE, "archive",
				       "archive has more than %d symlinks", ARCHIVE_MAX_SYMLINKS);
	json_object_set_new(check->symlinks, clean, json_true());
	return true;
}

static bool entry_check(struct check *check, struct archive_entry *entry)
{
	const char *path = archive_entry_pathname(entry);
	int64_t size = archive_entry_size(entry);

	if (!path_check(check, path) || !way_check(check, path))
		return false;
	if (++check->facts.entries > ARCHIVE_MAX_ENTRIES)
		return error_set_field(check->err, ERR_TOO_LARGE, "archive",
				       "archive has more than %d entries", ARCHIVE_MAX_ENTRIES);
	if (archive_entry_hardlink(entry))
		return refuse(check, path, "is a hard link");
	if (archive_entry_sparse_count(entry) > 0)
		return refuse(check, path, "is a sparse file");
	switch (archive_entry_filetype(entry)) {
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

static bool walk(struct check *check, int filter, const char *format)
{
	struct archive_entry *entry;
	int status;

	while ((status = archive_read_next_header(check->archive, &entry)) == ARCHIVE_OK) {
		if (archive_filter_code(check->archive, 0) != filter)
			return error_set_field(check->err, ERR_INVALID, "archive",
					       "archive is not a %s as its manifest says", format);
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

bool archive_check(const char *path, const char *format, struct archive_facts *out,
		   struct error *err)
{
	CLEANUP(archive_cleanup) struct archive *archive = archive_read_new();
	json_auto_t *symlinks = json_object();
	struct check check = {.archive = archive, .symlinks = symlinks, .err = err};
	bool zstd = strcmp(format, "tar.zst") == 0;

	if (!archive)
		return error_set(err, ERR_INTERNAL, "could not make an archive reader");
	archive_read_support_format_tar(archive);
	if (zstd)
		archive_read_support_filter_zstd(archive);
	else
		archive_read_support_filter_gzip(archive);
	archive_read_set_options(archive, "hdrcharset=UTF-8");
	if (archive_read_open_filename(archive, path, BLOCK_BYTES) != ARCHIVE_OK)
		return broken(&check);
	if (!walk(&check, zstd ? ARCHIVE_FILTER_ZSTD : ARCHIVE_FILTER_GZIP, format))
		return false;
	*out = check.facts;
	return true;
}
