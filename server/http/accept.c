/* SPDX-License-Identifier: Apache-2.0 */
#include "http/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* "0.5" -> 500; malformed counts as 0, so that nothing odd is ever preferred. */
static int quality_value(const char *text, size_t length)
{
	int value;
	int scale = 100;

	if (length == 0 || (text[0] != '0' && text[0] != '1'))
		return 0;
	value = (text[0] - '0') * 1000;
	if (length == 1)
		return value;
	if (text[1] != '.' || length > 5)
		return 0;
	for (size_t i = 2; i < length; i++, scale /= 10) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		value += (text[i] - '0') * scale;
	}
	return value > 1000 ? 0 : value;
}

static size_t trim(const char **text, size_t length)
{
	while (length > 0 && (**text == ' ' || **text == '\t')) {
		(*text)++;
		length--;
	}
	while (length > 0 && ((*text)[length - 1] == ' ' || (*text)[length - 1] == '\t'))
		length--;
	return length;
}

/* One element of a list: its name and quality. Returns where the next one begins. */
static const char *next_element(const char *list, const char **name, size_t *name_length,
				int *quality)
{
	size_t length = strcspn(list, ",");
	const char *parameter = memchr(list, ';', length);

	*name = list;
	*name_length = parameter == NULL ? length : (size_t)(parameter - list);
	*name_length = trim(name, *name_length);
	*quality = 1000;
	while (parameter != NULL) {
		const char *text = parameter + 1;
		size_t rest = length - (size_t)(text - list);
		const char *next = memchr(text, ';', rest);
		size_t size = trim(&text, next == NULL ? rest : (size_t)(next - text));

		if (size >= 2 && (text[0] == 'q' || text[0] == 'Q') && text[1] == '=')
			*quality = quality_value(text + 2, size - 2);
		parameter = next;
	}
	return list[length] == ',' ? list + length + 1 : list + length;
}

static bool same(const char *name, size_t length, const char *other)
{
	return strlen(other) == length && strncasecmp(name, other, length) == 0;
}

int accept_encoding_quality(const char *header, const char *coding)
{
	bool identity = strcasecmp(coding, "identity") == 0;
	int any = -1;

	if (header == NULL)
		return identity ? 1000 : 0;
	while (*header != '\0') {
		const char *name;
		size_t length;
		int quality;

		header = next_element(header, &name, &length, &quality);
		if (same(name, length, coding))
			return quality;
		if (same(name, length, "*"))
			any = quality;
	}
	if (any >= 0)
		return any;
	return identity ? 1 : 0;
}

bool accept_names_type(const char *header, const char *type)
{
	while (header != NULL && *header != '\0') {
		const char *name;
		size_t length;
		int quality;

		header = next_element(header, &name, &length, &quality);
		if (same(name, length, type) && quality > 0)
			return true;
	}
	return false;
}
