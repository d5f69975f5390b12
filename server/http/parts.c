/* SPDX-License-Identifier: Apache-2.0 */
/* An answer that is put together of bytes and files while it is sent, so that it is never whole. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/internal.h"

enum { BLOCK_BYTES = 64 << 10 };

struct parts {
	size_t count, current;
	int64_t begin; /* offset of the current one in the answer */
	struct reply_part list[];
};

static void release(void *arg)
{
	struct parts *parts = arg;

	for (size_t i = 0; i < parts->count; i++)
		if (parts->list[i].fd >= 0)
			close(parts->list[i].fd);
	free(parts);
}

static ssize_t read_part(const struct reply_part *part, int64_t at, char *out, size_t size)
{
	ssize_t count;

	if ((int64_t)size > part->size - at)
		size = (size_t)(part->size - at);
	if (part->fd < 0) {
		memcpy(out, (const char *)part->data + at, size);
		return (ssize_t)size;
	}
	do
		count = pread(part->fd, out, size, at);
	while (count < 0 && errno == EINTR);
	return count;
}

/* The library asks for one piece after the other. */
static ssize_t give(void *arg, uint64_t position, char *out, size_t size)
{
	struct parts *parts = arg;

	while (parts->current < parts->count &&
	       (int64_t)position >= parts->begin + parts->list[parts->current].size)
		parts->begin += parts->list[parts->current++].size;
	if (parts->current == parts->count)
		return MHD_CONTENT_READER_END_OF_STREAM;
	ssize_t count = read_part(&parts->list[parts->current], (int64_t)position - parts->begin,
				  out, size);
	/* A file that has become shorter: the length was promised, so the answer breaks off. */
	return count > 0 ? count : MHD_CONTENT_READER_END_WITH_ERROR;
}

bool request_reply_parts(struct request *req, const char *content_type, const char *filename,
			 const struct reply_part *list, size_t count)
{
	struct parts *parts = xcalloc(1, sizeof(*parts) + count * sizeof(*list));
	int64_t size = 0;

	parts->count = count;
	memcpy(parts->list, list, count * sizeof(*list));
	for (size_t i = 0; i < count; i++)
		size += list[i].size;
	request_reply_header(req, "Content-Type", content_type);
	request_reply_header(req, "Content-Disposition",
			     arena_printf(req->arena, "attachment; filename=\"%s\"", filename));
	return reply_reader(req, size, BLOCK_BYTES, give, parts, release);
}
