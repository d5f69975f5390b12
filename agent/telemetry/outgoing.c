/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/outgoing.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"
#include "protocol/limits.h"
#include "state/spool.h"

static const char REPLACEMENT[] = "\xEF\xBF\xBD";

/* Takes over body. */
static bool append(struct outgoing *outgoing, enum channel stream, json_t *body, int64_t items,
		   struct error *err)
{
	bool ok = spool_append(outgoing->state, stream, body, items, outgoing->budget_bytes, err);

	json_decref(body);
	if (ok && outgoing->added)
		outgoing->added(outgoing->arg);
	return ok;
}

static bool append_or_log(struct outgoing *outgoing, enum channel stream, json_t *body,
			  int64_t items)
{
	struct error err = {0};
	bool ok = append(outgoing, stream, body, items, &err);

	if (!ok)
		log_error("could not keep a message of the stream %s: %s",
			  channel_info(stream)->name, err.text);
	return ok;
}

void outgoing_event(struct outgoing *outgoing, enum severity severity, const char *kind,
		    const char *service, json_t *data, const char *format, ...)
{
	struct arena *arena = arena_new();
	struct msg_event event = {
		.at = clock_now_utc(), .kind = kind, .severity = severity, .service = service};
	struct msg_events events = {.at = event.at, .events = &event, .event_count = 1};
	va_list arguments;

	va_start(arguments, format);
	char *text = arena_vprintf(arena, format, arguments);
	va_end(arguments);
	event.text = text_clean(arena, text, strlen(text), LIMIT_TEXT, false);
	event.data = data;
	append_or_log(outgoing, CHANNEL_EVENTS, msg_events_encode(&events), 1);
	json_decref(data);
	arena_free(arena);
}

void outgoing_result(struct outgoing *outgoing, const struct msg_result *result)
{
	struct msg_result copy = *result;

	copy.at = clock_now_utc();
	append_or_log(outgoing, CHANNEL_RESULT, msg_result_encode(&copy), 1);
}

bool outgoing_reported(struct outgoing *outgoing, const struct msg_reported *reported)
{
	struct msg_reported copy = *reported;

	copy.at = clock_now_utc();
	return append_or_log(outgoing, CHANNEL_REPORTED, msg_reported_encode(&copy), 0);
}

bool outgoing_logs(struct outgoing *outgoing, const struct msg_logs *logs, struct error *err)
{
	return append(outgoing, CHANNEL_LOGS, msg_logs_encode(logs), (int64_t)logs->line_count,
		      err);
}

/* Bytes of the UTF-8 character that begins here, 0 when none does. */
static size_t character_size(const char *data, size_t size)
{
	unsigned char head = (unsigned char)data[0];
	size_t length = head < 0x80 ? 1 : head < 0xE0 ? 2 : head < 0xF0 ? 3 : 4;

	if (length > size || !utf8_valid(data, length))
		return 0;
	if (length == 1 && (head < 0x20 || head == 0x7F) && head != '\t' && head != '\n')
		return 0;
	return length;
}

char *text_clean(struct arena *arena, const char *data, size_t size, size_t max_bytes, bool tail)
{
	char *out = arena_alloc(arena, size * 3 + 1);
	size_t length = 0;

	for (size_t i = 0; i < size;) {
		size_t count = character_size(data + i, size - i);
		size_t grown = count ? count : sizeof(REPLACEMENT) - 1;

		if (!tail && length + grown > max_bytes)
			break;
		memcpy(out + length, count ? data + i : REPLACEMENT, grown);
		length += grown;
		i += count ? count : 1;
	}
	out[length] = '\0';
	if (length <= max_bytes)
		return out;
	char *begin = out + (length - max_bytes);
	while (((unsigned char)*begin & 0xC0) == 0x80) /* the rest of a cut character */
		begin++;
	return begin;
}
