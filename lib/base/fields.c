/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fields.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"

enum { MAX_DEPTH_IN_TEXT = 32 };

int names_find(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

static void release_json(void *object)
{
	json_decref(object);
}

json_t *json_keep(json_t *json, struct arena *arena)
{
	if (json)
		arena_defer(arena, release_json, json);
	return json;
}

static void free_text(void *text)
{
	free(text);
}

char *json_text(const json_t *json, struct arena *arena)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	/* jansson fails only without memory or on text that is not UTF-8, which it never stores. */
	assert(text);
	arena_defer(arena, free_text, text);
	return text;
}

/* Nesting of a text that may yet turn out not to be JSON. */
static unsigned nesting(const char *text, size_t length)
{
	unsigned depth = 0, deepest = 0;
	bool quoted = false;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > deepest)
				deepest = depth;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return deepest;
}

static void *json_memory(size_t size)
{
	return xcalloc(1, size);
}

void json_require_memory(void)
{
	json_set_alloc_funcs(json_memory, free);
}

bool json_parse_limited(const char *text, size_t length, unsigned max_depth, json_t **out,
			struct error *err)
{
	json_error_t reason;

	if (nesting(text, length) > max_depth)
		return error_set(err, ERR_TOO_LARGE, "JSON is nested more than %u levels deep",
				 max_depth);
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &reason);
	if (!json) {
		/* What follows "near" is a piece of the input, which may be a secret. */
		char *near = strstr(reason.text, " near ");

		if (near)
			*near = '\0';
		return error_set(err, ERR_INVALID, "not valid JSON at line %d, column %d: %s",
				 reason.line, reason.column, reason.text);
	}
	*out = json;
	return true;
}

/* Typed access to a member of a record. */
static void *member(const struct field *field, void *record)
{
	return (char *)record + field->offset;
}

static const void *const_member(const struct field *field, const void *record)
{
	return (const char *)record + field->offset;
}

static void set_count(const struct field *field, void *record, size_t count)
{
	memcpy((char *)record + field->count_offset, &count, sizeof(count));
}

static size_t get_count(const struct field *field, const void *record)
{
	size_t count;

	memcpy(&count, (const char *)record + field->count_offset, sizeof(count));
	return count;
}

static bool wrong_type(struct error *err, const struct field *field, const char *wanted)
{
	return error_set_field(err, ERR_INVALID, field->name, "must be %s", wanted);
}

static bool copy_string(const struct field *field, const json_t *value, size_t max_bytes,
			struct arena *arena, const char **out, struct error *err)
{
	if (!json_is_string(value))
		return wrong_type(err, field, "a string");
	size_t length = json_string_length(value);
	if (max_bytes && length > max_bytes)
		return error_set_field(err, ERR_TOO_LARGE, field->name,
				       "must be at most %zu bytes long, is %zu", max_bytes, length);
	*out = arena_memdup(arena, json_string_value(value), length);
	return true;
}

static bool decode_string(const struct field *field, const json_t *value, struct arena *arena,
			  void *record, struct error *err)
{
	const char **target = member(field, record);
	const char *text;

	if (!copy_string(field, value, (size_t)field->maximum, arena, &text, err))
		return false;
	if ((field->flags & FIELD_NOT_EMPTY) && !text[0])
		return error_set_field(err, ERR_INVALID, field->name, "must not be empty");
	*target = text;
	return true;
}

/* Stores an integer that may have come from JSON or from a row. */
static bool store_integer(const struct field *field, int64_t number, void *record,
			  struct error *err)
{
	bool wide = field->type == FIELD_TYPE_INT64;
	int64_t minimum = field->minimum, maximum = field->maximum;

	if (minimum == 0 && maximum == 0) {
		minimum = wide ? INT64_MIN : INT_MIN;
		maximum = wide ? INT64_MAX : INT_MAX;
	}
	if (number < minimum || number > maximum)
		return error_set_field(err, ERR_INVALID, field->name,
				       "must be between %" PRId64 " and %" PRId64 ", is %" PRId64,
				       minimum, maximum, number);
	if (wide) {
		memcpy(member(field, record), &number, sizeof(number));
	} else {
		int narrow = (int)number;

		memcpy(member(field, record), &narrow, sizeof(narrow));
	}
	return true;
}

static bool decode_integer(const struct field *field, const json_t *value, void *record,
			   struct error *err)
{
	if (!json_is_integer(value))
		return wrong_type(err, field, "an integer");
	return store_integer(field, json_integer_value(value), record, err);
}

static bool decode_double(const struct field *field, const json_t *value, void *record,
			  struct error *err)
{
	if (!json_is_number(value))
		return wrong_type(err, field, "a number");
	double number = json_number_value(value);
	memcpy(member(field, record), &number, sizeof(number));
	return true;
}

