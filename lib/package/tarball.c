/* SPDX-License-Identifier: Apache-2.0 */
#include "package/tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/encoding.h"

enum { READ_BYTES = 64 * 1024 };

#define AR_MAGIC "!<arch>\n"

struct tarball {
	int fd;
	int64_t max_bytes;
	struct archive *package; /* the ar around the data of a .deb, or NULL */
	struct archive *stream;	 /* decompresses */
	struct sha256 *file_hash;
	struct sha256 *content_hash;
	int64_t content_bytes;
	bool ended;
	size_t first; /* bytes in the buffer that were read to know the format */
	uint8_t buffer[READ_BYTES];
};

static const struct {
	int filter; /* of libarchive */
	const char *format;
} FORMATS[] = {
	{ARCHIVE_FILTER_NONE, "tar"},
	{ARCHIVE_FILTER_GZIP, "tar.gz"},
	{ARCHIVE_FILTER_XZ, "tar.xz"},
	{ARCHIVE_FILTER_ZSTD, "tar.zst"},
};

static ssize_t read_some(struct tarball *tarball)
{
	ssize_t count;

	do
		count = read(tarball->fd, tarball->buffer, sizeof(tarball->buffer));
	while (count < 0 && errno == EINTR);
	if (count > 0 && tarball->file_hash)
		sha256_update(tarball->file_hash, tarball->buffer, (size_t)count);
	return count;
}

static la_ssize_t read_file(struct archive *archive, void *arg, const void **data)
{
	struct tarball *tarball = arg;
	ssize_t count = (ssize_t)tarball->first;

	tarball->first = 0;
	if (count == 0)
		count = read_some(tarball);
	if (count < 0)
		archive_set_error(archive, errno, "could not read the archive");
	*data = tarball->buffer;
	return count;
}

/* 0 at the end. */
static la_ssize_t read_block(struct archive *from, const void **data)
{
	size_t size = 0;
	int64_t offset;

	while (size == 0) {
		int code = archive_read_data_block(from, data, &size, &offset);

		if (code == ARCHIVE_EOF)
			return 0;
		if (code != ARCHIVE_OK)
			return -1;
	}
	return (la_ssize_t)size;
}

static la_ssize_t read_member(struct archive *archive, void *arg, const void **data)
{
	struct tarball *tarball = arg;
	la_ssize_t count = read_block(tarball->package, data);

	if (count < 0)
		archive_set_error(archive, EINVAL, "%s", archive_error_string(tarball->package));
	return count;
}

static bool damaged(struct archive *archive, struct error *err)
{
	const char *reason = archive_error_string(archive);

	return error_set(err, ERR_INVALID, "the archive is damaged: %s",
			 reason ? reason : "it ends too early");
}

/* Up to the member with the files: debian-binary, control.tar.*, data.tar.* (deb(5)). */
static bool find_data(struct tarball *tarball, struct error *err)
{
	struct archive_entry *entry;

	tarball->package = archive_read_new();
	archive_read_support_format_ar(tarball->package);
	if (archive_read_open(tarball->package, tarball, NULL, read_file, NULL) != ARCHIVE_OK)
		return damaged(tarball->package, err);
	for (int member = 0; archive_read_next_header(tarball->package, &entry) == ARCHIVE_OK;
	     member++) {
		const char *name = archive_entry_pathname(entry);

		if (member == 0 && (!name || strcmp(name, "debian-binary") != 0))
			break;
		if (name && strncmp(name, "data.tar", 8) == 0)
			return true;
	}
	return error_set(err, ERR_INVALID, "this is not a Debian package");
}

