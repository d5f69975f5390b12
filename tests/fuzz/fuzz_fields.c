/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON from outside through a table with every type. What decodes must encode,
 * and what was encoded must decode to the same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_DEPTH = 16 };

static const char *const KINDS[] = {"one", "two", NULL};

struct part {
	const char *name;
	int64_t size;
};

static const struct field PART_FIELDS[] = {
	FIELD_STRING(struct part, name, FIELD_REQUIRED | FIELD_NOT_EMPTY, 16),
	FIELD_INT64(struct part, size, 0, 0, 0),
	FIELD_END,
};

struct record {
	const char *text;
	int count;
	int64_t big;
	double real;
	bool on;
	usec_t at;
	int kind;
	json_t *labels;
	const char **tags;
	size_t tag_count;
	struct part part;
	struct part *parts;
	size_t part_count;
};

static const struct field RECORD_FIELDS[] = {
	FIELD_STRING(struct record, text, FIELD_NULLABLE, 64),
	FIELD_INT(struct record, count, FIELD_NULLABLE, -5, 5),
	FIELD_INT64(struct record, big, 0, 0, 0),
	FIELD_DOUBLE(struct record, real, 0),
	FIELD_BOOL(struct record, on, FIELD_NULLABLE),
	FIELD_TIME(struct record, at, FIELD_NULLABLE),
	FIELD_ENUM(struct record, kind, FIELD_NULLABLE, KINDS),
	FIELD_JSON(struct record, labels, 0),
	FIELD_STRINGS(struct record, tags, tag_count, FIELD_NULLABLE, 4, 8),
	FIELD_OBJECT(struct record, part, 0, PART_FIELDS),
	FIELD_OBJECTS(struct record, parts, part_count, FIELD_NULLABLE, 3, PART_FIELDS,
		      sizeof(struct part)),
	FIELD_END,
};

static void round_trip(const struct record *record, struct arena *arena)
{
	struct record again = {.part = {.name = "p"}};
	struct error err;

	json_t *json = json_keep(fields_encode(RECORD_FIELDS, record), arena);
	if (!fields_decode(RECORD_FIELDS, json, FIELDS_RECORD, arena, &again, &err))
		abort();
	json_t *second = json_keep(fields_encode(RECORD_FIELDS, &again), arena);
	if (!json_equal(json, second))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct record record = {.part = {.name = "p"}};
	struct error err;
	json_t *json;

	if (json_parse_limited((const char *)data, size, MAX_DEPTH, &json, &err)) {
		json_keep(json, arena);
		if (fields_decode(RECORD_FIELDS, json, FIELDS_TOLERANT, arena, &record, &err))
			round_trip(&record, arena);
		record = (struct record){.part = {.name = "p"}};
		if (fields_decode(RECORD_FIELDS, json, FIELDS_STRICT, arena, &record, &err))
			round_trip(&record, arena);
	}
	arena_free(arena);
	return 0;
}
