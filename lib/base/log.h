/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One logfmt line on stderr per call:
 *
 *   ts=2026-01-02T03:04:05.000006Z level=info component=musterd request_id=r1 msg="..."
 *
 * Only the edges log (workers, loops, main); everything else returns errors. An
 * error is logged once. The message ends in key=value pairs when there is more
 * to say; control characters and quotes are escaped, so input cannot forge lines.
 * Thread-safe; a line is written with one write(2).
 */
#pragma once

#include <stdbool.h>

#include "base/compiler.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

void log_write(enum log_level level, const char *format, ...) PRINTF_FORMAT(2, 3);

/* Lines below level are dropped. The default is info. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "debug", "info", "warn", "error"; false for anything else. */
bool log_level_parse(const char *name, enum log_level *level);
const char *log_level_name(enum log_level level);

/* Name of the program or part in each line; a string that stays. */
void log_set_component(const char *name);

/* The request id in each line of this thread until the next call. NULL: none.
 * The text is copied (truncated to 63 bytes). */
void log_set_request_id(const char *request_id);
const char *log_request_id(void); /* "" when there is none */

/* Where lines go, for children and tests: a file descriptor, 2 at the start. */
void log_set_fd(int fd);
