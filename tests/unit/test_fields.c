/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fields.h"
#include "test.h"

enum color { RED, GREEN };

static const char *const COLOR_NAMES[] = {"red", "green", NULL};

struct part {
	const char *name;
	int64_t size;
};

static const struct field PART_FIELDS[] = {
	FIELD_STRING(struct part, name, FIELD_REQUIRED | FIELD_NOT_EMPTY, 10),
	FIELD_INT64(struct part, size, 0, 0, 1000),
	FIELD_END,
};

struct thing {
	const char *id;
	const char *name;
	const char *password;
	const char *note;
	int count;
	int64_t big;
	double ratio;
	bool on;
	usec_t at;
	enum color color;
	json_t *labels;
	const char **tags;
	size_t tag_count;
	struct part main_part;
	struct part *parts;
	size_t part_count;
};

static const struct field THING_FIELDS[] = {
	FIELD_STRING(struct thing, id, FIELD_READ_ONLY, 64),
	FIELD_STRING(struct thing, name, FIELD_REQUIRED, 8),
	FIELD_STRING(struct thing, password, FIELD_SECRET, 64),
	FIELD_STRING(struct thing, note, FIELD_NULLABLE, 0),
	FIELD_INT(struct thing, count, 0, 1, 10),
	FIELD_INT64(struct thing, big, 0, 0, 0),
	FIELD_DOUBLE(struct thing, ratio, 0),
	FIELD_BOOL(struct thing, on, 0),
	FIELD_TIME(struct thing, at, FIELD_NULLABLE),
	FIELD_ENUM(struct thing, color, 0, COLOR_NAMES),
	FIELD_JSON(struct thing, labels, 0),
	FIELD_STRINGS(struct thing, tags, tag_count, 0, 3, 4),
	FIELD_OBJECT_AS("main", struct thing, main_part, 0, PART_FIELDS),
	FIELD_OBJECTS(struct thing, parts, part_count, 0, 2, PART_FIELDS, sizeof(struct part)),
	FIELD_END,
};

struct fixture {
	struct arena *arena;
	struct thing thing;
	struct error err;
};

static int setup(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));

	fixture->arena = arena_new();
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static bool decode(struct fixture *fixture, const char *text, enum fields_mode mode)
{
	json_t *json;

	fixture->thing = (struct thing){0};
	assert_success(json_parse_limited(text, strlen(text), 8, &json, &fixture->err),
		       &fixture->err);
	json_keep(json, fixture->arena);
	return fields_decode(THING_FIELDS, json, mode, fixture->arena, &fixture->thing,
			     &fixture->err);
}

static void test_all_types_round_trip(void **state)
{
	static const char TEXT[] =
		"{\"id\":\"x1\",\"name\":\"n\",\"note\":null,\"count\":7,"
		"\"big\":9223372036854775807,\"ratio\":0.5,\"on\":true,"
		"\"at\":\"2026-01-02T03:04:05.000006Z\",\"color\":\"green\","
		"\"labels\":{\"site\":\"p3\"},\"tags\":[\"a\",\"b\"],"
		"\"main\":{\"name\":\"m\",\"size\":1},"
		"\"parts\":[{\"name\":\"p\",\"size\":2},{\"name\":\"q\",\"size\":3}]}";
	struct fixture *fixture = *state;
	struct thing *thing = &fixture->thing;

	assert_success(decode(fixture, TEXT, FIELDS_RECORD), &fixture->err);
	assert_int_equal(thing->count, 7);
	assert_int_equal(thing->big, INT64_MAX);
	assert_true(thing->on);
	assert_int_equal(thing->color, GREEN);
	assert_int_equal(thing->tag_count, 2);
	assert_string_equal(thing->tags[1], "b");
	assert_null(thing->tags[2]);
	assert_int_equal(thing->main_part.size, 1);
	assert_string_equal(thing->parts[1].name, "q");
	json_t *json = fields_encode(THING_FIELDS, thing);
	assert_string_equal(json_text(json, fixture->arena), TEXT);
	json_decref(json);
}

static void test_secrets_are_never_encoded(void **state)
{
	struct fixture *fixture = *state;

	assert_success(decode(fixture, "{\"name\":\"n\",\"password\":\"hush\"}", FIELDS_STRICT),
		       &fixture->err);
	assert_string_equal(fixture->thing.password, "hush");
	json_auto_t *json = fields_encode(THING_FIELDS, &fixture->thing);
	assert_null(json_object_get(json, "password"));
	assert_null(json_object_get(json, "id"));
	assert_true(json_is_null(json_object_get(json, "at")));
	fixture->thing.note = "stderr: \xff";
	json_auto_t *again = fields_encode(THING_FIELDS, &fixture->thing);
	assert_string_equal(json_string_value(json_object_get(again, "note")), "stderr: ?");
}

