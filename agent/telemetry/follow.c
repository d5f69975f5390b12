/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/follow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "process/segment.h"
#include "protocol/limits.h"
#include "state/log_position.h"

enum {
	MAX_SERVICES = 64,
	READ_BYTES = 64 * 1024,
	BATCH_BYTES = 48 * 1024, /* of text as JSON has it */
	BATCHES_PER_TURN = 8,	 /* of one service */
};

#define MAX_LINES INT64_C(1000000000000000000)

struct service_log {
	char name[LIMIT_NAME + 1];
	struct log_position position; /* kept */
};

struct follow {
	struct follow_options options;
	struct service_log logs[MAX_SERVICES];
	size_t count;
	uint64_t timer;
	bool failing; /* what was read could not be kept; said once */
	char buffer[READ_BYTES];
};

struct batch {
	struct arena *arena;
	struct msg_log_line *lines;
	size_t count;
	size_t bytes;
	int64_t dropped;
	struct log_position position; /* behind what is in the batch */
};

static void turn(void *arg)
{
	struct follow *follow = arg;

	follow->timer =
		loop_timer_set(follow->options.loop, follow->options.interval_ms, turn, follow);
	follow_turn(follow);
}

struct follow *follow_new(const struct follow_options *options)
{
	struct follow *follow = xcalloc(1, sizeof(*follow));

	follow->options = *options;
	follow->timer = loop_timer_set(options->loop, options->interval_ms, turn, follow);
	return follow;
}

void follow_free(struct follow *follow)
{
	if (!follow)
		return;
	loop_timer_cancel(follow->options.loop, follow->timer);
	free(follow);
}

static bool folder_path(const char *name, char *out, size_t size)
{
	int length = snprintf(out, size, "logs/%s", name);

	return length > 0 && (size_t)length < size;
}

/* Quotes and backslashes take two bytes in JSON. */
static size_t json_bytes(const char *text)
{
	size_t bytes = 0;

	for (; *text; text++)
		bytes += *text == '"' || *text == '\\' || *text == '\t' || *text == '\n' ? 2 : 1;
	return bytes;
}

static void add_line(struct batch *batch, const struct segment_record *record)
{
	char *text = text_clean(batch->arena, record->text, record->text_length, LIMIT_TEXT, false);

	batch->lines[batch->count++] = (struct msg_log_line){
		.at = record->at,
		.stream = record->kind == 'o' ? LOG_STDOUT : LOG_STDERR,
		.text = text,
	};
	batch->bytes += json_bytes(text);
	if (!record->continues)
		batch->position.lines++;
}

/* What somebody else has written into a segment need not add up. */
static int64_t sum(int64_t lines, int64_t more)
{
	return lines > MAX_LINES - more ? MAX_LINES : lines + more;
}

static void add_record(struct batch *batch, const struct segment_record *record)
{
	switch (record->kind) {
	case 's':
		/* More lines than we have read lie before it: the shim has removed them. */
		if (record->number > batch->position.lines)
			batch->dropped =
				sum(batch->dropped, record->number - batch->position.lines);
		batch->position.lines = record->number;
		break;
	case 'd':
		batch->dropped = sum(batch->dropped, record->number);
		batch->position.lines = sum(batch->position.lines, record->number);
		break;
	default:
		add_line(batch, record);
		break;
	}
}

static bool is_full(const struct batch *batch)
{
	return batch->count == LIMIT_LOG_LINES || batch->bytes >= BATCH_BYTES;
}

/* Whole lines of the buffer into the batch; returns the bytes that were taken. */
static size_t add_records(struct batch *batch, const char *data, size_t size)
{
	size_t taken = 0;

	while (!is_full(batch)) {
		const char *end = memchr(data + taken, '\n', size - taken);
		struct segment_record record;

		if (!end)
			break;
		if (segment_parse(data + taken, (size_t)(end - data) - taken, &record))
			add_record(batch, &record);
		taken = (size_t)(end - data) + 1;
	}
	return taken;
}

