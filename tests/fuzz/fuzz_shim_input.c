/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shim reads: output of its service, segments that an earlier shim has left, packets of the
 * agent, the state that an earlier program hands over, its own arguments. The first byte chooses.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/segment.h"
#include "shim/shim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEGMENT_BYTES = 4 * SHIM_WRITE_BYTES, SEGMENT_COUNT = 3, MAX_ARGUMENTS = 64 };

static char folder[32];

static void folder_remove(void)
{
	char path[64];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "%s/%010u.log", folder, i);
		unlink(path);
	}
	rmdir(folder);
}

static void folder_empty(void)
{
	if (folder[0]) {
		folder_remove();
	} else {
		snprintf(folder, sizeof(folder), "/tmp/mfXXXXXX");
		if (!mkdtemp(folder))
			abort();
		rmdir(folder);
		atexit(folder_remove);
	}
	if (mkdir(folder, 0700) < 0)
		abort();
}

static void segments_begin(struct segments *segments)
{
	const struct shim_options options = {
		.log_dir = folder, .segment_bytes = SEGMENT_BYTES, .segment_count = SEGMENT_COUNT};

	*segments = (struct segments){0};
	segments_open(segments, &options);
	if (segments->fd < 0)
		abort();
}

struct sums {
	int64_t lines;
	int64_t text_bytes;
};

/* Reads a segment as the agent does. all: each line has to be a record. */
static void segment_sum(uint64_t number, bool all, struct sums *sums)
{
	static char text[4 * SEGMENT_BYTES];
	struct segment_record record;
	char path[64];

	if (!segment_path(folder, number, path, sizeof(path)))
		abort();
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	for (ssize_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', (size_t)(size - at));

		if (!end)
			abort(); /* nothing is left torn */
		bool parsed = segment_parse(text + at, (size_t)(end - text - at), &record);
		if (all && !parsed)
			abort();
		if (parsed && (record.kind == 'o' || record.kind == 'e')) {
			sums->lines += !record.continues;
			sums->text_bytes += (int64_t)record.text_length;
		}
		at = end + 1 - text;
	}
}

/* Whatever a service writes can be read back, but for its newlines. */
static void check_output(const char *data, size_t size)
{
	static struct segments segments;
	static struct tail tail;
	struct stream stream = {.kind = 'e'};
	struct sums sums = {0};
	int64_t newlines = 0;

	if (size > SEGMENT_BYTES / 2)
		return;
	folder_empty();
	segments_begin(&segments);
	stream.fd = memfd_create("output", MFD_CLOEXEC);
	if (write(stream.fd, data, size) != (ssize_t)size || lseek(stream.fd, 0, SEEK_SET) != 0)
		abort();
	stream_drain(&stream, &segments, &tail);
	segments_flush(&segments);
	close(segments.fd);
	for (uint64_t number = 1; number <= segments.number; number++)
		segment_sum(number, true, &sums);
	for (size_t i = 0; i < size; i++)
		newlines += data[i] == '\n';
	/* Up to SEGMENT_COUNT of them: with empty lines the records are longer than the output. */
	if (segments.number <= SEGMENT_COUNT &&
	    (sums.text_bytes != (int64_t)size - newlines || sums.lines != segments.lines))
		abort();
	if (tail.used > SHIM_TAIL_BYTES || tail.start >= SHIM_TAIL_BYTES)
		abort();
}

/* A segment that was left, by whomever: the next shim goes on behind it. */
static void check_left(const char *data, size_t size)
{
	static struct segments segments;
	struct sums sums = {0};
	char path[64];

	if (size > SEGMENT_BYTES)
		return;
	folder_empty();
	snprintf(path, sizeof(path), "%s/0000000007.log", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
	segments_begin(&segments);
	if (segments.number != 7 || segments.lines < 0)
		abort();
	segments_line(&segments, 'o', false, "last", 4);
	segments_flush(&segments);
	close(segments.fd);
	segment_sum(7, false, &sums);
	if (sums.lines < 1)
		abort();
}

/* A shim whose service is being stopped: no packet can start or signal anything. */
static void check_packet(const char *data, size_t size)
{
	static struct shim shim;
	int sockets[2];

	if (size == 0 || size > 511 || memmem(data, size, "upgrade", 7))
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		abort();
	shim = (struct shim){
		.options = {.name = "fuzz", .run_dir = "/nonexistent"},
		.phase = PHASE_STOPPING,
		.run = 3,
		.exits = {{.run = 1}, {.run = 2}},
		.exit_count = 2,
		.listen_fd = -1,
		.client_fd = sockets[0],
		.streams = {{.fd = -1}, {.fd = -1}},
	};
	if (send(sockets[1], data, size, MSG_NOSIGNAL) != (ssize_t)size)
		abort();
	control_receive(&shim);
	if (shim.exit_count > 2 || strlen(shim.tag) >= SHIM_MAX_TAG || shim.done ||
	    shim.phase == PHASE_RUNNING || shim.phase == PHASE_IDLE)
		abort();
	close(sockets[1]);
	if (shim.client_fd >= 0)
		close(shim.client_fd);
}

static void check_state(const char *data, size_t size)
{
	static struct shim shim;

	shim = (struct shim){.options = {.check = true}, .exit_count = 0};
	shim.options.resume_fd = memfd_create("state", MFD_CLOEXEC);
	if (write(shim.options.resume_fd, data, size) != (ssize_t)size)
		abort();
	if (upgrade_resume(&shim) &&
	    (shim.exit_count > SHIM_MAX_EXITS || strlen(shim.tag) >= SHIM_MAX_TAG ||
	     shim.tail.used > SHIM_TAIL_BYTES || shim.streams[0].used > SHIM_MAX_LINE ||
	     shim.streams[1].used > SHIM_MAX_LINE || (unsigned)shim.phase > PHASE_KILLING))
		abort();
	close(shim.options.resume_fd);
}

/* One argument a line; they are the same afterwards, for the program that takes our place. */
static void check_arguments(const char *data, size_t size)
{
	struct shim_options options = {0};
	char *argv[MAX_ARGUMENTS + 1] = {NULL};
	char *text = strndup(data, size);
	int count = 0;

	for (char *line = text; line && *line && count < MAX_ARGUMENTS;) {
		argv[count++] = line;
		line = strchr(line, '\n');
		if (line)
			*line++ = '\0';
	}
	char *before = malloc(size + 1);
	memcpy(before, text, strlen(data) < size ? strlen(data) + 1 : size + 1);
	const char *why;
	if (options_parse(count, argv, &options, &why) &&
	    (!options.command || !options.name || options.cgroup_count > SHIM_MAX_CGROUPS ||
	     options.group_count > SHIM_MAX_GROUPS || options.limit_count > SHIM_MAX_LIMITS))
		abort();
	for (int i = 0; i < count; i++) {
		if (strcmp(argv[i], before + (argv[i] - text)) != 0)
			abort();
	}
	free(before);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	char *text = calloc(1, size);
	memcpy(text, data + 1, size - 1);
	switch (data[0]) {
	case 'o':
		check_output(text, size - 1);
		break;
	case 'l':
		check_left(text, size - 1);
		break;
	case 'p':
		check_packet(text, size - 1);
		break;
	case 'u':
		check_state(text, size - 1);
		break;
	default:
		check_arguments(text, size - 1);
		break;
	}
	free(text);
	return 0;
}
