/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/package/patch.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/strbuf.h"
#include "domain/package/archive.h"
#include "package/entry_path.h"
#include "package/patch.h"

enum {
	SMALL_FILE = 64, /* in the list of files it costs about as much as it saves */
	FILE_HEAD_MAX = 16,
	BLOCK_BYTES = 32, /* what must be equal for a page to be of use */
	HITS_MIN = 2,	  /* blocks of a page in a frame, so that it is taken along */
	LEVEL = 9,
	WINDOW_LOG = 22,
	NICENESS = 5,
	USELESS = 3, /* exit status */
};

/* For the rolling hash over a block: a polynomial in it, modulo 2^64. */
#define FACTOR UINT64_C(0x9fb21c651e98df25)

struct old_version {
	uint8_t *reference; /* its files, one behind the other */
	int64_t size;
	int count;
	struct strbuf files; /* the list of the header */
	uint32_t *blocks;    /* hash table: number of a block + 1, or 0 */
	size_t mask;
};

static void put_number(struct strbuf *out, uint64_t value, int bytes)
{
	for (; bytes > 0; bytes--, value >>= 8)
		strbuf_append_char(out, (char)(value & 0xff));
}

/* --- the older version --- */

static bool take_data(struct old_version *old, struct archive *archive, int64_t size)
{
	int64_t got = 0;
	la_ssize_t count = 1;

	while (count > 0 && got < size) {
		count = archive_read_data(archive, old->reference + old->size + got,
					  (size_t)(size - got));
		got += count > 0 ? count : 0;
	}
	return got == size;
}

static bool take_file(struct old_version *old, struct archive *archive, struct archive_entry *entry)
{
	const char *given = archive_entry_pathname(entry);
	const int64_t size = archive_entry_size(entry);
	char path[ENTRY_PATH_MAX];

	if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
	    size < SMALL_FILE || old->count == PATCH_FILES_MAX ||
	    size > PATCH_REFERENCE_MAX - old->size || !given ||
	    !entry_path_clean(given, path, sizeof(path)) ||
	    old->files.length + strlen(path) + 2 * FILE_HEAD_MAX > PATCH_HEADER_MAX)
		return true;
	if (!take_data(old, archive, size))
		return false;
	put_number(&old->files, (uint64_t)size, 8);
	put_number(&old->files, strlen(path), 2);
	strbuf_append(&old->files, path, strlen(path));
	old->size += size;
	old->count++;
	return true;
}

static bool walk_files(struct old_version *old, struct tarball *tarball, struct error *err)
{
	struct tar_source source = tarball_source(tarball);
	struct archive_entry *entry;
	struct archive *archive;
	int status;

	if (!tar_open(&source, &archive, err))
		return false;
	while ((status = archive_read_next_header(archive, &entry)) == ARCHIVE_OK)
		if (!take_file(old, archive, entry))
			break;
	bool ok = status == ARCHIVE_EOF ||
		  error_set(err, ERR_INVALID, "the older archive cannot be read");
	archive_read_free(archive);
	return ok;
}

static bool open_archive(const char *path, int *fd, struct tarball **out, struct error *err)
{
	const int64_t limit = 2 * ARCHIVE_MAX_UNPACKED_BYTES;

	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return error_set_errno(err, ERR_NOT_FOUND, errno, "cannot open %s", path);
	return tarball_open(*fd, limit, 0, out, err);
}

static bool read_old(struct old_version *old, const char *path, struct error *err)
{
	CLEANUP(fd_cleanup) int fd = -1;
	struct tarball *tarball;
	void *place = mmap(NULL, (size_t)PATCH_REFERENCE_MAX, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (place == MAP_FAILED)
		return error_set_errno(err, ERR_UNAVAILABLE, errno, "no memory for a patch");
	old->reference = place;
	if (!open_archive(path, &fd, &tarball, err))
		return false;
	bool ok = walk_files(old, tarball, err);
	tarball_free(tarball);
	return ok;
}

/* --- which pages of it a frame has use for --- */

static uint64_t hash_block(const uint8_t *block)
{
	uint64_t hash = 0;

	for (int i = 0; i < BLOCK_BYTES; i++)
		hash = hash * FACTOR + block[i];
	return hash;
}

static size_t slot_of(const struct old_version *old, uint64_t hash)
{
	return (size_t)(hash ^ hash >> 32) * 0x9e3779b1U >> 7 & old->mask;
}

/* A run of one byte is everywhere and says nothing. */
static bool is_flat(const uint8_t *block)
{
	return memcmp(block, block + 1, BLOCK_BYTES - 1) == 0;
}

/* NULL: the older version has no such block. */
static uint32_t *find_block(const struct old_version *old, const uint8_t *block, uint64_t hash)
{
	size_t slot = slot_of(old, hash);

	while (old->blocks[slot]) {
		const size_t at = (size_t)(old->blocks[slot] - 1) * BLOCK_BYTES;

		if (memcmp(old->reference + at, block, BLOCK_BYTES) == 0)
			break;
		slot = (slot + 1) & old->mask;
	}
	return &old->blocks[slot];
}

static void index_blocks(struct old_version *old)
{
	const size_t count = (size_t)old->size / BLOCK_BYTES;
	size_t slots = 1024;

	while (slots < 2 * count)
		slots *= 2;
	old->blocks = xcalloc(slots, sizeof(*old->blocks));
	old->mask = slots - 1;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *block = old->reference + i * BLOCK_BYTES;
		uint32_t *slot = find_block(old, block, hash_block(block));

		if (!*slot && !is_flat(block))
			*slot = (uint32_t)i + 1;
	}
}

