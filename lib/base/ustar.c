/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ustar.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The fields of a header block. */
enum {
	NAME = 0,
	NAME_LENGTH = 100,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	SIZE_LENGTH = 12,
	TIME = 136,
	SUM = 148,
	SUM_LENGTH = 8,
	TYPE = 156,
	MAGIC = 257,
};

static const char ALLOWED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-";

static unsigned checksum(const uint8_t block[USTAR_BLOCK])
{
	unsigned sum = 0;

	/* Its own field counts as spaces. */
	for (size_t i = 0; i < USTAR_BLOCK; i++)
		sum += i >= SUM && i < SUM + SUM_LENGTH ? ' ' : block[i];
	return sum;
}

static void put(uint8_t *block, size_t at, const char *text)
{
	memcpy(block + at, text, strlen(text));
}

void ustar_encode(const struct ustar_entry *entry, uint8_t out[USTAR_BLOCK])
{
	size_t length = strlen(entry->name);
	char number[16];

	assert(length > 0 && length <= NAME_LENGTH && strspn(entry->name, ALLOWED) == length);
	assert(entry->size >= 0 && entry->size <= USTAR_MAX_SIZE);
	memset(out, 0, USTAR_BLOCK);
	put(out, NAME, entry->name);
	put(out, MODE, "0000644");
	put(out, UID, "0000000");
	put(out, GID, "0000000");
	snprintf(number, sizeof(number), "%011llo", (unsigned long long)entry->size);
	put(out, SIZE, number);
	put(out, TIME, "00000000000");
	out[TYPE] = '0';
	put(out, MAGIC, "ustar");
	put(out, MAGIC + 6, "00");
	snprintf(number, sizeof(number), "%06o", checksum(out));
	put(out, SUM, number);
	out[SUM + SUM_LENGTH - 1] = ' ';
}

static bool is_zero(const uint8_t block[USTAR_BLOCK])
{
	for (size_t i = 0; i < USTAR_BLOCK; i++)
		if (block[i] != 0)
			return false;
	return true;
}

bool ustar_decode(const uint8_t block[USTAR_BLOCK], struct ustar_entry *out, bool *end,
		  struct error *err)
{
	struct ustar_entry entry = {0};
	uint8_t again[USTAR_BLOCK];

	*end = is_zero(block);
	if (*end)
		return true;
	memcpy(entry.name, block + NAME, NAME_LENGTH);
	size_t length = strlen(entry.name);
	if (length == 0 || strspn(entry.name, ALLOWED) != length)
		return error_set(err, ERR_INVALID, "an entry has no plain name");
	for (size_t i = SIZE; i < SIZE + SIZE_LENGTH - 1; i++) {
		if (block[i] < '0' || block[i] > '7')
			return error_set(err, ERR_INVALID, "the entry %s has no plain size",
					 entry.name);
		entry.size = entry.size * 8 + (block[i] - '0');
	}
	/* There is one way to write it: whatever differs is another kind of file, or was damaged. */
	ustar_encode(&entry, again);
	if (memcmp(block, again, USTAR_BLOCK) != 0)
		return error_set(err, ERR_INVALID,
				 "the header of the entry %s is not as it should be", entry.name);
	*out = entry;
	return true;
}

size_t ustar_padding(int64_t size)
{
	size_t over = (size_t)(size % USTAR_BLOCK);

	return over == 0 ? 0 : USTAR_BLOCK - over;
}
