/* SPDX-License-Identifier: Apache-2.0 */
#include "package/patch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/file.h"
#include "package/entry_path.h"

enum { HEADER_HEAD = 12, FILE_HEAD = 10, FRAME_HEAD = 12, PAGE_ID = 4 };

struct file {
	int64_t begin; /* in all files together */
	const char *path;
};

struct patch {
	int base; /* the older version's folder */
	int fd;
	off_t frames; /* where they begin in the file */
	int64_t tar_size;
	int64_t done;
	struct arena *arena; /* of the files */
	struct file *files;  /* one more than there are: its begin is the end of all */
	size_t file_count;
	int open_file; /* the one of file_index */
	size_t file_index;
	ZSTD_DCtx *decoder;
	uint8_t out[PATCH_FRAME_BYTES];
	uint8_t in[ZSTD_COMPRESSBOUND(PATCH_FRAME_BYTES)];
	uint8_t pages[PATCH_PAGES_MAX * PATCH_PAGE_BYTES];
};

static uint64_t number(const uint8_t *bytes, int count)
{
	uint64_t value = 0;

	while (count-- > 0)
		value = value << 8 | bytes[count];
	return value;
}

static bool malformed(struct error *err, const char *what)
{
	return error_set(err, ERR_INVALID, "the patch is damaged: %s", what);
}

static bool read_exactly(struct patch *patch, void *out, size_t size, struct error *err)
{
	for (size_t got = 0; got < size;) {
		ssize_t count = read(patch->fd, (uint8_t *)out + got, size - got);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return error_set_errno(err, ERR_UNAVAILABLE, errno,
					       "cannot read the patch");
		if (count == 0)
			return malformed(err, "it ends too early");
		got += (size_t)count;
	}
	return true;
}

static bool read_header(struct patch *patch, uint8_t **out, size_t *size, struct error *err)
{
	uint8_t start[PATCH_START_SIZE];

	if (!read_exactly(patch, start, sizeof(start), err))
		return false;
	size_t packed = (size_t)number(start + PATCH_MAGIC_SIZE, 4);
	*size = (size_t)number(start + PATCH_MAGIC_SIZE + 4, 4);
	if (memcmp(start, PATCH_MAGIC, PATCH_MAGIC_SIZE) != 0)
		return malformed(err, "it does not begin like one");
	if (*size < HEADER_HEAD || *size > PATCH_HEADER_MAX || packed > ZSTD_COMPRESSBOUND(*size))
		return malformed(err, "its header has an odd size");
	uint8_t *input = xcalloc(1, packed + 1);
	*out = xcalloc(1, *size);
	bool ok = read_exactly(patch, input, packed, err);
	if (ok && ZSTD_decompressDCtx(patch->decoder, *out, *size, input, packed) != *size)
		ok = malformed(err, "its header cannot be unpacked");
	free(input);
	patch->frames = lseek(patch->fd, 0, SEEK_CUR);
	return ok;
}

/* One file of the list; *left shrinks. */
static bool next_file(struct patch *patch, const uint8_t **list, size_t *left, struct error *err)
{
	struct file *file = &patch->files[patch->file_count];
	char path[ENTRY_PATH_MAX], clean[ENTRY_PATH_MAX];

	if (*left < FILE_HEAD)
		return malformed(err, "its list of files is cut off");
	uint64_t size = number(*list, 8);
	size_t length = (size_t)number(*list + 8, 2);
	if (length >= sizeof(path) || length > *left - FILE_HEAD || size == 0 ||
	    size > (uint64_t)(PATCH_REFERENCE_MAX - file->begin))
		return malformed(err, "its list of files has an odd size");
	memcpy(path, *list + FILE_HEAD, length);
	path[length] = '\0';
	if (strlen(path) != length || !entry_path_clean(path, clean, sizeof(clean)) ||
	    strcmp(clean, path) != 0)
		return malformed(err, "it names a file outside of the package");
	file->path = arena_strdup(patch->arena, path);
	file[1].begin = file->begin + (int64_t)size;
	patch->file_count++;
	*list += FILE_HEAD + length;
	*left -= FILE_HEAD + length;
	return true;
}

static bool take_header(struct patch *patch, const uint8_t *header, size_t size,
			int64_t max_tar_bytes, struct error *err)
{
	const uint64_t tar_size = number(header, 8), count = number(header + 8, 4);
	const uint8_t *list = header + HEADER_HEAD;
	size_t left = size - HEADER_HEAD;

	if (tar_size > (uint64_t)max_tar_bytes)
		return error_set(err, ERR_TOO_LARGE, "the patch makes more than %lld bytes",
				 (long long)max_tar_bytes);
	if (count > PATCH_FILES_MAX)
		return malformed(err, "it names too many files");
	patch->tar_size = (int64_t)tar_size;
	patch->files = arena_array(patch->arena, (size_t)count + 1, sizeof(*patch->files));
	while (patch->file_count < count)
		if (!next_file(patch, &list, &left, err))
			return false;
	return left == 0 || malformed(err, "its list of files has an odd size");
}

/* --- the older version --- */

