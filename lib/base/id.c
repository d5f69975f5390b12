/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/crypto.h"

static const char ALPHABET[] = "abcdefghijklmnopqrstuvwxyz234567";

void id_random(char out[ID_SIZE], const char *prefix)
{
	uint8_t bytes[ID_RANDOM_LENGTH];
	size_t length = strlen(prefix);

	assert(length + ID_RANDOM_LENGTH < ID_SIZE);
	random_bytes(bytes, sizeof(bytes));
	memcpy(out, prefix, length);
	for (size_t i = 0; i < ID_RANDOM_LENGTH; i++)
		out[length + i] = ALPHABET[bytes[i] % 32];
	out[length + ID_RANDOM_LENGTH] = '\0';
}

static bool lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool id_valid_node(const char *id)
{
	size_t length = 0;

	for (; id[length]; length++) {
		if (length == ID_MAX_LENGTH || !lower_or_digit(id[length]))
			return false;
	}
	return length > 0;
}

bool id_valid_name(const char *name)
{
	size_t length = 0;

	if (!lower_or_digit(name[0]))
		return false;
	for (; name[length]; length++) {
		char c = name[length];

		if (length == NAME_MAX_LENGTH)
			return false;
		if (!lower_or_digit(c) && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}