/* Counts for each page how many of its blocks are in the frame, wherever they begin there. */
static void count_hits(const struct old_version *old, const uint8_t *frame, size_t size,
		       uint32_t *hits)
{
	uint64_t leaving = 1, hash = 0;
	bool fresh = true;

	for (int i = 0; i < BLOCK_BYTES; i++)
		leaving *= FACTOR;
	for (size_t at = 0; at + BLOCK_BYTES <= size;) {
		hash = fresh ? hash_block(frame + at)
			     : hash * FACTOR + frame[at + BLOCK_BYTES - 1] -
				       leaving * frame[at - 1];
		const uint32_t found = *find_block(old, frame + at, hash);
		fresh = found != 0;
		if (found)
			hits[(size_t)(found - 1) * BLOCK_BYTES / PATCH_PAGE_BYTES]++;
		at += found ? BLOCK_BYTES : 1;
	}
}

struct candidate {
	uint32_t page, hits;
};

static int by_hits(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	return (left->hits < right->hits) - (left->hits > right->hits);
}

static int by_page(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	return (left->page > right->page) - (left->page < right->page);
}

/* The best ones, in their order. */
static size_t choose_pages(const struct old_version *old, const uint8_t *frame, size_t size,
			   uint32_t out[PATCH_PAGES_MAX])
{
	const size_t pages = (size_t)(old->size + PATCH_PAGE_BYTES - 1) / PATCH_PAGE_BYTES;
	uint32_t *hits = xcalloc(pages + 1, sizeof(*hits));
	struct candidate *best = xcalloc(pages + 1, sizeof(*best));
	size_t count = 0;

	count_hits(old, frame, size, hits);
	for (size_t i = 0; i < pages; i++)
		if (hits[i] >= HITS_MIN)
			best[count++] = (struct candidate){(uint32_t)i, hits[i]};
	qsort(best, count, sizeof(*best), by_hits);
	count = count < PATCH_PAGES_MAX ? count : PATCH_PAGES_MAX;
	qsort(best, count, sizeof(*best), by_page);
	for (size_t i = 0; i < count; i++)
		out[i] = best[i].page;
	free(hits);
	free(best);
	return count;
}

/* --- the patch --- */

static bool write_buffer(FILE *out, const struct strbuf *buffer)
{
	return fwrite(buffer->data, buffer->length, 1, out) == 1;
}

static bool write_header(const struct old_version *old, int64_t tar_size, FILE *out)
{
	struct strbuf header, start;

	strbuf_init(&header, NULL, PATCH_HEADER_MAX + FILE_HEAD_MAX);
	put_number(&header, (uint64_t)tar_size, 8);
	put_number(&header, (uint64_t)old->count, 4);
	strbuf_append(&header, old->files.data, old->files.length);
	const size_t bound = ZSTD_compressBound(header.length);
	char *packed = xcalloc(1, bound);
	const size_t size = ZSTD_compress(packed, bound, header.data, header.length, LEVEL);
	strbuf_init(&start, NULL, PATCH_START_SIZE);
	strbuf_append(&start, PATCH_MAGIC, PATCH_MAGIC_SIZE);
	put_number(&start, size, 4);
	put_number(&start, header.length, 4);
	bool ok = !ZSTD_isError(size) && write_buffer(out, &start) &&
		  fwrite(packed, size, 1, out) == 1;
	free(packed);
	strbuf_release(&header);
	strbuf_release(&start);
	return ok;
}

struct writer {
	const struct old_version *old;
	ZSTD_CCtx *encoder;
	FILE *out;
	size_t filled;
	uint8_t frame[PATCH_FRAME_BYTES]; /* of the tar */
	uint8_t packed[ZSTD_COMPRESSBOUND(PATCH_FRAME_BYTES)];
	uint8_t pages[PATCH_PAGES_MAX * PATCH_PAGE_BYTES];
};

static size_t copy_pages(struct writer *writer, const uint32_t *ids, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++) {
		const int64_t offset = (int64_t)ids[i] * PATCH_PAGE_BYTES;
		const int64_t left = writer->old->size - offset;
		const size_t length = left < PATCH_PAGE_BYTES ? (size_t)left : PATCH_PAGE_BYTES;

		memcpy(writer->pages + size, writer->old->reference + offset, length);
		size += length;
	}
	return size;
}