static bool decode_bool(const struct field *field, const json_t *value, void *record,
			struct error *err)
{
	if (!json_is_boolean(value))
		return wrong_type(err, field, "true or false");
	bool truth = json_is_true(value);
	memcpy(member(field, record), &truth, sizeof(truth));
	return true;
}

static bool store_time(const struct field *field, const char *text, size_t length, void *record,
		       struct error *err)
{
	usec_t time;

	if (!time_parse(text, length, &time))
		return error_set_field(err, ERR_INVALID, field->name,
				       "must be a time such as 2026-01-02T03:04:05Z");
	memcpy(member(field, record), &time, sizeof(time));
	return true;
}

static bool decode_time(const struct field *field, const json_t *value, void *record,
			struct error *err)
{
	if (!json_is_string(value))
		return wrong_type(err, field, "a time such as 2026-01-02T03:04:05Z");
	return store_time(field, json_string_value(value), json_string_length(value), record, err);
}

static void list_names(const char *const *names, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; names[i] && used < size; i++) {
		int length = snprintf(out + used, size - used, "%s%s", i ? ", " : "", names[i]);

		used += length > 0 ? (size_t)length : 0;
	}
}

static bool store_enum(const struct field *field, const char *text, void *record, struct error *err)
{
	int index = names_find(field->names, text);

	if (index < 0) {
		char allowed[160];

		list_names(field->names, allowed, sizeof(allowed));
		return error_set_field(err, ERR_INVALID, field->name,
				       "must be one of %s, is \"%.40s\"", allowed, text);
	}
	memcpy(member(field, record), &index, sizeof(index));
	return true;
}

static bool decode_enum(const struct field *field, const json_t *value, void *record,
			struct error *err)
{
	if (!json_is_string(value))
		return wrong_type(err, field, "a string");
	return store_enum(field, json_string_value(value), record, err);
}

/* Shared head of the two kinds of arrays. */
static bool check_array(const struct field *field, const json_t *value, size_t *count,
			struct error *err)
{
	if (!json_is_array(value))
		return wrong_type(err, field, "an array");
	*count = json_array_size(value);
	if (field->maximum && *count > (size_t)field->maximum)
		return error_set_field(err, ERR_TOO_LARGE, field->name,
				       "must have at most %" PRId64 " elements, has %zu",
				       field->maximum, *count);
	return true;
}

static void name_element(const struct field *field, size_t index, struct error *err)
{
	char name[sizeof(err->field)];

	snprintf(name, sizeof(name), "%s[%zu]", field->name, index);
	error_prefix_field(err, name);
}

static bool decode_strings(const struct field *field, const json_t *value, struct arena *arena,
			   void *record, struct error *err)
{
	const char ***target = member(field, record);
	size_t count;

	if (!check_array(field, value, &count, err))
		return false;
	const char **strings = arena_array(arena, count + 1, sizeof(*strings));
	for (size_t i = 0; i < count; i++) {
		if (!copy_string(field, json_array_get(value, i), field->element_max, arena,
				 &strings[i], err)) {
			err->field[0] = '\0';
			name_element(field, i, err);
			return false;
		}
	}
	*target = strings;
	set_count(field, record, count);
	return true;
}

static bool decode_record(const struct field *table, json_t *object, enum fields_mode mode,
			  struct arena *arena, void *record, struct error *err);

static bool decode_objects(const struct field *field, const json_t *value, enum fields_mode mode,
			   struct arena *arena, void *record, struct error *err)
{
	void **target = member(field, record);
	size_t count;

	if (!check_array(field, value, &count, err))
		return false;
	char *elements = arena_array(arena, count, field->element_size);
	for (size_t i = 0; i < count; i++) {
		if (!decode_record(field->table, json_array_get(value, i), mode, arena,
				   elements + i * field->element_size, err)) {
			name_element(field, i, err);
			return false;
		}
	}
	*target = elements;
	set_count(field, record, count);
	return true;
}

static bool decode_null(const struct field *field, void *record, struct error *err)
{
	if (!(field->flags & FIELD_NULLABLE))
		return error_set_field(err, ERR_INVALID, field->name, "must not be null");
	switch (field->type) {
	case FIELD_TYPE_STRING:
	case FIELD_TYPE_JSON:
		memset(member(field, record), 0, sizeof(void *));
		break;
	case FIELD_TYPE_STRINGS:
	case FIELD_TYPE_OBJECTS:
		memset(member(field, record), 0, sizeof(void *));
		set_count(field, record, 0);
		break;
	case FIELD_TYPE_INT:
		memset(member(field, record), 0, sizeof(int));
		break;
	case FIELD_TYPE_INT64:
	case FIELD_TYPE_TIME:
	case FIELD_TYPE_DOUBLE:
		memset(member(field, record), 0, sizeof(int64_t));
		break;
	case FIELD_TYPE_BOOL:
		memset(member(field, record), 0, sizeof(bool));
		break;
	case FIELD_TYPE_ENUM:
		memcpy(member(field, record), &(int){-1}, sizeof(int));
		break;
	case FIELD_TYPE_OBJECT:
	case FIELD_TYPE_END:
		break;
	}
	return true;
}

