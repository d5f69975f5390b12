/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by declaration: one table per record drives decoding, encoding and limits.
 *
 *   static const struct field NODE_FIELDS[] = {
 *       FIELD_STRING(struct node, id, FIELD_READ_ONLY, 64),
 *       FIELD_STRING(struct node, name, FIELD_REQUIRED, 120),
 *       FIELD_ENUM(struct node, status, FIELD_READ_ONLY, NODE_STATUS_NAMES),
 *       FIELD_TIME(struct node, last_seen, FIELD_NULLABLE | FIELD_READ_ONLY),
 *       FIELD_JSON(struct node, labels, 0),
 *       FIELD_END,
 *   };
 *
 * The key in JSON is the member's name; the *_AS forms give another one. The
 * only header that brings in jansson.
 *
 * Members: string: const char * (NULL = absent or null); int: int; int64: int64_t;
 * double: double; bool: bool; time: usec_t, absent or null = 0; enum: int or an
 * enum type of int's size, an index into the names; json: json_t * (NULL = absent);
 * string array: const char *const * or const char ** with a size_t count;
 * object: a nested struct with a table of its own; array of objects: T * with a
 * size_t count.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"

enum field_type {
	FIELD_TYPE_END,
	FIELD_TYPE_STRING,
	FIELD_TYPE_INT,
	FIELD_TYPE_INT64,
	FIELD_TYPE_DOUBLE,
	FIELD_TYPE_BOOL,
	FIELD_TYPE_TIME,
	FIELD_TYPE_ENUM,
	FIELD_TYPE_JSON,
	FIELD_TYPE_STRINGS,
	FIELD_TYPE_OBJECT,
	FIELD_TYPE_OBJECTS,
};

enum field_flags {
	FIELD_REQUIRED = 1 << 0,  /* decode fails when absent */
	FIELD_READ_ONLY = 1 << 1, /* encoded; refused (strict) or ignored (tolerant) when decoded */
	FIELD_SECRET = 1 << 2,	  /* decoded; never encoded */
	FIELD_NULLABLE = 1 << 3,  /* null may be sent, and an absent value is encoded as null */
	FIELD_NOT_EMPTY = 1 << 4, /* STRING: "" is refused */
};

struct field {
	const char *name;
	enum field_type type;
	unsigned flags;
	size_t offset;
	size_t count_offset;	   /* STRINGS, OBJECTS: of the size_t count */
	int64_t minimum;	   /* INT, INT64 */
	int64_t maximum;	   /* INT, INT64; STRING: bytes; STRINGS, OBJECTS: elements */
	size_t element_max;	   /* STRINGS: bytes of one */
	const char *const *names;  /* ENUM: ends with NULL */
	const struct field *table; /* OBJECT, OBJECTS */
	size_t element_size;	   /* OBJECTS: sizeof one */
};

#define FIELD_(key, kind, flag, record, member, ...)            \
	{                                                       \
		.name = (key), .type = (kind), .flags = (flag), \
		.offset = offsetof(record, member), __VA_ARGS__ \
	}

#define FIELD_STRING_AS(key, type, member, flags, max_bytes) \
	FIELD_(key, FIELD_TYPE_STRING, flags, type, member, .maximum = (max_bytes))
#define FIELD_INT_AS(key, type, member, flags, min, max) \
	FIELD_(key, FIELD_TYPE_INT, flags, type, member, .minimum = (min), .maximum = (max))
#define FIELD_INT64_AS(key, type, member, flags, min, max) \
	FIELD_(key, FIELD_TYPE_INT64, flags, type, member, .minimum = (min), .maximum = (max))
#define FIELD_DOUBLE_AS(key, type, member, flags) \
	FIELD_(key, FIELD_TYPE_DOUBLE, flags, type, member, .maximum = 0)
#define FIELD_BOOL_AS(key, type, member, flags) \
	FIELD_(key, FIELD_TYPE_BOOL, flags, type, member, .maximum = 0)
#define FIELD_TIME_AS(key, type, member, flags) \
	FIELD_(key, FIELD_TYPE_TIME, flags, type, member, .maximum = 0)
#define FIELD_ENUM_AS(key, type, member, flags, enum_names) \
	FIELD_(key, FIELD_TYPE_ENUM, flags, type, member, .names = (enum_names))
#define FIELD_JSON_AS(key, type, member, flags) \
	FIELD_(key, FIELD_TYPE_JSON, flags, type, member, .maximum = 0)