static bool open_file(struct patch *patch, size_t index, struct error *err)
{
	const struct file *file = &patch->files[index];
	struct stat status;

	if (patch->open_file >= 0 && patch->file_index == index)
		return true;
	fd_cleanup(&patch->open_file);
	patch->file_index = index;
	patch->open_file =
		openat(patch->base, file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (patch->open_file >= 0 && fstat(patch->open_file, &status) == 0 &&
	    S_ISREG(status.st_mode) && status.st_size == file[1].begin - file->begin)
		return true;
	return error_set(err, ERR_INVALID, "%.100s of the older version is not as it was",
			 file->path);
}

static size_t find_file(const struct patch *patch, int64_t offset)
{
	size_t low = 0, high = patch->file_count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (patch->files[middle].begin <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static bool read_old(struct patch *patch, int64_t offset, size_t size, uint8_t *out,
		     struct error *err)
{
	for (size_t i = find_file(patch, offset); size > 0; i++) {
		const int64_t left = patch->files[i + 1].begin - offset;
		size_t part = (int64_t)size < left ? size : (size_t)left;

		if (!open_file(patch, i, err))
			return false;
		ssize_t count = pread(patch->open_file, out, part, offset - patch->files[i].begin);
		if (count != (ssize_t)part)
			return error_set(err, ERR_UNAVAILABLE,
					 "cannot read %.100s of the older version",
					 patch->files[i].path);
		out += part;
		offset += count;
		size -= part;
	}
	return true;
}

/* Brings the pages of a frame; *size is that of all. */
static bool read_pages(struct patch *patch, size_t count, size_t *size, struct error *err)
{
	const int64_t end = patch->files[patch->file_count].begin;
	uint8_t ids[PATCH_PAGES_MAX * PAGE_ID];
	int64_t least = 0;

	*size = 0;
	if (!read_exactly(patch, ids, count * PAGE_ID, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		const int64_t offset = (int64_t)number(ids + i * PAGE_ID, 4) * PATCH_PAGE_BYTES;
		int64_t length = end - offset < PATCH_PAGE_BYTES ? end - offset : PATCH_PAGE_BYTES;

		if (offset < least || length <= 0)
			return malformed(err, "a frame names an odd page");
		if (!read_old(patch, offset, (size_t)length, patch->pages + *size, err))
			return false;
		*size += (size_t)length;
		least = offset + length;
	}
	return true;
}

static bool set_up(struct patch *patch, int64_t max_tar_bytes, struct error *err)
{
	uint8_t *header = NULL;
	size_t size;
	bool ok = read_header(patch, &header, &size, err) &&
		  take_header(patch, header, size, max_tar_bytes, err);

	free(header);
	return ok;
}

bool patch_open(const char *path, const char *base, int64_t max_tar_bytes, struct patch **out,
		struct error *err)
{
	struct patch *patch = xcalloc(1, sizeof(*patch));
	bool ok;

	patch->open_file = -1;
	patch->arena = arena_new();
	patch->decoder = ZSTD_createDCtx();
	patch->base = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	patch->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (patch->fd >= 0 && patch->base >= 0)
		ok = set_up(patch, max_tar_bytes, err);
	else
		ok = error_set_errno(err, ERR_UNAVAILABLE, errno, "cannot open %s",
				     patch->base < 0 ? base : path);
	if (!ok) {
		patch_free(patch);
		return false;
	}
	*out = patch;
	return true;
}

void patch_free(struct patch *patch)
{
	if (!patch)
		return;
	ZSTD_freeDCtx(patch->decoder);
	fd_cleanup(&patch->open_file);
	fd_cleanup(&patch->base);
	fd_cleanup(&patch->fd);
	arena_free(patch->arena);
	free(patch);
}

bool patch_read(struct patch *patch, const void **data, size_t *size, struct error *err)
{
	uint8_t head[FRAME_HEAD];
	size_t old;

	*size = 0;
	if (patch->done == patch->tar_size)
		return true;
	if (!read_exactly(patch, head, sizeof(head), err))
		return false;
	const size_t out = (size_t)number(head, 4), in = (size_t)number(head + 4, 4);
	const size_t pages = (size_t)number(head + 8, 4);
	if (out == 0 || out > sizeof(patch->out) || in > sizeof(patch->in) ||
	    pages > PATCH_PAGES_MAX || (int64_t)out > patch->tar_size - patch->done)
		return malformed(err, "a frame has an odd size");
	if (!read_pages(patch, pages, &old, err) || !read_exactly(patch, patch->in, in, err))
		return false;
	/* Holds for one frame. Old bytes are never taken for a dictionary of zstd's own kind. */
	ZSTD_DCtx_refPrefix(patch->decoder, patch->pages, old);
	if (ZSTD_decompressDCtx(patch->decoder, patch->out, out, patch->in, in) != out)
		return malformed(err, "a frame cannot be unpacked");
	patch->done += (int64_t)out;
	*data = patch->out;
	*size = out;
	return true;
}

bool patch_rewind(struct patch *patch, struct error *err)
{
	patch->done = 0;
	return lseek(patch->fd, patch->frames, SEEK_SET) == patch->frames ||
	       error_set_errno(err, ERR_UNAVAILABLE, errno, "cannot read the patch again");
}

static bool source_read(void *arg, const void **data, size_t *size, struct error *err)
{
	return patch_read(arg, data, size, err);
}

struct tar_source patch_source(struct patch *patch)
{
	return (struct tar_source){.read = source_read, .arg = patch};
}
