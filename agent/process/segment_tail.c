/* SPDX-License-Identifier: Apache-2.0 */
#include "process/segment_tail.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "process/segment.h"

enum { BLOCK = 16 * 1024 };

static int open_number(const char *folder, uint64_t number)
{
	char path[4096];

	if (!segment_path(folder, number, path, sizeof(path)))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* Goes back over newlines from the end. True: the place with lines records behind it was found. */
static bool go_back(int fd, int64_t end, size_t *lines, int64_t *offset)
{
	char block[BLOCK];

	while (end > 0) {
		int64_t begin = end > BLOCK ? end - BLOCK : 0;
		ssize_t size = pread(fd, block, (size_t)(end - begin), begin);

		for (ssize_t i = size - 1; i >= 0; i--) {
			if (block[i] != '\n')
				continue;
			if (*lines == 0) {
				*offset = begin + i + 1;
				return true;
			}
			--*lines;
		}
		end = begin;
	}
	return false;
}

void segment_tail(const char *folder, size_t lines, struct segment_cursor *cursor)
{
	struct error ignored = {0};
	uint64_t oldest, newest;

	*cursor = (struct segment_cursor){0};
	if (!segment_range(folder, &oldest, &newest, &ignored))
		return;
	for (uint64_t number = newest; number >= oldest; number--) {
		CLEANUP(fd_cleanup) int fd = open_number(folder, number);
		struct stat status;
		int64_t offset;

		cursor->segment = number;
		if (fd < 0 || fstat(fd, &status) != 0)
			continue;
		if (go_back(fd, status.st_size, &lines, &offset)) {
			cursor->offset = offset;
			return;
		}
	}
}

/* The end of the last whole record in buffer. */
static size_t whole_records(const char *buffer, size_t size)
{
	const char *end = memrchr(buffer, '\n', size);

	return end ? (size_t)(end - buffer) + 1 : 0;
}

size_t segment_read(const char *folder, struct segment_cursor *cursor, char *buffer, size_t size)
{
	struct error ignored = {0};
	uint64_t oldest, newest;

	if (!segment_range(folder, &oldest, &newest, &ignored))
		return 0;
	if (cursor->segment < oldest || cursor->segment > newest)
		*cursor = (struct segment_cursor){.segment = oldest};
	while (cursor->segment <= newest) {
		CLEANUP(fd_cleanup) int fd = open_number(folder, cursor->segment);
		ssize_t count = fd >= 0 ? pread(fd, buffer, size, cursor->offset) : 0;
		size_t whole = count > 0 ? whole_records(buffer, (size_t)count) : 0;

		cursor->offset += (int64_t)whole;
		if (whole > 0 || cursor->segment == newest)
			return whole;
		cursor->segment++;
		cursor->offset = 0;
	}
	return 0;
}
