/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/inventory/labels.h"

#include <string.h>

#include "base/arena.h"

enum { NAME_MAX_BYTES = 63, PREFIX_MAX_BYTES = 253 };

static bool alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool inner_character(char c)
{
	return alphanumeric(c) || c == '-' || c == '_' || c == '.';
}

/* Begins and ends with a letter or digit. */
static bool name_valid(const char *text, size_t length)
{
	if (length == 0 || length > NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!inner_character(text[i]))
			return false;
	return alphanumeric(text[0]) && alphanumeric(text[length - 1]);
}

/* A DNS subdomain: lower case labels of letters, digits and '-', joined by dots. */
static bool prefix_valid(const char *text, size_t length)
{
	if (length == 0 || length > PREFIX_MAX_BYTES)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool edge = i == 0 || i == length - 1 || text[i - 1] == '.' || text[i + 1] == '.';
		char c = text[i];

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			continue;
		if (edge || (c != '-' && c != '.'))
			return false;
	}
	return true;
}

bool label_key_valid(const char *key, size_t length)
{
	const char *slash = memchr(key, '/', length);

	if (!slash)
		return name_valid(key, length);
	size_t prefix = (size_t)(slash - key);
	return prefix_valid(key, prefix) && name_valid(slash + 1, length - prefix - 1);
}

bool label_value_valid(const char *value, size_t length)
{
	return length == 0 || name_valid(value, length);
}

bool labels_check(const json_t *labels, const char *field, struct error *err)
{
	const char *key;
	json_t *value;

	if (!labels)
		return true;
	if (!json_is_object(labels))
		return error_set_field(err, ERR_INVALID, field, "labels are not an object");
	if (json_object_size(labels) > LABELS_MAX)
		return error_set_field(err, ERR_INVALID, field, "more than %d labels", LABELS_MAX);
	/* jansson has no iterator for const objects; this one does not write. */
	union {
		const json_t *constant;
		json_t *mutable;
	} object = {.constant = labels};
	json_object_foreach (object.mutable, key, value) {
		bool valid = label_key_valid(key, strlen(key));

		if (!valid || !json_is_string(value) ||
		    !label_value_valid(json_string_value(value), json_string_length(value))) {
			error_set_field(err, ERR_INVALID, key,
					valid ? "label %.80s: value is not a string of at most 63 "
						"letters, digits, '-', '_' or '.'"
					      : "label key \"%.80s\" is not valid",
					key);
			error_prefix_field(err, field);
			return false;
		}
	}
	return true;
}
