/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "store/sqlstate.h"

static void states_tell_what_to_do(void **state)
{
	static const struct {
		const char *state;
		enum error_code code;
	} CASES[] = {
		{"23505", ERR_CONFLICT},    {"23503", ERR_CONFLICT},	{"23514", ERR_INVALID},
		{"23502", ERR_INVALID},	    {"22001", ERR_INVALID},	{"22P02", ERR_INVALID},
		{"40001", ERR_UNAVAILABLE}, {"40P01", ERR_UNAVAILABLE}, {"08006", ERR_UNAVAILABLE},
		{"57P01", ERR_UNAVAILABLE}, {"57P03", ERR_UNAVAILABLE}, {"57014", ERR_TIMEOUT},
		{"53100", ERR_UNAVAILABLE}, {"58030", ERR_UNAVAILABLE}, {"53300", ERR_UNAVAILABLE},
		{"55P03", ERR_UNAVAILABLE}, {"25006", ERR_UNAVAILABLE}, {"25P03", ERR_UNAVAILABLE},
		{"54000", ERR_TOO_LARGE},   {"42601", ERR_INTERNAL},	{"42P01", ERR_INTERNAL},
		{"XX000", ERR_INTERNAL},    {"", ERR_UNAVAILABLE},	{NULL, ERR_UNAVAILABLE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
		if (sqlstate_code(CASES[i].state) != CASES[i].code)
			fail_msg("%s should be %s", CASES[i].state ? CASES[i].state : "NULL",
				 error_code_name(CASES[i].code));
}

static void only_conflicts_are_retried(void **state)
{
	(void)state;
	assert_true(sqlstate_retryable("40001"));
	assert_true(sqlstate_retryable("40P01"));
	assert_false(sqlstate_retryable("40003"));
	assert_false(sqlstate_retryable("23505"));
	assert_false(sqlstate_retryable(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_tell_what_to_do),
		cmocka_unit_test(only_conflicts_are_retried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
