/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. Inside, a point in time is usec_t: microseconds since 1970 UTC, or since
 * boot for the two clocks that never jump. At the edges it is RFC 3339 in UTC.
 *
 * clock.c holds nothing but the three readings, so that a test can replace them
 * at link time (tests/support/fake_clock.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

typedef int64_t usec_t;

#define USEC_PER_MSEC INT64_C(1000)
#define USEC_PER_SEC INT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)

/* Room for "2026-01-02T03:04:05.000006Z" and the zero byte. */
#define TIME_TEXT_SIZE 28

usec_t clock_now_utc(void);
usec_t clock_monotonic(void); /* stops in suspend */
usec_t clock_boottime(void);  /* counts suspend: for deadlines on devices */

/* Always 27 characters, microseconds and Z. Years outside 1..9999 are clamped. */
void time_format(usec_t time, char out[TIME_TEXT_SIZE]);

/*
 * Parses RFC 3339: date, 'T' or 't' or a space, time, optional fraction (digits
 * past microseconds are cut off), 'Z' or an offset. Also PostgreSQL's "+00".
 * A leap second (:60) counts as the first instant of the next minute.
 */
MUST_CHECK bool time_parse(const char *text, size_t length, usec_t *out);
