/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_DIGITS = 10, RETRY_USEC = 1000000 };

#define MAX_COUNT INT64_C(1000000000000000000) /* of lines */

static void segment_name(const struct segments *segments, uint64_t number, char *out, size_t size)
{
	snprintf(out, size, "%s/%010llu.log", segments->folder, (unsigned long long)number);
}

static bool name_number(const char *name, uint64_t *number)
{
	uint64_t value = 0;

	if (strlen(name) != NAME_DIGITS + 4 || strcmp(name + NAME_DIGITS, ".log") != 0)
		return false;
	for (int i = 0; i < NAME_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(name[i] - '0');
	}
	*number = value;
	return true;
}

static void newest_one(const char *name, void *arg)
{
	uint64_t *newest = arg;
	uint64_t number;

	if (name_number(name, &number) && number > *newest)
		*newest = number;
}

/* The limit may be lower than it was for the last shim. */
static void surplus_one(const char *name, void *arg)
{
	const struct segments *segments = arg;
	char path[4096];
	uint64_t number;

	if (!name_number(name, &number) ||
	    number + (uint64_t)segments->max_count > segments->number)
		return;
	segment_name(segments, number, path, sizeof(path));
	unlink(path);
}

/* Reads records back: how many lines they stand for. */
struct counter {
	int64_t lines;
	int field; /* 0 in the time, 1 at the kind, 2 in a number that counts, 3 in the text */
	char kind;
	int64_t number;
};

static void counter_feed(struct counter *counter, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = data[i];

		if (c == '\n') {
			if (counter->kind == 'o' || counter->kind == 'e')
				counter->lines++;
			else if (counter->kind == 'd' || counter->kind == 's')
				counter->lines += counter->number;
			/* What somebody else has written there need not add up. */
			if (counter->lines > MAX_COUNT)
				counter->lines = MAX_COUNT;
			*counter = (struct counter){.lines = counter->lines};
		} else if (counter->field == 0 && c == ' ') {
			counter->field = 1;
		} else if (counter->field == 1) {
			counter->kind = c;
			counter->field = c == 'd' || c == 's' ? 2 : 3;
		} else if (counter->field == 2 && c >= '0' && c <= '9' &&
			   counter->number < MAX_COUNT / 10) {
			counter->number = counter->number * 10 + (c - '0');
		}
	}
}

/* Takes over a segment of an earlier shim: the total goes on where it was. */
static void segment_continue(struct segments *segments)
{
	struct counter counter = {0};
	ssize_t got;
	char last = '\n';

	while ((got = read(segments->fd, segments->buffer, sizeof(segments->buffer))) > 0) {
		counter_feed(&counter, segments->buffer, (size_t)got);
		last = segments->buffer[got - 1];
		segments->size += got;
	}
	segments->lines = counter.lines;
	/* A power cut may have torn the last record. */
	if (last != '\n' && write(segments->fd, "\n", 1) == 1)
		segments->size++;
}

static void segment_begin(struct segments *segments)
{
	char path[4096];

	segment_name(segments, segments->number, path, sizeof(path));
	segments->size = 0;
	segments->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (segments->fd < 0) {
		segments->retry_at = now_monotonic() + RETRY_USEC;
		return;
	}
	struct stat status;
	if (fstat(segments->fd, &status) == 0 && status.st_size > 0) {
		segment_continue(segments);
		return;
	}
	int length = snprintf(segments->buffer, sizeof(segments->buffer), "%lld s %lld\n",
			      (long long)now_utc(), (long long)segments->lines);
	segments->used = (size_t)length;
}

static void segment_rotate(struct segments *segments)
{
	char path[4096];

	close(segments->fd);
	segments->number++;
	if (segments->number > (uint64_t)segments->max_count) {
		segment_name(segments, segments->number - (uint64_t)segments->max_count, path,
			     sizeof(path));
		unlink(path);
	}
	segment_begin(segments);
}

