/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* 0001-01-01T00:00:00 and 9999-12-31T23:59:59.999999, in microseconds. */
static const usec_t TIME_MIN = INT64_C(-62135596800) * USEC_PER_SEC;
static const usec_t TIME_MAX = INT64_C(253402300800) * USEC_PER_SEC - 1;

/* Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant's algorithm). */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t doe = days - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

void time_format(usec_t time, char out[TIME_TEXT_SIZE])
{
	int year, month, day;

	if (time < TIME_MIN)
		time = TIME_MIN;
	if (time > TIME_MAX)
		time = TIME_MAX;
	int64_t days = time / USEC_PER_DAY;
	int64_t rest = time % USEC_PER_DAY;
	if (rest < 0) {
		days--;
		rest += USEC_PER_DAY;
	}
	civil_from_days(days, &year, &month, &day);
	int seconds = (int)(rest / USEC_PER_SEC);
	/* The masks tell the compiler what the ranges are, so that it sees the text fits. */
	snprintf(out, TIME_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
		 (unsigned)year % 10000u, (unsigned)month % 100u, (unsigned)day % 100u,
		 (unsigned)seconds / 3600u % 100u, (unsigned)seconds / 60u % 60u,
		 (unsigned)seconds % 60u, (unsigned)(rest % USEC_PER_SEC) % 1000000u);
}

/* Reads exactly count digits and moves *text on. */
static bool read_digits(const char **text, const char *end, int count, int *out)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (*text == end || **text < '0' || **text > '9')
			return false;
		value = value * 10 + (**text - '0');
		(*text)++;
	}
	*out = value;
	return true;
}

static bool read_char(const char **text, const char *end, const char *allowed)
{
	if (*text == end || **text == '\0' || !strchr(allowed, **text))
		return false;
	(*text)++;
	return true;
}

static bool read_fraction(const char **text, const char *end, int *microseconds)
{
	int scale = 100000;
	const char *start = *text;

	*microseconds = 0;
	for (; *text < end && **text >= '0' && **text <= '9'; (*text)++) {
		*microseconds += (**text - '0') * scale;
		scale /= 10;
	}
	return *text > start;
}

/* 'Z', "+hh:mm" or, as PostgreSQL prints it, "+hh". */
static bool read_offset(const char **text, const char *end, int *minutes)
{
	int hour, minute = 0;

	if (read_char(text, end, "Zz")) {
		*minutes = 0;
		return true;
	}
	bool negative = *text < end && **text == '-';
	if (!read_char(text, end, "+-") || !read_digits(text, end, 2, &hour))
		return false;
	if (read_char(text, end, ":") && !read_digits(text, end, 2, &minute))
		return false;
	if (hour > 23 || minute > 59)
		return false;
	*minutes = negative ? -(hour * 60 + minute) : hour * 60 + minute;
	return true;
}

static bool valid_date(int year, int month, int day)
{
	static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	return day <= DAYS[month - 1] + (month == 2 && leap);
}

bool time_parse(const char *text, size_t length, usec_t *out)
{
	const char *end = text + length;
	int year, month, day, hour, minute, second, fraction = 0, offset;

	if (!read_digits(&text, end, 4, &year) || !read_char(&text, end, "-") ||
	    !read_digits(&text, end, 2, &month) || !read_char(&text, end, "-") ||
	    !read_digits(&text, end, 2, &day) || !valid_date(year, month, day))
		return false;
	if (!read_char(&text, end, "Tt ") || !read_digits(&text, end, 2, &hour) ||
	    !read_char(&text, end, ":") || !read_digits(&text, end, 2, &minute) ||
	    !read_char(&text, end, ":") || !read_digits(&text, end, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	if (read_char(&text, end, ".") && !read_fraction(&text, end, &fraction))
		return false;
	if (!read_offset(&text, end, &offset) || text != end)
		return false;
	int64_t seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 +
			  second - offset * 60;
	usec_t time = seconds * USEC_PER_SEC + fraction;
	if (time < TIME_MIN || time > TIME_MAX)
		return false;
	*out = time;
	return true;
}
