/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/bundle.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "protocol/topics.h"

static const char HEAD_NAME[] = "muster-bundle";
static const char HEAD[] = "{\"v\": 1}\n";
static const char DESIRED[] = "desired/", JSON[] = ".json", PACKAGES[] = "packages/";

void bundle_head(uint8_t out[BUNDLE_HEAD_SIZE])
{
	struct ustar_entry entry = {.size = sizeof(HEAD) - 1};

	memcpy(entry.name, HEAD_NAME, sizeof(HEAD_NAME));
	memset(out, 0, BUNDLE_HEAD_SIZE);
	ustar_encode(&entry, out);
	memcpy(out + USTAR_BLOCK, HEAD, sizeof(HEAD) - 1);
}

static bool digest_valid(const char *text)
{
	return strlen(text) == SHA256_HEX_SIZE - 1 &&
	       strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

void bundle_header(const struct bundle_entry *entry, uint8_t out[USTAR_BLOCK])
{
	struct ustar_entry header = {.size = entry->size};

	assert(entry->kind != BUNDLE_END);
	if (entry->kind == BUNDLE_DESIRED) {
		assert(topic_node_valid(entry->id));
		snprintf(header.name, sizeof(header.name), "%s%s%s", DESIRED, entry->id, JSON);
	} else {
		assert(digest_valid(entry->id));
		snprintf(header.name, sizeof(header.name), "%s%s", PACKAGES, entry->id);
	}
	ustar_encode(&header, out);
}

void bundle_reader_init(struct bundle_reader *reader, bundle_read_fn read, void *arg)
{
	*reader = (struct bundle_reader){.read = read, .arg = arg};
}

static bool read_all(struct bundle_reader *reader, void *out, size_t size, struct error *err)
{
	size_t done = 0, count;

	while (done < size) {
		if (!reader->read(reader->arg, (char *)out + done, size - done, &count, err))
			return false;
		if (count == 0)
			return error_set(err, ERR_INVALID, "the bundle is cut off");
		done += count;
	}
	return true;
}

static bool read_head(struct bundle_reader *reader, struct error *err)
{
	uint8_t wanted[BUNDLE_HEAD_SIZE], head[BUNDLE_HEAD_SIZE];
	struct ustar_entry entry;
	bool end;

	bundle_head(wanted);
	if (!read_all(reader, head, USTAR_BLOCK, err) || !ustar_decode(head, &entry, &end, err) ||
	    end || strcmp(entry.name, HEAD_NAME) != 0)
		return error_set(err, ERR_INVALID, "this is not a Muster bundle");
	/* A later version may say more in its first entry. */
	if (entry.size <= USTAR_BLOCK && !read_all(reader, head + USTAR_BLOCK, USTAR_BLOCK, err))
		return false;
	if (entry.size > USTAR_BLOCK || memcmp(head, wanted, sizeof(head)) != 0)
		return error_set(err, ERR_CONFLICT,
				 "the bundle was made by a newer server, or is damaged");
	return true;
}

/* A name is the id of its kind, or this is no bundle. */
static bool take_apart(const struct ustar_entry *header, struct bundle_entry *out,
		       struct error *err)
{
	size_t length = strlen(header->name);
	struct bundle_entry entry = {.size = header->size};

	if (strncmp(header->name, DESIRED, sizeof(DESIRED) - 1) == 0 &&
	    length > sizeof(DESIRED) + sizeof(JSON) - 2 &&
	    strcmp(header->name + length - (sizeof(JSON) - 1), JSON) == 0) {
		size_t size = length - (sizeof(DESIRED) - 1) - (sizeof(JSON) - 1);

		entry.kind = BUNDLE_DESIRED;
		if (size <= LIMIT_NODE_ID)
			memcpy(entry.id, header->name + sizeof(DESIRED) - 1, size);
		if (!topic_node_valid(entry.id))
			return error_set(err, ERR_INVALID, "the bundle has an odd entry: %s",
					 header->name);
		if (entry.size > LIMIT_DOWN_MESSAGE)
			return error_set(err, ERR_TOO_LARGE, "%s is too large", header->name);
	} else if (strncmp(header->name, PACKAGES, sizeof(PACKAGES) - 1) == 0 &&
		   digest_valid(header->name + sizeof(PACKAGES) - 1)) {
		entry.kind = BUNDLE_PACKAGE;
		memcpy(entry.id, header->name + sizeof(PACKAGES) - 1, SHA256_HEX_SIZE);
	} else {
		return error_set(err, ERR_INVALID, "the bundle has an odd entry: %s", header->name);
	}
	*out = entry;
	return true;
}

/* Rising names make each entry unique, and states come before packages. */
static bool in_order(const struct bundle_reader *reader, const struct bundle_entry *entry)
{
	if (!reader->has_entry || entry->kind > reader->entry.kind)
		return true;
	return entry->kind == reader->entry.kind && strcmp(entry->id, reader->entry.id) > 0;
}

static bool read_end(struct bundle_reader *reader, struct bundle_entry *out, struct error *err)
{
	uint8_t block[USTAR_BLOCK];
	struct ustar_entry ignored;
	bool end;

	if (!read_all(reader, block, sizeof(block), err))
		return false;
	if (!ustar_decode(block, &ignored, &end, err) || !end)
		return error_set(err, ERR_INVALID, "the bundle goes on behind its end");
	*out = (struct bundle_entry){.kind = BUNDLE_END};
	return true;
}

static bool skip_rest(struct bundle_reader *reader, struct error *err)
{
	char ignored[4096];

	while (reader->left > 0) {
		size_t size = reader->left < (int64_t)sizeof(ignored) ? (size_t)reader->left
								      : sizeof(ignored);

		if (!read_all(reader, ignored, size, err))
			return false;
		reader->left -= (int64_t)size;
	}
	size_t padding = reader->padding;
	reader->padding = 0;
	return read_all(reader, ignored, padding, err);
}

bool bundle_next(struct bundle_reader *reader, struct bundle_entry *out, struct error *err)
{
	uint8_t block[USTAR_BLOCK];
	struct ustar_entry header;
	struct bundle_entry entry;
	bool end;

	if (!reader->begun && !read_head(reader, err))
		return false;
	reader->begun = true;
	if (!skip_rest(reader, err) || !read_all(reader, block, sizeof(block), err) ||
	    !ustar_decode(block, &header, &end, err))
		return false;
	if (end)
		return read_end(reader, out, err);
	if (++reader->entries > LIMIT_BUNDLE_ENTRIES)
		return error_set(err, ERR_TOO_LARGE, "the bundle has more than %d entries",
				 LIMIT_BUNDLE_ENTRIES);
	if (!take_apart(&header, &entry, err))
		return false;
	if (!in_order(reader, &entry))
		return error_set(err, ERR_INVALID, "the bundle is out of order at %s", header.name);
	reader->has_entry = true;
	reader->entry = entry;
	reader->left = entry.size;
	reader->padding = ustar_padding(entry.size);
	*out = entry;
	return true;
}

bool bundle_read(struct bundle_reader *reader, void *out, size_t size, size_t *count,
		 struct error *err)
{
	*count = 0;
	if (reader->left == 0)
		return true;
	if ((int64_t)size > reader->left)
		size = (size_t)reader->left;
	if (!reader->read(reader->arg, out, size, count, err))
		return false;
	if (*count == 0)
		return error_set(err, ERR_INVALID, "the bundle is cut off");
	reader->left -= (int64_t)*count;
	return true;
}
