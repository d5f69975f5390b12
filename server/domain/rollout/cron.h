/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The five fields of cron (minute hour day-of-month month day-of-week) over local calendar time. Pure:
 * knows no time zone and no clock. A moment is a number of minutes since 1970-01-01 00:00 on the wall
 * clock of whoever asks; store/time_zones.h turns it into a real one.
 *
 * As in cron, a day fits when day-of-month and day-of-week both fit, or, if both are restricted, either.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

struct cron {
	uint64_t minutes;
	uint32_t hours;
	uint32_t days;	   /* bit 1 to 31 */
	uint32_t months;   /* bit 1 to 12 */
	uint32_t weekdays; /* bit 0 is Sunday */
	bool every_day;
	bool every_weekday;
};

/* ERR_INVALID says which field is wrong and what it may hold. */
MUST_CHECK bool cron_parse(const char *text, struct cron *out, struct error *err);

/* The first fitting minute after this one, or the last that is not after it; false when there is none
 * within eight years, in which every day of the calendar comes. */
bool cron_next(const struct cron *cron, int64_t after, int64_t *out);
bool cron_previous(const struct cron *cron, int64_t at, int64_t *out);
