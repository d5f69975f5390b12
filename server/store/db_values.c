/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters on their way out, values of rows on their way in. All but bytea travels as text. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fields.h"
#include "base/strbuf.h"
#include "store/db_internal.h"

enum { ARRAY_MAX_BYTES = 16 << 20 };

struct db_value db_null(void)
{
	return (struct db_value){.type = DB_VALUE_NULL};
}

struct db_value db_text(const char *text)
{
	return text ? (struct db_value){.type = DB_VALUE_TEXT, .text = text} : db_null();
}

struct db_value db_int(int64_t value)
{
	return (struct db_value){.type = DB_VALUE_INT, .integer = value};
}

struct db_value db_double(double value)
{
	return (struct db_value){.type = DB_VALUE_DOUBLE, .real = value};
}

struct db_value db_bool(bool value)
{
	return (struct db_value){.type = DB_VALUE_BOOL, .integer = value};
}

struct db_value db_time(usec_t at)
{
	return at ? (struct db_value){.type = DB_VALUE_TIME, .integer = at} : db_null();
}

struct db_value db_bytes(const void *bytes, size_t size_bytes)
{
	return bytes ? (struct db_value){.type = DB_VALUE_BYTES, .size = size_bytes, .bytes = bytes}
		     : db_null();
}

struct db_value db_json(const json_t *json)
{
	return json ? (struct db_value){.type = DB_VALUE_JSON, .json = json} : db_null();
}

struct db_value db_texts(const char *const *texts, size_t count)
{
	return (struct db_value){.type = DB_VALUE_TEXT_ARRAY, .size = count, .texts = texts};
}

struct db_value db_ints(const int64_t *values, size_t count)
{
	return (struct db_value){.type = DB_VALUE_INT_ARRAY, .size = count, .integers = values};
}

/* PostgreSQL's array literal: {"a","b"} with backslashes before quotes and backslashes. */
static const char *texts_literal(struct arena *arena, const struct db_value *value)
{
	struct strbuf out;

	strbuf_init(&out, arena, ARRAY_MAX_BYTES);
	strbuf_append_char(&out, '{');
	for (size_t i = 0; i < value->size; i++) {
		strbuf_append_string(&out, i ? ",\"" : "\"");
		for (const char *c = value->texts[i]; *c; c++) {
			if (*c == '"' || *c == '\\')
				strbuf_append_char(&out, '\\');
			strbuf_append_char(&out, *c);
		}
		strbuf_append_char(&out, '"');
	}
	strbuf_append_char(&out, '}');
	assert(!out.overflow);
	return out.data;
}

static const char *ints_literal(struct arena *arena, const struct db_value *value)
{
	struct strbuf out;

	strbuf_init(&out, arena, ARRAY_MAX_BYTES);
	strbuf_append_char(&out, '{');
	for (size_t i = 0; i < value->size; i++)
		strbuf_printf(&out, i ? ",%" PRId64 : "%" PRId64, value->integers[i]);
	strbuf_append_char(&out, '}');
	assert(!out.overflow);
	return out.data;
}

static const char *json_literal(struct arena *arena, const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	assert(text);
	char *copy = arena_strdup(arena, text);
	free(text);
	return copy;
}

static const char *value_text(struct arena *arena, const struct db_value *value)
{
	char *text;

	switch (value->type) {
	case DB_VALUE_NULL:
	case DB_VALUE_BYTES:
		return value->type == DB_VALUE_NULL ? NULL : value->bytes;
	case DB_VALUE_TEXT:
		return value->text;
	case DB_VALUE_INT:
		return arena_printf(arena, "%" PRId64, value->integer);
	case DB_VALUE_DOUBLE:
		return arena_printf(arena, "%.17g", value->real);
	case DB_VALUE_BOOL:
		return value->integer ? "t" : "f";
	case DB_VALUE_TIME:
		text = arena_alloc(arena, TIME_TEXT_SIZE);
		time_format(value->integer, text);
		return text;
	case DB_VALUE_JSON:
		return json_literal(arena, value->json);
	case DB_VALUE_TEXT_ARRAY:
		return texts_literal(arena, value);
	case DB_VALUE_INT_ARRAY:
		return ints_literal(arena, value);
	}
	return NULL;
}

void db_wire_encode(struct arena *arena, const struct db_args *args, struct db_wire *out)
{
	size_t count = args ? args->count : 0;

	assert(count <= DB_ARGS_MAX);
	out->count = (int)count;
	for (size_t i = 0; i < count; i++) {
		const struct db_value *value = &args->values[i];

		out->values[i] = value_text(arena, value);
		out->lengths[i] = value->type == DB_VALUE_BYTES ? (int)value->size : 0;
		out->formats[i] = value->type == DB_VALUE_BYTES;
	}
}

static const struct db_cell *cell(const struct db_rows *rows, size_t row, size_t column)
{
	assert(row < rows->count && column < rows->column_count);
	return &rows->cells[row * rows->column_count + column];
}

bool db_get_null(const struct db_rows *rows, size_t row, size_t column)
{
	return !cell(rows, row, column)->text;
}

const char *db_get_text(const struct db_rows *rows, size_t row, size_t column)
{
	return cell(rows, row, column)->text;
}

int64_t db_get_int(const struct db_rows *rows, size_t row, size_t column)
{
	const char *text = cell(rows, row, column)->text;

	return text ? strtoll(text, NULL, 10) : 0;
}

double db_get_double(const struct db_rows *rows, size_t row, size_t column)
{
	const char *text = cell(rows, row, column)->text;

	return text ? strtod(text, NULL) : 0;
}

bool db_get_bool(const struct db_rows *rows, size_t row, size_t column)
{
	const char *text = cell(rows, row, column)->text;

	return text && text[0] == 't';
}

usec_t db_get_time(const struct db_rows *rows, size_t row, size_t column)
{
	const struct db_cell *value = cell(rows, row, column);
	usec_t at;

	return value->text && time_parse(value->text, value->length, &at) ? at : 0;
}

const void *db_get_bytes(const struct db_rows *rows, size_t row, size_t column, size_t *size_bytes)
{
	const struct db_cell *value = cell(rows, row, column);

	*size_bytes = value->length;
	return value->text;
}

json_t *db_get_json(const struct db_rows *rows, size_t row, size_t column)
{
	const struct db_cell *value = cell(rows, row, column);

	return value->text ? json_loadb(value->text, value->length, JSON_DECODE_ANY, NULL) : NULL;
}

bool db_scan(const struct db_rows *rows, size_t row, struct arena *arena,
	     const struct field *fields, void *out, struct error *err)
{
	bool known;

	for (size_t column = 0; column < rows->column_count; column++)
		if (!fields_set_text(fields, rows->columns[column], cell(rows, row, column)->text,
				     arena, out, &known, err))
			return error_prefix(err, "column %s", rows->columns[column]);
	return true;
}