#define FIELD_STRINGS_AS(key, type, member, count_member, flags, max_count, max_bytes) \
	FIELD_(key, FIELD_TYPE_STRINGS, flags, type, member,                           \
	       .count_offset = offsetof(type, count_member), .maximum = (max_count),   \
	       .element_max = (max_bytes))
#define FIELD_OBJECT_AS(key, type, member, flags, object_table) \
	FIELD_(key, FIELD_TYPE_OBJECT, flags, type, member, .table = (object_table))
#define FIELD_OBJECTS_AS(key, type, member, count_member, flags, max_count, object_table, size) \
	FIELD_(key, FIELD_TYPE_OBJECTS, flags, type, member,                                    \
	       .count_offset = offsetof(type, count_member), .maximum = (max_count),            \
	       .table = (object_table), .element_size = (size))

#define FIELD_STRING(type, member, flags, max) FIELD_STRING_AS(#member, type, member, flags, max)
#define FIELD_INT(type, member, flags, min, max) \
	FIELD_INT_AS(#member, type, member, flags, min, max)
#define FIELD_INT64(type, member, flags, min, max) \
	FIELD_INT64_AS(#member, type, member, flags, min, max)
#define FIELD_DOUBLE(type, member, flags) FIELD_DOUBLE_AS(#member, type, member, flags)
#define FIELD_BOOL(type, member, flags) FIELD_BOOL_AS(#member, type, member, flags)
#define FIELD_TIME(type, member, flags) FIELD_TIME_AS(#member, type, member, flags)
#define FIELD_ENUM(type, member, flags, names) FIELD_ENUM_AS(#member, type, member, flags, names)
#define FIELD_JSON(type, member, flags) FIELD_JSON_AS(#member, type, member, flags)
#define FIELD_STRINGS(type, member, count_member, flags, max_count, max_bytes) \
	FIELD_STRINGS_AS(#member, type, member, count_member, flags, max_count, max_bytes)
#define FIELD_OBJECT(type, member, flags, table) \
	FIELD_OBJECT_AS(#member, type, member, flags, table)
#define FIELD_OBJECTS(type, member, count_member, flags, max_count, table, size) \
	FIELD_OBJECTS_AS(#member, type, member, count_member, flags, max_count, table, size)
#define FIELD_END            \
	{                    \
		.name = NULL \
	}

enum fields_mode {
	FIELDS_STRICT,	 /* an unknown or read-only key is ERR_INVALID */
	FIELDS_TOLERANT, /* unknown and read-only keys are ignored (newer peers) */
	FIELDS_RECORD, /* tolerant, and read-only keys are decoded too (our own storage, replies) */
};

/*
 * Decodes the members of object into record. Members that are absent keep what
 * they hold, so the caller zeroes or presets the record. Strings are copied to
 * the arena; json_t members are referenced until the arena's reset. On failure
 * ERR_INVALID (ERR_TOO_LARGE for a length or count) with the field's path, and
 * the record may be half filled: do not use it.
 */
MUST_CHECK bool fields_decode(const struct field *table, json_t *object, enum fields_mode mode,
			      struct arena *arena, void *record, struct error *err);

/* A new object with every member that is not secret; absent strings, times and JSON
 * are left out unless nullable. The caller owns it (json_decref, json_auto_t). */
json_t *fields_encode(const struct field *table, const void *record);

/* Sets the record's member of this name from text, as a row of the database has it
 * (NULL: absent). Unknown names are ignored: *known says so. Booleans are "t"/"f"; arrays and
 * objects are JSON text (to_jsonb in the query). */
MUST_CHECK bool fields_set_text(const struct field *table, const char *name, const char *text,
				struct arena *arena, void *record, bool *known, struct error *err);

/* Index of name in a NULL-terminated table, or -1. */
int names_find(const char *const *names, const char *name);

/* The first thing in main: JSON without memory stops the program, where it would otherwise be taken for a
 * value that is absent. */
void json_require_memory(void);

/*
 * Parses one JSON document: at most max_depth levels, no duplicate keys, no zero
 * bytes, object or array at the top. ERR_INVALID names line and column. The
 * caller has bounded length. *out is the caller's (json_decref).
 */
MUST_CHECK bool json_parse_limited(const char *text, size_t length, unsigned max_depth,
				   json_t **out, struct error *err);

/* The compact text (JSON_COMPACT, key order kept) in the arena. */
char *json_text(const json_t *json, struct arena *arena);

/* Hands the caller's reference over to the arena and returns json. */
json_t *json_keep(json_t *json, struct arena *arena);