static bool open_stream(struct tarball *tarball, struct error *err)
{
	archive_read_callback *reader = tarball->package ? read_member : read_file;
	struct archive_entry *entry;

	tarball->stream = archive_read_new();
	archive_read_support_format_raw(tarball->stream);
	archive_read_support_filter_gzip(tarball->stream);
	archive_read_support_filter_xz(tarball->stream);
	archive_read_support_filter_zstd(tarball->stream);
	if (archive_read_open(tarball->stream, tarball, NULL, reader, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(tarball->stream, &entry) != ARCHIVE_OK)
		return damaged(tarball->stream, err);
	/* The last one is "none". More than one is a bomb or a mistake. */
	return archive_filter_count(tarball->stream) <= 2 ||
	       error_set(err, ERR_INVALID, "the archive is compressed more than once");
}

bool tarball_open(int fd, int64_t max_bytes, unsigned flags, struct tarball **out,
		  struct error *err)
{
	struct tarball *tarball = xcalloc(1, sizeof(*tarball));

	tarball->fd = fd;
	tarball->max_bytes = max_bytes;
	if (flags & TARBALL_HASH_FILE)
		tarball->file_hash = sha256_new();
	if (flags & TARBALL_HASH_CONTENT)
		tarball->content_hash = sha256_new();
	ssize_t count = read_some(tarball);
	tarball->first = count > 0 ? (size_t)count : 0;
	bool package = count > (ssize_t)strlen(AR_MAGIC) &&
		       memcmp(tarball->buffer, AR_MAGIC, strlen(AR_MAGIC)) == 0;
	if ((package && !find_data(tarball, err)) || !open_stream(tarball, err)) {
		tarball_free(tarball);
		return false;
	}
	*out = tarball;
	return true;
}

void tarball_free(struct tarball *tarball)
{
	if (!tarball)
		return;
	archive_read_free(tarball->stream);
	archive_read_free(tarball->package);
	sha256_free(tarball->file_hash);
	sha256_free(tarball->content_hash);
	free(tarball);
}

bool tarball_read(struct tarball *tarball, const void **data, size_t *size, struct error *err)
{
	la_ssize_t count = tarball->ended ? 0 : read_block(tarball->stream, data);

	if (count < 0)
		return damaged(tarball->stream, err);
	if (count > tarball->max_bytes - tarball->content_bytes)
		return error_set(err, ERR_TOO_LARGE, "the archive unpacks to more than %lld bytes",
				 (long long)tarball->max_bytes);
	tarball->ended = count == 0;
	tarball->content_bytes += count;
	if (tarball->content_hash && count > 0)
		sha256_update(tarball->content_hash, *data, (size_t)count);
	*size = (size_t)count;
	return true;
}

const char *tarball_format(const struct tarball *tarball)
{
	int filter = archive_filter_code(tarball->stream, 0);

	if (tarball->package)
		return "deb";
	for (size_t i = 0; i < ARRAY_SIZE(FORMATS); i++)
		if (FORMATS[i].filter == filter)
			return FORMATS[i].format;
	return "unknown";
}

static void finish_hash(struct sha256 *hash, char out[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_SIZE];

	out[0] = '\0';
	if (!hash)
		return;
	sha256_final(hash, digest);
	hex_encode(digest, sizeof(digest), out);
}

bool tarball_finish(struct tarball *tarball, struct tarball_facts *out, struct error *err)
{
	const void *data;
	size_t size = 1;
	ssize_t count;

	while (size > 0)
		if (!tarball_read(tarball, &data, &size, err))
			return false;
	/* What lies behind the end of the archive counts for its hash too. */
	while ((count = read_some(tarball)) > 0)
		;
	if (count < 0)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "could not read the archive");
	out->format = tarball_format(tarball);
	out->content_bytes = tarball->content_bytes;
	finish_hash(tarball->file_hash, out->file_sha256);
	finish_hash(tarball->content_hash, out->content_sha256);
	return true;
}

static bool source_read(void *arg, const void **data, size_t *size, struct error *err)
{
	return tarball_read(arg, data, size, err);
}

struct tar_source tarball_source(struct tarball *tarball)
{
	return (struct tar_source){.read = source_read, .arg = tarball};
}

static la_ssize_t read_source(struct archive *archive, void *arg, const void **data)
{
	struct tar_source *source = arg;
	size_t size;

	if (source->read(source->arg, data, &size, &source->error))
		return (la_ssize_t)size;
	archive_set_error(archive, EINVAL, "%s", source->error.text);
	return -1;
}

bool tar_open(struct tar_source *source, struct archive **out, struct error *err)
{
	struct archive *archive = archive_read_new();

	source->error = (struct error){0};
	archive_read_support_format_tar(archive);
	archive_read_set_options(archive, "hdrcharset=UTF-8");
	if (archive_read_open(archive, source, NULL, read_source, NULL) == ARCHIVE_OK) {
		*out = archive;
		return true;
	}
	if (source->error.code != ERR_NONE)
		*err = source->error;
	else
		error_set(err, ERR_INVALID, "this is not a tar archive: %s",
			  archive_error_string(archive));
	archive_read_free(archive);
	return false;
}
