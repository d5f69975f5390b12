/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "test.h"

static void test_set_fills_code_and_text(void **state)
{
	struct error err;

	(void)state;
	assert_false(error_set(&err, ERR_CONFLICT, "version %d is taken", 3));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_string_equal(err.text, "version 3 is taken");
	assert_string_equal(err.field, "");
}

static void test_prefix_reads_outside_in_and_keeps_the_code(void **state)
{
	struct error err;

	(void)state;
	error_set_field(&err, ERR_NOT_FOUND, "id", "no such node");
	assert_false(error_prefix(&err, "rollout %s", "r1"));
	assert_string_equal(err.text, "rollout r1: no such node");
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.field, "id");
}

static void test_text_may_come_from_the_error_itself(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, ERR_INVALID, "first");
	error_set(&err, ERR_INTERNAL, "second after %s", err.text);
	assert_string_equal(err.text, "second after first");
}

static void test_long_text_is_cut_between_characters(void **state)
{
	char text[600];
	struct error err;

	(void)state;
	/* Two bytes each: the cut falls into the middle of one. */
	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[sizeof(text) - 2] = '\0';
	error_set(&err, ERR_INVALID, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(err.text[sizeof(err.text) - 2], '?');
	error_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void test_bytes_that_are_not_utf8_are_replaced(void **state)
{
	struct error err;

	(void)state;
	error_set(&err, ERR_INVALID, "a\xff\xc0z");
	assert_string_equal(err.text, "a??z");
}

static void test_field_paths_join(void **state)
{
	struct error err;

	(void)state;
	error_set_field(&err, ERR_INVALID, "version", "is required");
	error_prefix_field(&err, "package");
	error_prefix_field(&err, "changes[2]");
	assert_string_equal(err.field, "changes[2].package.version");
	error_set(&err, ERR_INVALID, "must be an object");
	error_prefix_field(&err, "labels");
	assert_string_equal(err.field, "labels");
	error_set_field(&err, ERR_INVALID, "[1]", "x");
	error_prefix_field(&err, "a");
	assert_string_equal(err.field, "a[1]");
}

static void test_errno_gives_the_reason(void **state)
{
	struct error err;

	(void)state;
	error_set_errno(&err, ERR_NOT_FOUND, 2, "could not open %s", "x");
	assert_string_equal(err.text, "could not open x: No such file or directory");
	error_clear(&err);
	assert_int_equal(err.code, ERR_NONE);
	assert_string_equal(error_code_name(ERR_TOO_LARGE), "too_large");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_fills_code_and_text),
		cmocka_unit_test(test_prefix_reads_outside_in_and_keeps_the_code),
		cmocka_unit_test(test_text_may_come_from_the_error_itself),
		cmocka_unit_test(test_long_text_is_cut_between_characters),
		cmocka_unit_test(test_bytes_that_are_not_utf8_are_replaced),
		cmocka_unit_test(test_field_paths_join),
		cmocka_unit_test(test_errno_gives_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