static bool decode_field(const struct field *field, json_t *value, enum fields_mode mode,
			 struct arena *arena, void *record, struct error *err)
{
	if (json_is_null(value))
		return decode_null(field, record, err);
	switch (field->type) {
	case FIELD_TYPE_STRING:
		return decode_string(field, value, arena, record, err);
	case FIELD_TYPE_INT:
	case FIELD_TYPE_INT64:
		return decode_integer(field, value, record, err);
	case FIELD_TYPE_DOUBLE:
		return decode_double(field, value, record, err);
	case FIELD_TYPE_BOOL:
		return decode_bool(field, value, record, err);
	case FIELD_TYPE_TIME:
		return decode_time(field, value, record, err);
	case FIELD_TYPE_ENUM:
		return decode_enum(field, value, record, err);
	case FIELD_TYPE_JSON:
		*(json_t **)member(field, record) = json_keep(json_incref(value), arena);
		return true;
	case FIELD_TYPE_STRINGS:
		return decode_strings(field, value, arena, record, err);
	case FIELD_TYPE_OBJECT:
		if (decode_record(field->table, value, mode, arena, member(field, record), err))
			return true;
		error_prefix_field(err, field->name);
		return false;
	case FIELD_TYPE_OBJECTS:
		return decode_objects(field, value, mode, arena, record, err);
	case FIELD_TYPE_END:
		break;
	}
	assert(false && "a field without a type");
	return false;
}

static const struct field *find_field(const struct field *table, const char *name)
{
	for (const struct field *field = table; field->name; field++) {
		if (strcmp(field->name, name) == 0)
			return field;
	}
	return NULL;
}

/* Refuses keys that a strict reader must not accept. */
static bool check_keys(const struct field *table, json_t *object, struct error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		const struct field *field = find_field(table, key);

		if (!field)
			return error_set_field(err, ERR_INVALID, key, "is not a known field");
		if (field->flags & FIELD_READ_ONLY)
			return error_set_field(err, ERR_INVALID, key, "is read-only");
	}
	return true;
}

static bool decode_record(const struct field *table, json_t *object, enum fields_mode mode,
			  struct arena *arena, void *record, struct error *err)
{
	if (!json_is_object(object))
		return error_set(err, ERR_INVALID, "must be an object");
	if (mode == FIELDS_STRICT && !check_keys(table, object, err))
		return false;
	for (const struct field *field = table; field->name; field++) {
		if ((field->flags & FIELD_READ_ONLY) && mode != FIELDS_RECORD)
			continue;
		json_t *value = json_object_get(object, field->name);
		if (value) {
			if (!decode_field(field, value, mode, arena, record, err))
				return false;
		} else if (field->flags & FIELD_REQUIRED) {
			return error_set_field(err, ERR_INVALID, field->name, "is required");
		}
	}
	return true;
}

bool fields_decode(const struct field *table, json_t *object, enum fields_mode mode,
		   struct arena *arena, void *record, struct error *err)
{
	if (decode_record(table, object, mode, arena, record, err))
		return true;
	if (err->field[0])
		error_prefix(err, "%s", err->field);
	return false;
}

static json_t *encode_string(const char *text)
{
	if (!text)
		return NULL;
	json_t *json = json_string(text);
	if (json)
		return json;
	/* Rows hold only UTF-8, but text of a system, such as stderr or the name of a file, may not. */
	char *clean = xstrdup(text);
	utf8_clean(clean);
	json = json_string(clean);
	free(clean);
	return json;
}

static json_t *encode_strings(const struct field *field, const void *record)
{
	const char *const *strings;
	size_t count = get_count(field, record);
	json_t *array = json_array();

	memcpy(&strings, const_member(field, record), sizeof(strings));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, encode_string(strings[i]));
	return array;
}

static json_t *encode_objects(const struct field *field, const void *record)
{
	const char *elements;
	size_t count = get_count(field, record);
	json_t *array = json_array();

	memcpy(&elements, const_member(field, record), sizeof(elements));
	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			array, fields_encode(field->table, elements + i * field->element_size));
	return array;
}

static json_t *encode_time(const struct field *field, const void *record)
{
	char text[TIME_TEXT_SIZE];
	usec_t time;

	memcpy(&time, const_member(field, record), sizeof(time));
	if (!time)
		return NULL;
	time_format(time, text);
	return json_string(text);
}

