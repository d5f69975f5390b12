/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_BYTES = 4096, REQUEST_ID_BYTES = 64 };

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error"};

static atomic_int sink = STDERR_FILENO;
static atomic_int lowest = LOG_LEVEL_INFO;
static _Atomic(const char *) component = "muster";
static _Thread_local char request_id[REQUEST_ID_BYTES];

/* Appends text with quotes, backslashes and control characters escaped; stops before end. */
static char *append_escaped(char *to, const char *end, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (end - to < 8)
			break;
		if (c == '"' || c == '\\') {
			*to++ = '\\';
			*to++ = (char)c;
		} else if (c == '\n') {
			*to++ = '\\';
			*to++ = 'n';
		} else if (c == '\t') {
			*to++ = '\\';
			*to++ = 't';
		} else if (c < 0x20 || c == 0x7f) {
			to += snprintf(to, 5, "\\x%02x", c);
		} else {
			*to++ = (char)c;
		}
	}
	return to;
}

static void write_line(const char *line, size_t size)
{
	int saved = errno;

	/* A log that cannot be written is lost: there is nowhere left to say so. */
	while (write(atomic_load(&sink), line, size) < 0 && errno == EINTR)
		;
	errno = saved;
}

void log_write(enum log_level level, const char *format, ...)
{
	char message[LINE_BYTES / 2];
	char line[LINE_BYTES];
	char time[TIME_TEXT_SIZE];
	va_list arguments;

	if ((int)level < atomic_load_explicit(&lowest, memory_order_relaxed))
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	time_format(clock_now_utc(), time);

	const char *end = line + sizeof(line);
	int head = snprintf(line, sizeof(line), "ts=%s level=%s component=%.32s ", time,
			    LEVEL_NAMES[level], atomic_load(&component));
	char *to = line + head;
	if (request_id[0]) {
		to += snprintf(to, (size_t)(end - to), "request_id=\"");
		to = append_escaped(to, end, request_id);
		to += snprintf(to, (size_t)(end - to), "\" ");
	}
	to += snprintf(to, (size_t)(end - to), "msg=\"");
	to = append_escaped(to, end, message);
	*to++ = '"';
	*to++ = '\n';
	write_line(line, (size_t)(to - line));
}

void log_set_level(enum log_level level)
{
	atomic_store(&lowest, (int)level);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load(&lowest);
}

bool log_level_parse(const char *name, enum log_level *level)
{
	for (size_t i = 0; i < ARRAY_SIZE(LEVEL_NAMES); i++) {
		if (strcmp(name, LEVEL_NAMES[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

const char *log_level_name(enum log_level level)
{
	return LEVEL_NAMES[level];
}

void log_set_component(const char *name)
{
	atomic_store(&component, name);
}

void log_set_request_id(const char *id)
{
	snprintf(request_id, sizeof(request_id), "%s", id ? id : "");
}

const char *log_request_id(void)
{
	return request_id;
}

void log_set_fd(int fd)
{
	atomic_store(&sink, fd);
}
