/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { READS_PER_TURN = 16 };

static void tail_append(struct tail *tail, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		tail->bytes[(tail->start + tail->used) % SHIM_TAIL_BYTES] = data[i];
		if (tail->used < SHIM_TAIL_BYTES)
			tail->used++;
		else
			tail->start = (tail->start + 1) % SHIM_TAIL_BYTES;
	}
}

static void lines_split(struct stream *stream, struct segments *segments, const char *data,
			size_t size)
{
	while (size > 0) {
		const char *end = memchr(data, '\n', size);
		size_t take = end ? (size_t)(end - data) : size;
		size_t room = SHIM_MAX_LINE - stream->used;

		if (take > room) {
			memcpy(stream->line + stream->used, data, room);
			segments_line(segments, stream->kind, true, stream->line, SHIM_MAX_LINE);
			stream->used = 0;
			data += room;
			size -= room;
			continue;
		}
		memcpy(stream->line + stream->used, data, take);
		stream->used += take;
		if (end) {
			segments_line(segments, stream->kind, false, stream->line, stream->used);
			stream->used = 0;
			take++;
		}
		data += take;
		size -= take;
	}
}

/* False: nothing more to read, for now or (*ended) for ever. */
static bool read_once(struct stream *stream, struct segments *segments, struct tail *tail,
		      bool *ended)
{
	char buffer[SHIM_READ_BYTES];
	ssize_t got = read(stream->fd, buffer, sizeof(buffer));

	if (got <= 0) {
		*ended = got == 0 || (errno != EAGAIN && errno != EINTR);
		return false;
	}
	if (stream->kind == 'e')
		tail_append(tail, buffer, (size_t)got);
	lines_split(stream, segments, buffer, (size_t)got);
	return true;
}

bool stream_read(struct stream *stream, struct segments *segments, struct tail *tail)
{
	bool ended = false;

	/* Bounded, so that a fast writer cannot keep us from the control socket. */
	for (int i = 0; i < READS_PER_TURN; i++) {
		if (!read_once(stream, segments, tail, &ended))
			break;
	}
	return !ended;
}

void stream_drain(struct stream *stream, struct segments *segments, struct tail *tail)
{
	bool ended = false;

	while (stream->fd >= 0 && read_once(stream, segments, tail, &ended))
		;
	if (stream->used > 0) {
		segments_line(segments, stream->kind, false, stream->line, stream->used);
		stream->used = 0;
	}
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}