static bool write_frame_head(struct writer *writer, size_t packed, const uint32_t *ids,
			     size_t count)
{
	struct strbuf head;

	strbuf_init(&head, NULL, 4096);
	put_number(&head, writer->filled, 4);
	put_number(&head, packed, 4);
	put_number(&head, count, 4);
	for (size_t i = 0; i < count; i++)
		put_number(&head, ids[i], 4);
	bool ok = write_buffer(writer->out, &head);
	strbuf_release(&head);
	return ok;
}

static bool flush_frame(struct writer *writer)
{
	uint32_t ids[PATCH_PAGES_MAX];

	if (writer->filled == 0)
		return true;
	const size_t count = choose_pages(writer->old, writer->frame, writer->filled, ids);
	const size_t old = copy_pages(writer, ids, count);
	ZSTD_CCtx_refPrefix(writer->encoder, writer->pages, old);
	const size_t size = ZSTD_compress2(writer->encoder, writer->packed, sizeof(writer->packed),
					   writer->frame, writer->filled);
	bool ok = !ZSTD_isError(size) && write_frame_head(writer, size, ids, count) &&
		  fwrite(writer->packed, size, 1, writer->out) == 1;
	writer->filled = 0;
	return ok;
}

static bool write_some(struct writer *writer, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t part = PATCH_FRAME_BYTES - writer->filled;

		part = part < size ? part : size;
		memcpy(writer->frame + writer->filled, data, part);
		writer->filled += part;
		data += part;
		size -= part;
		if (writer->filled == PATCH_FRAME_BYTES && !flush_frame(writer))
			return false;
	}
	return true;
}

static bool write_frames(struct writer *writer, struct tarball *tarball, struct error *err)
{
	const void *data;
	size_t size;

	do {
		if (!tarball_read(tarball, &data, &size, err))
			return false;
		if (size > 0 && !write_some(writer, data, size))
			return error_set_errno(err, ERR_UNAVAILABLE, errno,
					       "could not write the patch");
	} while (size > 0);
	return flush_frame(writer) ||
	       error_set_errno(err, ERR_UNAVAILABLE, errno, "could not write the patch");
}

static bool tar_size(const char *path, int64_t *size, struct error *err)
{
	CLEANUP(fd_cleanup) int fd = -1;
	struct tarball_facts facts;
	struct tarball *tarball;

	if (!open_archive(path, &fd, &tarball, err))
		return false;
	bool ok = tarball_finish(tarball, &facts, err);
	tarball_free(tarball);
	*size = facts.content_bytes;
	return ok;
}

static bool write_patch(struct old_version *old, const char *new_archive, FILE *out,
			struct error *err)
{
	CLEANUP(fd_cleanup) int fd = -1;
	struct tarball *tarball;
	int64_t size;

	if (!tar_size(new_archive, &size, err) || !open_archive(new_archive, &fd, &tarball, err))
		return false;
	index_blocks(old);
	struct writer *writer = xcalloc(1, sizeof(*writer));
	writer->old = old;
	writer->out = out;
	writer->encoder = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(writer->encoder, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(writer->encoder, ZSTD_c_windowLog, WINDOW_LOG);
	bool ok = write_header(old, size, out) ? write_frames(writer, tarball, err)
					       : error_set_errno(err, ERR_UNAVAILABLE, errno,
								 "could not write the patch");
	ZSTD_freeCCtx(writer->encoder);
	free(writer);
	tarball_free(tarball);
	return ok;
}

bool patch_make(const char *old_archive, const char *new_archive, const char *path,
		int64_t *size_bytes, struct error *err)
{
	struct old_version old = {0};
	bool ok = false;

	strbuf_init(&old.files, NULL, PATCH_HEADER_MAX);
	FILE *out = fopen(path, "wxe");
	if (!out)
		error_set_errno(err, ERR_UNAVAILABLE, errno, "cannot write %s", path);
	else
		ok = read_old(&old, old_archive, err) && write_patch(&old, new_archive, out, err);
	if (ok && (fflush(out) != 0 || fsync(fileno(out)) != 0))
		ok = error_set_errno(err, ERR_UNAVAILABLE, errno, "could not write %s", path);
	*size_bytes = ok ? ftello(out) : 0;
	if (out)
		fclose(out);
	if (old.reference)
		munmap(old.reference, (size_t)PATCH_REFERENCE_MAX);
	strbuf_release(&old.files);
	free(old.blocks);
	return ok;
}

int patch_main(int argc, char **argv)
{
	struct error err = {0};
	struct stat status;
	int64_t size;

	if (argc != 3)
		return 2;
	(void)setpriority(PRIO_PROCESS, 0, NICENESS);
	if (!patch_make(argv[0], argv[1], argv[2], &size, &err)) {
		fprintf(stderr, "musterd make-patch: %s\n", err.text);
		return 1;
	}
	/* Less than a quarter is not worth the work on the device. */
	if (stat(argv[1], &status) != 0 || size > status.st_size / 4 * 3)
		return USELESS;
	return 0;
}