static json_t *encode_number(const struct field *field, const void *record)
{
	const void *place = const_member(field, record);
	int64_t wide;
	double real;
	int narrow;

	switch (field->type) {
	case FIELD_TYPE_INT:
		memcpy(&narrow, place, sizeof(narrow));
		return json_integer(narrow);
	case FIELD_TYPE_INT64:
		memcpy(&wide, place, sizeof(wide));
		return json_integer(wide);
	case FIELD_TYPE_ENUM:
		memcpy(&narrow, place, sizeof(narrow));
		return narrow < 0 ? NULL : json_string(field->names[narrow]);
	default:
		memcpy(&real, place, sizeof(real));
		/* JSON has no infinities. */
		return isfinite(real) ? json_real(real) : NULL;
	}
}

/* NULL: the member is absent. */
static json_t *encode_field(const struct field *field, const void *record)
{
	const void *place = const_member(field, record);

	switch (field->type) {
	case FIELD_TYPE_STRING:
		return encode_string(*(const char *const *)place);
	case FIELD_TYPE_BOOL:
		return json_boolean(*(const bool *)place);
	case FIELD_TYPE_TIME:
		return encode_time(field, record);
	case FIELD_TYPE_JSON:
		return json_incref(*(json_t *const *)place);
	case FIELD_TYPE_STRINGS:
		return encode_strings(field, record);
	case FIELD_TYPE_OBJECT:
		return fields_encode(field->table, place);
	case FIELD_TYPE_OBJECTS:
		return encode_objects(field, record);
	case FIELD_TYPE_INT:
	case FIELD_TYPE_INT64:
	case FIELD_TYPE_DOUBLE:
	case FIELD_TYPE_ENUM:
		return encode_number(field, record);
	case FIELD_TYPE_END:
		break;
	}
	return NULL;
}

json_t *fields_encode(const struct field *table, const void *record)
{
	json_t *object = json_object();

	for (const struct field *field = table; field->name; field++) {
		if (field->flags & FIELD_SECRET)
			continue;
		json_t *value = encode_field(field, record);
		if (!value && (field->flags & FIELD_NULLABLE))
			value = json_null();
		if (value)
			json_object_set_new(object, field->name, value);
	}
	return object;
}

static bool parse_integer(const char *text, int64_t *out)
{
	char *end;

	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return false;
	*out = number;
	return true;
}

static bool text_to_json(const struct field *field, const char *text, struct arena *arena,
			 void *record, struct error *err)
{
	json_t *json;

	if (!json_parse_limited(text, strlen(text), MAX_DEPTH_IN_TEXT, &json, err))
		return error_prefix(err, "%s", field->name);
	json_keep(json, arena);
	if (decode_field(field, json, FIELDS_RECORD, arena, record, err))
		return true;
	return error_prefix(err, "%s", err->field);
}

static bool set_from_text(const struct field *field, const char *text, struct arena *arena,
			  void *record, struct error *err)
{
	int64_t number;
	double real;
	char *end;
	bool truth;

	switch (field->type) {
	case FIELD_TYPE_STRING:
		*(const char **)member(field, record) = arena_strdup(arena, text);
		return true;
	case FIELD_TYPE_INT:
	case FIELD_TYPE_INT64:
		if (!parse_integer(text, &number))
			return wrong_type(err, field, "an integer");
		return store_integer(field, number, record, err);
	case FIELD_TYPE_DOUBLE:
		real = strtod(text, &end);
		if (end == text || *end)
			return wrong_type(err, field, "a number");
		memcpy(member(field, record), &real, sizeof(real));
		return true;
	case FIELD_TYPE_BOOL:
		truth = text[0] == 't';
		memcpy(member(field, record), &truth, sizeof(truth));
		return true;
	case FIELD_TYPE_TIME:
		return store_time(field, text, strlen(text), record, err);
	case FIELD_TYPE_ENUM:
		return store_enum(field, text, record, err);
	case FIELD_TYPE_JSON:
	case FIELD_TYPE_STRINGS:
	case FIELD_TYPE_OBJECT:
	case FIELD_TYPE_OBJECTS:
		return text_to_json(field, text, arena, record, err);
	case FIELD_TYPE_END:
		break;
	}
	assert(false && "a field without a type");
	return false;
}

bool fields_set_text(const struct field *table, const char *name, const char *text,
		     struct arena *arena, void *record, bool *known, struct error *err)
{
	const struct field *field = find_field(table, name);
	struct field nullable;

	*known = field != NULL;
	if (!field)
		return true;
	if (text)
		return set_from_text(field, text, arena, record, err);
	/* A row may hold NULL wherever its schema allows it. */
	nullable = *field;
	nullable.flags |= FIELD_NULLABLE;
	return decode_null(&nullable, record, err);
}