/* Opens the segment of the position, or the oldest left when that is gone. -1: none. */
static int open_segment(const char *folder, struct log_position *position)
{
	struct error ignored = {0};
	uint64_t oldest, newest;
	char path[4096];

	if (!segment_range(folder, &oldest, &newest, &ignored))
		return -1;
	if (position->segment < (int64_t)oldest || position->segment > (int64_t)newest) {
		position->segment = (int64_t)oldest;
		position->offset = 0;
	}
	if (!segment_path(folder, (uint64_t)position->segment, path, sizeof(path)))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static bool has_next_segment(const char *folder, int64_t segment)
{
	char path[4096];

	return segment_path(folder, (uint64_t)segment + 1, path, sizeof(path)) && file_exists(path);
}

/* Reads on from the batch's position until it is full or the log is at its end. */
static void fill(struct follow *follow, const char *folder, struct batch *batch)
{
	while (!is_full(batch)) {
		struct log_position *position = &batch->position;
		bool next = false;
		CLEANUP(fd_cleanup) int fd = open_segment(folder, position);
		ssize_t size;

		if (fd < 0)
			return;
		/* Asked before reading: what comes after the end of this one goes there. */
		next = has_next_segment(folder, position->segment);
		size = pread(fd, follow->buffer, sizeof(follow->buffer), position->offset);
		size_t taken = size > 0 ? add_records(batch, follow->buffer, (size_t)size) : 0;
		position->offset += (int64_t)taken;
		if (taken > 0)
			continue;
		/* A torn record at the end of a finished segment is left behind. */
		if (!next || is_full(batch))
			return;
		position->segment++;
		position->offset = 0;
	}
}

static bool store(struct follow *follow, struct service_log *log, const struct batch *batch,
		  struct error *err)
{
	const struct msg_logs logs = {
		.service = log->name,
		.lines = batch->lines,
		.line_count = batch->count,
		.place.dropped = batch->dropped,
	};

	if (!state_begin(follow->options.state, err))
		return false;
	bool ok = log_position_update(follow->options.state, log->name, &batch->position, err) &&
		  (batch->count == 0 || outgoing_logs(follow->options.outgoing, &logs, err));
	return state_end(follow->options.state, ok, err);
}

/* One batch; false when there is nothing more to read or it could not be kept. */
static bool upload_batch(struct follow *follow, struct service_log *log)
{
	struct arena *arena = arena_new();
	struct batch batch = {.arena = arena, .position = log->position};
	struct error err = {0};
	char folder[512];
	bool more = false;

	batch.lines = arena_array(arena, LIMIT_LOG_LINES, sizeof(*batch.lines));
	if (folder_path(log->name, folder, sizeof(folder)))
		fill(follow, folder, &batch);
	/* Lines that are lost are told with the next one that is there. */
	if (batch.count == 0 && batch.dropped == 0)
		log->position = batch.position;
	if (batch.count > 0) {
		if (store(follow, log, &batch, &err)) {
			log->position = batch.position;
			more = is_full(&batch);
			follow->failing = false;
		} else if (!follow->failing) {
			log_error("could not keep log lines: %s service=%s", err.text, log->name);
			follow->failing = true;
		}
	}
	arena_free(arena);
	return more;
}

static struct service_log *find_log(struct follow *follow, const char *name)
{
	struct error err = {0};

	for (size_t i = 0; i < follow->count; i++)
		if (strcmp(follow->logs[i].name, name) == 0)
			return &follow->logs[i];
	if (follow->count == MAX_SERVICES)
		return NULL;
	struct service_log *log = &follow->logs[follow->count];
	if (!log_position_find(follow->options.state, name, &log->position, &err)) {
		log_error("could not read a log position: %s", err.text);
		return NULL;
	}
	snprintf(log->name, sizeof(log->name), "%s", name);
	follow->count++;
	return log;
}

/* Cheap look: is there anything behind the position? */
static bool has_more(const struct service_log *log)
{
	char folder[512], path[4096];
	struct stat status;

	if (!folder_path(log->name, folder, sizeof(folder)))
		return false;
	if (log->position.segment == 0 ||
	    !segment_path(folder, (uint64_t)log->position.segment, path, sizeof(path)) ||
	    stat(path, &status) != 0)
		return true;
	return status.st_size != log->position.offset ||
	       has_next_segment(folder, log->position.segment);
}

bool follow_turn(struct follow *follow)
{
	DIR *folder = opendir("logs");
	const struct dirent *entry;
	bool more = false;

	while (folder && (entry = readdir(folder))) {
		struct service_log *log;

		if (!id_valid_name(entry->d_name))
			continue;
		log = find_log(follow, entry->d_name);
		if (!log || !has_more(log))
			continue;
		bool full = true;
		for (int i = 0; i < BATCHES_PER_TURN && full; i++)
			full = upload_batch(follow, log);
		more = more || full;
	}
	if (folder)
		closedir(folder);
	return more;
}