static void test_failures_name_the_field(void **state)
{
	static const struct {
		const char *text, *field, *part;
		enum error_code code;
	} CASES[] = {
		{"{}", "name", "is required", ERR_INVALID},
		{"{\"name\":null}", "name", "null", ERR_INVALID},
		{"{\"name\":5}", "name", "a string", ERR_INVALID},
		{"{\"name\":\"123456789\"}", "name", "at most 8", ERR_TOO_LARGE},
		{"{\"name\":\"n\",\"count\":11}", "count", "between 1 and 10", ERR_INVALID},
		{"{\"name\":\"n\",\"count\":0}", "count", "is 0", ERR_INVALID},
		{"{\"name\":\"n\",\"count\":1.0}", "count", "an integer", ERR_INVALID},
		{"{\"name\":\"n\",\"ratio\":\"1\"}", "ratio", "a number", ERR_INVALID},
		{"{\"name\":\"n\",\"on\":1}", "on", "true or false", ERR_INVALID},
		{"{\"name\":\"n\",\"at\":\"today\"}", "at", "a time", ERR_INVALID},
		{"{\"name\":\"n\",\"color\":\"blue\"}", "color", "red, green", ERR_INVALID},
		{"{\"name\":\"n\",\"tags\":[\"a\",\"12345\"]}", "tags[1]", "at most 4",
		 ERR_TOO_LARGE},
		{"{\"name\":\"n\",\"tags\":[\"\",\"\",\"\",\"\"]}", "tags", "at most 3",
		 ERR_TOO_LARGE},
		{"{\"name\":\"n\",\"main\":{\"name\":\"\"}}", "main.name", "empty", ERR_INVALID},
		{"{\"name\":\"n\",\"main\":3}", "main", "an object", ERR_INVALID},
		{"{\"name\":\"n\",\"parts\":[{\"name\":\"p\"},{\"size\":1}]}", "parts[1].name",
		 "is required", ERR_INVALID},
		{"{\"name\":\"n\",\"parts\":[1]}", "parts[0]", "an object", ERR_INVALID},
		{"{\"name\":\"n\",\"parts\":{}}", "parts", "an array", ERR_INVALID},
		{"{\"name\":\"n\",\"naem\":1}", "naem", "not a known field", ERR_INVALID},
		{"{\"name\":\"n\",\"id\":\"x\"}", "id", "read-only", ERR_INVALID},
		{"{\"name\":\"n\",\"main\":{\"name\":\"m\",\"x\":1}}", "main.x",
		 "not a known field", ERR_INVALID},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		assert_failure(decode(fixture, CASES[i].text, FIELDS_STRICT), &fixture->err,
			       CASES[i].code);
		assert_string_equal(fixture->err.field, CASES[i].field);
		assert_contains(fixture->err.text, CASES[i].part);
		assert_contains(fixture->err.text, CASES[i].field);
	}
}

static void test_tolerant_ignores_what_it_does_not_know(void **state)
{
	struct fixture *fixture = *state;

	assert_success(
		decode(fixture, "{\"name\":\"n\",\"future\":{},\"id\":\"x\"}", FIELDS_TOLERANT),
		&fixture->err);
	assert_null(fixture->thing.id);
}

static void test_rows_of_text(void **state)
{
	static const struct {
		const char *name, *text;
	} ROW[] = {
		{"id", "x1"},
		{"note", NULL},
		{"count", "3"},
		{"on", "t"},
		{"at", "2026-01-02 03:04:05.000006+00"},
		{"color", "green"},
		{"labels", "{\"a\": \"b\"}"},
		{"tags", "[\"u\"]"},
		{"ratio", "2.5"},
	};
	struct fixture *fixture = *state;
	bool known;

	for (size_t i = 0; i < ARRAY_SIZE(ROW); i++) {
		assert_success(fields_set_text(THING_FIELDS, ROW[i].name, ROW[i].text,
					       fixture->arena, &fixture->thing, &known,
					       &fixture->err),
			       &fixture->err);
		assert_true(known);
	}
	assert_string_equal(fixture->thing.id, "x1");
	assert_int_equal(fixture->thing.at, INT64_C(1767323045000006));
	assert_int_equal(fixture->thing.color, GREEN);
	assert_string_equal(fixture->thing.tags[0], "u");
	assert_string_equal(json_string_value(json_object_get(fixture->thing.labels, "a")), "b");
	assert_success(fields_set_text(THING_FIELDS, "other", "1", fixture->arena, &fixture->thing,
				       &known, &fixture->err),
		       &fixture->err);
	assert_false(known);
	assert_failure(fields_set_text(THING_FIELDS, "count", "3x", fixture->arena, &fixture->thing,
				       &known, &fixture->err),
		       &fixture->err, ERR_INVALID);
}

static void test_parser_limits(void **state)
{
	static const char *const WRONG[] = {"",
					    "1",
					    "\"a\"",
					    "{\"a\":1",
					    "[1]x",
					    "{'a':1}",
					    "{\"a\":1,\"a\":2}",
					    "[\"\\u0000\"]",
					    "[\xff]",
					    "[1e999]"};
	struct fixture *fixture = *state;
	json_t *json = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(WRONG); i++)
		assert_failure(
			json_parse_limited(WRONG[i], strlen(WRONG[i]), 8, &json, &fixture->err),
			&fixture->err, ERR_INVALID);
	assert_failure(json_parse_limited("[[[1]]]", 7, 2, &json, &fixture->err), &fixture->err,
		       ERR_TOO_LARGE);
	assert_null(json);
	assert_success(json_parse_limited("[[\"[[[[\\\"[[\"]]", 14, 2, &json, &fixture->err),
		       &fixture->err);
	json_decref(json);
}

static void test_parse_errors_do_not_quote_the_input(void **state)
{
	struct fixture *fixture = *state;
	json_t *json;

	assert_failure(json_parse_limited("{\"password\":\n hunter2}", 22, 8, &json, &fixture->err),
		       &fixture->err, ERR_INVALID);
	assert_null(strstr(fixture->err.text, "hunter2"));
	assert_contains(fixture->err.text, "line 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_types_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_secrets_are_never_encoded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures_name_the_field, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tolerant_ignores_what_it_does_not_know, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_rows_of_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parser_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parse_errors_do_not_quote_the_input, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
