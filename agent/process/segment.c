/* SPDX-License-Identifier: Apache-2.0 */
#include "process/segment.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { NAME_DIGITS = 10, NUMBER_MAX_DIGITS = 18 };

/* Digits up to the next space; *at stands behind it afterwards. */
static bool number_take(const char *line, size_t length, size_t *at, int64_t *out)
{
	size_t i = *at;
	int64_t value = 0;

	for (; i < length && line[i] >= '0' && line[i] <= '9'; i++) {
		if (i - *at >= NUMBER_MAX_DIGITS)
			return false;
		value = value * 10 + (line[i] - '0');
	}
	if (i == *at)
		return false;
	*at = i;
	*out = value;
	return true;
}

bool segment_parse(const char *line, size_t length, struct segment_record *out)
{
	struct segment_record record = {0};
	size_t at = 0;

	if (!number_take(line, length, &at, &record.at) || at + 3 > length || line[at] != ' ' ||
	    line[at + 2] != ' ')
		return false;
	record.kind = line[at + 1];
	at += 3;
	switch (record.kind) {
	case 'O':
	case 'E':
		record.continues = true;
		record.kind = record.kind == 'O' ? 'o' : 'e';
		break;
	case 'o':
	case 'e':
		break;
	case 'd':
	case 's':
		if (!number_take(line, length, &at, &record.number) || at != length)
			return false;
		*out = record;
		return true;
	default:
		return false;
	}
	record.text = line + at;
	record.text_length = length - at;
	if (record.text_length > SEGMENT_MAX_TEXT)
		return false;
	*out = record;
	return true;
}

bool segment_number(const char *file_name, uint64_t *number)
{
	size_t at = 0;
	int64_t value;

	if (!number_take(file_name, strlen(file_name), &at, &value) || at != NAME_DIGITS ||
	    strcmp(file_name + at, ".log") != 0)
		return false;
	*number = (uint64_t)value;
	return true;
}

bool segment_path(const char *folder, uint64_t number, char *out, size_t size)
{
	int length = snprintf(out, size, "%s/%010llu.log", folder, (unsigned long long)number);

	return length > 0 && (size_t)length < size;
}

bool segment_range(const char *folder, uint64_t *oldest, uint64_t *newest, struct error *err)
{
	DIR *entries = opendir(folder);
	const struct dirent *entry;
	uint64_t low = UINT64_MAX, high = 0, number;

	if (!entries)
		return error_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL, errno,
				       "could not open folder %s", folder);
	while ((entry = readdir(entries))) {
		if (!segment_number(entry->d_name, &number))
			continue;
		low = number < low ? number : low;
		high = number > high ? number : high;
	}
	closedir(entries);
	if (low > high)
		return error_set(err, ERR_NOT_FOUND, "no log segment in %s", folder);
	*oldest = low;
	*newest = high;
	return true;
}