void segments_open(struct segments *segments, const struct shim_options *options)
{
	segments->folder = options->log_dir;
	segments->max_bytes = options->segment_bytes;
	segments->max_count = options->segment_count;
	segments->rate_bytes = options->rate_bytes;
	segments->tokens = 2 * options->rate_bytes;
	segments->refilled_at = now_monotonic();
	mkdir(segments->folder, 0750);
	folder_visit(segments->folder, newest_one, &segments->number);
	folder_visit(segments->folder, surplus_one, segments);
	if (segments->number == 0)
		segments->number = 1;
	segment_begin(segments);
}

/* The disk is full: the buffer from byte done on could not be written. */
static void flush_failed(struct segments *segments, size_t done)
{
	struct counter counter = {0};
	size_t whole = done;

	while (whole > 0 && segments->buffer[whole - 1] != '\n')
		whole--;
	segments->size += (int64_t)whole;
	if (whole < done && ftruncate(segments->fd, segments->size) != 0)
		segments->size += (int64_t)(done - whole);
	counter_feed(&counter, segments->buffer + whole, segments->used - whole);
	segments->lines -= counter.lines;
	segments->dropped += counter.lines;
	segments->retry_at = now_monotonic() + RETRY_USEC;
}

void segments_flush(struct segments *segments)
{
	size_t done = 0;

	if (segments->fd < 0 || segments->used == 0)
		return;
	while (done < segments->used) {
		ssize_t written =
			write(segments->fd, segments->buffer + done, segments->used - done);

		if (written <= 0)
			break;
		done += (size_t)written;
	}
	if (done < segments->used)
		flush_failed(segments, done);
	else
		segments->size += (int64_t)done;
	segments->used = 0;
	if (segments->size >= segments->max_bytes)
		segment_rotate(segments);
}

static void tokens_refill(struct segments *segments, int64_t now)
{
	int64_t elapsed = now - segments->refilled_at;

	if (segments->rate_bytes == 0) {
		segments->tokens = INT64_MAX;
		return;
	}
	if (elapsed > 2 * 1000000)
		elapsed = 2 * 1000000;
	int64_t amount = elapsed * segments->rate_bytes / 1000000;
	if (amount <= 0)
		return;
	segments->tokens += amount;
	if (segments->tokens > 2 * segments->rate_bytes)
		segments->tokens = 2 * segments->rate_bytes;
	segments->refilled_at = now;
}

static void append(struct segments *segments, const char *data, size_t size)
{
	memcpy(segments->buffer + segments->used, data, size);
	segments->used += size;
}

/* Is there a file to write to, and may we? */
static bool writable(struct segments *segments, size_t need)
{
	int64_t now = now_monotonic();

	if (segments->retry_at > now)
		return false;
	segments->retry_at = 0;
	if (segments->fd < 0)
		segment_begin(segments);
	if (segments->fd < 0)
		return false;
	if (segments->rate_bytes == 0 || segments->tokens < (int64_t)need)
		tokens_refill(segments, now);
	/* After a pause the bucket has to hold a little, or each line would bring its own mark. */
	if (segments->dropped > 0 && segments->tokens < segments->rate_bytes / 8)
		return false;
	return segments->tokens >= (int64_t)need;
}

void segments_note_dropped(struct segments *segments)
{
	char record[64];

	if (segments->dropped == 0 || segments->fd < 0)
		return;
	int size = snprintf(record, sizeof(record), "%lld d %lld\n", (long long)now_utc(),
			    (long long)segments->dropped);
	append(segments, record, (size_t)size);
	segments->lines += segments->dropped;
	segments->dropped = 0;
}

void segments_line(struct segments *segments, char kind, bool continues, const char *text,
		   size_t length)
{
	char head[64];
	size_t need = length + 2 * sizeof(head);
	bool ready = writable(segments, need);

	if (ready && segments->used + need > sizeof(segments->buffer)) {
		segments_flush(segments);
		ready = segments->fd >= 0 && segments->retry_at == 0;
	}
	if (!ready) {
		segments->dropped += !continues;
		return;
	}
	segments_note_dropped(segments);
	if (continues)
		kind = kind == 'o' ? 'O' : 'E';
	int size = snprintf(head, sizeof(head), "%lld %c ", (long long)now_utc(), kind);
	append(segments, head, (size_t)size);
	append(segments, text, length);
	append(segments, "\n", 1);
	segments->lines += !continues;
	segments->tokens -= (int64_t)need;
}
