/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/rollout/cron.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { DAY_MINUTES = 24 * 60, SEARCH_DAYS = 8 * 366, FIELD_COUNT = 5, TEXT_MAX = 128 };

static const struct cron_field {
	const char *name;
	int minimum, maximum;
	const char *const *words; /* the first stands for minimum */
} FIELDS[FIELD_COUNT] = {
	{"minute", 0, 59, NULL},
	{"hour", 0, 23, NULL},
	{"day of month", 1, 31, NULL},
	{"month", 1, 12,
	 (const char *const[]){"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct",
			       "nov", "dec", NULL}},
	{"day of week", 0, 7,
	 (const char *const[]){"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL}},
};

static bool number_of(const struct cron_field *field, const char **text, int *out)
{
	char *end;

	for (int i = 0; field->words != NULL && field->words[i] != NULL; i++)
		if (strncasecmp(*text, field->words[i], 3) == 0) {
			*text += 3;
			*out = field->minimum + i;
			return true;
		}
	if (**text < '0' || **text > '9')
		return false;
	long value = strtol(*text, &end, 10);
	if (value < field->minimum || value > field->maximum || end - *text > 2)
		return false;
	*text = end;
	*out = (int)value;
	return true;
}

/* "*", "5", "1-5", each perhaps with "/2". */
static bool part_of(const struct cron_field *field, const char **text, uint64_t *bits)
{
	int from = field->minimum, to = field->maximum;
	long step = 1;
	char *end;

	if (**text == '*') {
		*text += 1;
		/* Sunday is 0 and 7: once is enough. */
		if (to == 7)
			to = 6;
	} else {
		if (!number_of(field, text, &from))
			return false;
		to = from;
		if (**text == '-') {
			*text += 1;
			if (!number_of(field, text, &to) || to < from)
				return false;
		} else if (**text == '/') {
			to = field->maximum;
		}
	}
	if (**text == '/') {
		step = strtol(*text + 1, &end, 10);
		if (end == *text + 1 || step < 1 || step > field->maximum)
			return false;
		*text = end;
	}
	for (int value = from; value <= to; value += (int)step)
		*bits |= UINT64_C(1) << value;
	return true;
}

static bool field_parse(const struct cron_field *field, const char *text, uint64_t *bits)
{
	*bits = 0;
	for (;;) {
		if (!part_of(field, &text, bits))
			return false;
		if (*text == '\0')
			return true;
		if (*text != ',')
			return false;
		text++;
	}
}

bool cron_parse(const char *text, struct cron *out, struct error *err)
{
	uint64_t bits[FIELD_COUNT];
	char copy[TEXT_MAX], *rest, *word;
	bool star[FIELD_COUNT];

	if (strlen(text) >= sizeof(copy))
		return error_set(err, ERR_INVALID, "longer than %d characters", TEXT_MAX - 1);
	memcpy(copy, text, strlen(text) + 1);
	rest = copy;
	for (int i = 0; i < FIELD_COUNT; i++) {
		word = strtok_r(rest, " \t", &rest);
		if (word == NULL)
			return error_set(err, ERR_INVALID,
					 "expected five fields: minute hour day month weekday");
		star[i] = word[0] == '*';
		if (!field_parse(&FIELDS[i], word, &bits[i]))
			return error_set(
				err, ERR_INVALID,
				"\"%.20s\" is no %s: expected %d to %d, as in 1,3-5 or */2", word,
				FIELDS[i].name, FIELDS[i].minimum, FIELDS[i].maximum);
	}
	if (strtok_r(rest, " \t", &rest) != NULL)
		return error_set(err, ERR_INVALID,
				 "expected five fields: minute hour day month weekday");
	*out = (struct cron){
		.minutes = bits[0],
		.hours = (uint32_t)bits[1],
		.days = (uint32_t)bits[2],
		.months = (uint32_t)bits[3],
		.weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
		.every_day = star[2],
		.every_weekday = star[4],
	};
	return true;
}

static bool day_fits(const struct cron *cron, int64_t day)
{
	time_t at = (time_t)day * DAY_MINUTES * 60;
	struct tm date;

	gmtime_r(&at, &date);
	if ((cron->months >> (date.tm_mon + 1) & 1) == 0)
		return false;
	bool by_day = cron->days >> date.tm_mday & 1;
	bool by_weekday = cron->weekdays >> date.tm_wday & 1;
	return cron->every_day || cron->every_weekday ? by_day && by_weekday : by_day || by_weekday;
}

static bool minute_fits(const struct cron *cron, int minute)
{
	return (cron->hours >> (minute / 60) & 1) && (cron->minutes >> (minute % 60) & 1);
}

static int64_t day_of(int64_t minute)
{
	return minute >= 0 ? minute / DAY_MINUTES : -((-minute + DAY_MINUTES - 1) / DAY_MINUTES);
}

bool cron_next(const struct cron *cron, int64_t after, int64_t *out)
{
	int64_t first = day_of(after + 1);

	for (int64_t day = first; day < first + SEARCH_DAYS; day++) {
		if (!day_fits(cron, day))
			continue;
		int begin = day == first ? (int)(after + 1 - first * DAY_MINUTES) : 0;
		for (int minute = begin; minute < DAY_MINUTES; minute++)
			if (minute_fits(cron, minute)) {
				*out = day * DAY_MINUTES + minute;
				return true;
			}
	}
	return false;
}

bool cron_previous(const struct cron *cron, int64_t at, int64_t *out)
{
	int64_t last = day_of(at);

	for (int64_t day = last; day > last - SEARCH_DAYS; day--) {
		if (!day_fits(cron, day))
			continue;
		int begin = day == last ? (int)(at - last * DAY_MINUTES) : DAY_MINUTES - 1;
		for (int minute = begin; minute >= 0; minute--)
			if (minute_fits(cron, minute)) {
				*out = day * DAY_MINUTES + minute;
				return true;
			}
	}
	return false;
}
