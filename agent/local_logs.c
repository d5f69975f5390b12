/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a service for somebody at the device, at the pace at which he reads. */
#include <stdlib.h>
#include <string.h>

#include "app_internal.h"
#include "base/id.h"
#include "process/segment.h"
#include "process/segment_tail.h"
#include "protocol/limits.h"
#include "verbs.h"

enum {
	DEFAULT_LINES = 50,
	MAX_LINES = 10000,
	READ_BYTES = 32 * 1024,
	BUSY_BYTES = 128 * 1024, /* not taken yet: wait */
	BUSY_MS = 20,
	FOLLOW_MS = 250,
};

struct reader {
	struct loop *loop;
	struct control_client *client;
	uint64_t timer;
	bool follow;
	char folder[LIMIT_NAME + 8];
	struct segment_cursor cursor;
};

static void reader_free(void *arg)
{
	struct reader *reader = arg;

	loop_timer_cancel(reader->loop, reader->timer);
	free(reader);
}

/* False: the client does not want any more. */
static bool send_record(struct reader *reader, const struct segment_record *record,
			struct arena *arena)
{
	char at[TIME_TEXT_SIZE];

	time_format(record->at, at);
	if (record->kind == 'd')
		return control_send(reader->client,
				    json_pack("{s:s, s:s, s:s}", "at", at, "stream", "agent",
					      "text",
					      arena_printf(arena, "%lld lines were dropped here",
							   (long long)record->number)));
	if (record->kind != 'o' && record->kind != 'e')
		return true;
	return control_send(
		reader->client,
		json_pack("{s:s, s:s, s:s, s:b}", "at", at, "stream",
			  record->kind == 'o' ? "stdout" : "stderr", "text",
			  text_clean(arena, record->text, record->text_length, LIMIT_TEXT, false),
			  "continues", record->continues));
}

static bool send_records(struct reader *reader, const char *data, size_t size)
{
	struct arena *arena = arena_new();
	bool wanted = true;

	for (size_t begin = 0; begin < size && wanted;) {
		const char *end = memchr(data + begin, '\n', size - begin);
		size_t length = end ? (size_t)(end - data) - begin : size - begin;
		struct segment_record record;

		if (segment_parse(data + begin, length, &record))
			wanted = send_record(reader, &record, arena);
		begin += length + 1;
	}
	arena_free(arena);
	return wanted;
}

static void read_on(void *arg)
{
	struct reader *reader = arg;
	char buffer[READ_BYTES];
	size_t size = 0;

	reader->timer = 0;
	if (control_backlog(reader->client) < BUSY_BYTES) {
		size = segment_read(reader->folder, &reader->cursor, buffer, sizeof(buffer));
		if (size == 0 && !reader->follow) {
			control_end(reader->client, NULL);
			reader_free(reader);
			return;
		}
		/* One that is gone has freed the reader. */
		if (size > 0 && !send_records(reader, buffer, size))
			return;
	}
	reader->timer =
		loop_timer_set(reader->loop, size > 0 ? BUSY_MS : FOLLOW_MS, read_on, reader);
}

static bool read_request(json_t *request, struct app *app, const char **name, size_t *lines,
			 struct error *err)
{
	json_t *count = json_object_get(request, "lines");
	struct service_status status;

	*name = json_string_value(json_object_get(request, "service"));
	if (!*name || !id_valid_name(*name))
		return error_set(err, ERR_INVALID, "logs needs the name of a service");
	*lines = DEFAULT_LINES;
	if (count && (json_integer_value(count) < 0 || json_integer_value(count) > MAX_LINES))
		return error_set(err, ERR_INVALID, "lines is 0 to %d", MAX_LINES);
	if (count)
		*lines = (size_t)json_integer_value(count);
	if (supervisor_status(app->supervisor, *name, &status))
		return true;
	return error_set(err, ERR_NOT_FOUND,
			 "there is no service \"%s\" here; \"muster-agent status\" shows them",
			 *name);
}

void verb_logs(struct control_client *client, json_t *request, void *arg)
{
	struct app *app = arg;
	struct error err = {0};
	const char *name;
	size_t lines;

	if (!read_request(request, app, &name, &lines, &err)) {
		control_fail(client, &err);
		return;
	}
	struct reader *reader = xcalloc(1, sizeof(*reader));
	reader->loop = app->loop;
	reader->client = client;
	reader->follow = json_is_true(json_object_get(request, "follow"));
	snprintf(reader->folder, sizeof(reader->folder), "logs/%s", name);
	segment_tail(reader->folder, lines, &reader->cursor);
	control_on_gone(client, reader_free, reader);
	reader->timer = loop_timer_set(app->loop, 0, read_on, reader);
}
