/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <jansson.h>

#include "base/arena.h"
#include "domain/inventory/labels.h"
#include "domain/inventory/selector.h"

static bool matches(const char *selector, const char *labels_text)
{
	struct arena *arena = arena_new();
	json_auto_t *labels = json_loads(labels_text, 0, NULL);
	struct error err = {0};
	json_t *requirements;

	assert_success(selector_parse(selector, arena, &requirements, &err), &err);
	bool result = selector_matches(requirements, labels);
	arena_free(arena);
	return result;
}

#define PLANT "{\"site\":\"plant-3\",\"line\":\"2\",\"example.com/zone\":\"a\",\"empty\":\"\"}"

static void requirements_hold_or_not(void **state)
{
	static const struct {
		const char *selector;
		bool matches;
	} CASES[] = {
		{"site=plant-3", true},
		{"site==plant-3", true},
		{"site = plant-3 , line=2", true},
		{"site=plant-3,line=3", false},
		{"site!=plant-4", true},
		{"site!=plant-3", false},
		{"spare!=yes", true},
		{"line in (1,2)", true},
		{"line in ( 1 , 3 )", false},
		{"line notin (1,3)", true},
		{"line notin (2)", false},
		{"spare notin (yes)", true},
		{"spare in (yes)", false},
		{"site", true},
		{"spare", false},
		{"!spare", true},
		{"! spare", true},
		{"!site", false},
		{"line>1", true},
		{"line > 2", false},
		{"line<3", true},
		{"line<-3", false},
		{"site>1", false},
		{"spare<1", false},
		{"example.com/zone=a", true},
		{"empty=", true},
		{"empty in (,x)", true},
		{"site=", false},
		{"in in (a)", false},
		{"*", true},
		{" * ", true},
		{"", false},
		{"   ", false},
		{"site=plant-3,line in (1,2),!spare", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
		if (matches(CASES[i].selector, PLANT) != CASES[i].matches)
			fail_msg("\"%s\" should %smatch", CASES[i].selector,
				 CASES[i].matches ? "" : "not ");
}

static void errors_name_the_position(void **state)
{
	static const struct {
		const char *selector;
		const char *position;
	} CASES[] = {
		{"site=plant 3", "position 12"},
		{"=x", "position 1"},
		{"site=plant-3,", "position 14"},
		{"line in 1", "position 9"},
		{"line in (1", "position 11"},
		{"line within (1)", "position 6"},
		{"line>x", "position 6"},
		{"line>9999999999999999999", "position 6"},
		{"!", "position 2"},
		{"*,site", "position 2"},
		{"a/b/c=1", "position 1"},
		{"-site=1", "position 1"},
		{"site=-x", "position 6"},
		{"site=a;drop", "position 6"},
		{"site=a'", "position 6"},
		{"Ünit=1", "position 1"},
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
		struct error err = {0};
		json_t *requirements = NULL;

		assert_failure(selector_parse(CASES[i].selector, arena, &requirements, &err), &err,
			       ERR_INVALID);
		assert_contains(err.text, CASES[i].position);
		assert_string_equal(err.field, "selector");
		assert_null(requirements);
	}
	arena_free(arena);
}

static void sizes_are_bounded(void **state)
{
	struct arena *arena = arena_new();
	char text[2 * SELECTOR_MAX_BYTES];
	struct error err = {0};
	json_t *requirements;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_failure(selector_parse(text, arena, &requirements, &err), &err, ERR_INVALID);
	text[0] = '\0';
	for (int i = 0; i <= SELECTOR_MAX_REQUIREMENTS; i++)
		strcat(text, i ? ",a" : "a");
	assert_failure(selector_parse(text, arena, &requirements, &err), &err, ERR_INVALID);
	strcpy(text, "a in (");
	for (int i = 0; i <= SELECTOR_MAX_VALUES; i++)
		strcat(text, "b,");
	strcat(text, "b)");
	assert_failure(selector_parse(text, arena, &requirements, &err), &err, ERR_INVALID);
	arena_free(arena);
}

static bool labels_pass(const char *text)
{
	json_auto_t *labels = json_loads(text, JSON_DECODE_ANY, NULL);
	struct error err = {0};

	return labels_check(labels, "labels", &err);
}

static void labels_follow_the_rules(void **state)
{
	(void)state;
	assert_true(labels_pass("{}"));
	assert_true(labels_pass(PLANT));
	assert_true(labels_pass("{\"a.b/c_d\":\"E-f.9\"}"));
	assert_false(labels_pass("[]"));
	assert_false(labels_pass("{\"site\":1}"));
	assert_false(labels_pass("{\"\":\"x\"}"));
	assert_false(labels_pass("{\"/x\":\"x\"}"));
	assert_false(labels_pass("{\"x/\":\"x\"}"));
	assert_false(labels_pass("{\"A.b/c\":\"x\"}"));
	assert_false(labels_pass("{\"a..b/c\":\"x\"}"));
	assert_false(labels_pass("{\"site\":\"-x\"}"));
	assert_false(labels_pass("{\"site\":\"a b\"}"));
	assert_false(labels_pass("{\"site\":\"0123456789012345678901234567890123456789012345678901"
				 "23456789abcd\"}"));
}

static void wrong_label_is_named(void **state)
{
	json_auto_t *labels = json_loads("{\"good\":\"1\",\"bad key\":\"x\"}", 0, NULL);
	struct error err = {0};

	(void)state;
	assert_failure(labels_check(labels, "labels", &err), &err, ERR_INVALID);
	assert_string_equal(err.field, "labels.bad key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requirements_hold_or_not),
		cmocka_unit_test(errors_name_the_position),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(labels_follow_the_rules),
		cmocka_unit_test(wrong_label_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
