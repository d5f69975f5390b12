/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes on a stick: a bundle as a stream, read in pieces of odd sizes. Whatever is read to its end
 * can be written again to the same bytes, so there is no second way to say anything.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/strbuf.h"
#include "protocol/bundle.h"
#include "protocol/topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_BYTES = 1 << 20 };

struct input {
	const uint8_t *data;
	size_t size, at;
	size_t piece; /* so much at once */
};

static bool read_input(void *arg, void *out, size_t size, size_t *count, struct error *err)
{
	struct input *input = arg;

	(void)err;
	if (size > input->piece)
		size = input->piece;
	if (size > input->size - input->at)
		size = input->size - input->at;
	memcpy(out, input->data + input->at, size);
	input->at += size;
	*count = size;
	return true;
}

static void check_entry(const struct bundle_entry *entry)
{
	if (entry->size < 0 || entry->size > USTAR_MAX_SIZE)
		abort();
	if (entry->kind == BUNDLE_DESIRED &&
	    (!topic_node_valid(entry->id) || entry->size > LIMIT_DOWN_MESSAGE))
		abort();
	if (entry->kind == BUNDLE_PACKAGE &&
	    (strlen(entry->id) != SHA256_HEX_SIZE - 1 ||
	     strspn(entry->id, "0123456789abcdef") != SHA256_HEX_SIZE - 1))
		abort();
}

/* Reads the content of an entry and writes the entry again. False: it was cut off. */
static bool copy_entry(struct bundle_reader *reader, const struct bundle_entry *entry,
		       struct strbuf *out, struct error *err)
{
	static const char ZERO[USTAR_BLOCK];
	uint8_t header[USTAR_BLOCK];
	int64_t total = 0;
	size_t count = 1;
	char part[97];

	bundle_header(entry, header);
	strbuf_append(out, header, sizeof(header));
	while (count > 0) {
		if (!bundle_read(reader, part, sizeof(part), &count, err))
			return false;
		strbuf_append(out, part, count);
		total += (int64_t)count;
	}
	if (total != entry->size)
		abort();
	strbuf_append(out, ZERO, ustar_padding(entry->size));
	return true;
}

static void read_bundle(struct input *input, bool copy)
{
	struct arena *arena = arena_new();
	struct bundle_reader reader;
	struct bundle_entry entry, before = {0};
	struct error err = {0};
	struct strbuf again;
	uint8_t head[BUNDLE_HEAD_SIZE];
	size_t entries = 0;

	strbuf_init(&again, arena, MAX_BYTES);
	bundle_head(head);
	strbuf_append(&again, head, sizeof(head));
	bundle_reader_init(&reader, read_input, input);
	while (bundle_next(&reader, &entry, &err)) {
		if (entry.kind == BUNDLE_END) {
			static const char TAIL[BUNDLE_TAIL_SIZE];

			strbuf_append(&again, TAIL, sizeof(TAIL));
			/* Padding is not looked at when it is skipped, all else must be the same. */
			if (copy && !again.overflow && again.length != input->at)
				abort();
			break;
		}
		check_entry(&entry);
		if (entries++ > 0 && before.kind == entry.kind && strcmp(before.id, entry.id) >= 0)
			abort();
		if (entries > LIMIT_BUNDLE_ENTRIES)
			abort();
		before = entry;
		if (copy && !copy_entry(&reader, &entry, &again, &err))
			break;
	}
	if (input->at > input->size)
		abort();
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t PIECES[] = {1, 7, 511, 512, 4096};

	for (size_t i = 0; i < sizeof(PIECES) / sizeof(PIECES[0]); i++) {
		struct input input = {.data = data, .size = size, .piece = PIECES[i]};

		read_bundle(&input, i % 2 == 0);
	}
	return 0;
}
